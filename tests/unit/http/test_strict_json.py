"""What the strict reader refuses, and that it does so quickly."""

import json
from contextlib import suppress
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.http.problems import Fault, ProblemError
from orders.http.strict_json import MAX_NESTING, Number, child, parse

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def faults_of(body: bytes) -> list[tuple[str, str]]:
    with pytest.raises(ProblemError) as caught:
        parse(body)

    assert caught.value.code == "malformed_body"
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


@given(VALUES)
def test_sound_json_is_read_as_by_the_standard_library(value: object) -> None:
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize("text", ["1.50", "1e400", "-0.0", "1E-7", "9" * 21])
def test_numbers_that_are_no_plain_integers_keep_their_text(text: str) -> None:
    assert parse(text.encode()) == Number(text)


@pytest.mark.parametrize("digits", [400, 5000, 60_000])
def test_a_number_of_many_digits_is_not_computed(digits: int) -> None:
    assert parse(b"9" * digits) == Number("9" * digits)


def test_all_repeated_names_are_told_with_their_places() -> None:
    body = b'{"a":1,"a":2,"b":[{"c":1,"c":1,"c":1}],"d":{"e":NaN}}'

    assert faults_of(body) == [
        ("/a", "duplicate_key"),
        ("/b/0/c", "duplicate_key"),
        ("/d/e", "not_json"),
    ]


def test_names_are_the_same_however_they_are_spelled() -> None:
    assert faults_of(b'{"a":1,"\\u0061":2}') == [("/a", "duplicate_key")]


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_constants_that_json_lacks_are_refused(constant: bytes) -> None:
    assert faults_of(b"[0, %s]" % constant) == [("/1", "not_json")]


@pytest.mark.parametrize(
    "body",
    [rb'["\ud800"]', rb'["\udc00\ud800"]', rb'["a\uDFFFb"]'],
)
def test_lone_surrogates_are_refused(body: bytes) -> None:
    assert faults_of(body) == [("/0", "invalid_unicode")]


def test_a_lone_surrogate_in_a_name_has_a_printable_place() -> None:
    ((pointer, code),) = faults_of(rb'{"a\ud800":1}')

    assert (pointer.encode(), code) == (b"/a?", "invalid_unicode")


def test_a_surrogate_pair_is_a_character() -> None:
    assert parse(rb'"\ud83d\ude00"') == "😀"


@pytest.mark.parametrize(
    "body", [b"\xef\xbb\xbf{}", "{}".encode("utf-16"), "{}".encode("utf-32"), b"\xff"]
)
def test_only_bare_utf_8_is_read(body: bytes) -> None:
    assert faults_of(body)[0][0] == ""


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_ten_thousand_brackets_are_refused_before_parsing(opening: bytes) -> None:
    assert faults_of(opening * 10_000) == [("", "nesting_too_deep")]


def test_nesting_up_to_the_limit_is_read() -> None:
    assert parse(b"[" * MAX_NESTING + b"]" * MAX_NESTING)


def test_nesting_over_the_limit_is_refused() -> None:
    deep = MAX_NESTING + 1

    assert faults_of(b"[" * deep + b"]" * deep) == [("", "nesting_too_deep")]


def test_brackets_in_strings_do_not_nest() -> None:
    text = '[{"' * 100 + "\\"

    assert parse(json.dumps([text, text]).encode()) == [text, text]


def test_siblings_do_not_nest() -> None:
    assert parse(json.dumps([[]] * 1000).encode()) == [[]] * 1000


@pytest.mark.parametrize(
    "body",
    [
        b'"\\' * 32_768,
        b"[]" * 20 + b'"\\' * 32_000,
        b'"' * 65_535,
        b"[]" * 20 + b'"' * 65_001,
        b"[]" * 20 + b'"' + b"\\" * 65_000,
        b"[]" * 32_000,
        b" " * 65_000 + b"x",
        b'{"a":1' + b',"a":1' * 10_000 + b"}",
    ],
)
def test_nothing_makes_the_reader_slow(body: bytes) -> None:
    began = process_time()

    faults_of(body)

    assert process_time() - began < 0.5


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(ProblemError):
        parse(body)


def test_pointers_escape_what_rfc_6901_reserves() -> None:
    assert child("/a", "m~n/o") == "/a/m~0n~1o"
    assert child("", 0) == "/0"


def test_a_syntax_error_names_its_line_and_column() -> None:
    with pytest.raises(ProblemError) as caught:
        parse(b'{"a":\n  oops}')

    assert caught.value.faults == (
        Fault("", "not_json", "Expecting value: line 2, column 3"),
    )
