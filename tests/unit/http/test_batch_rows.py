"""Cutting a batch into rows, and reading each."""

import json

import pytest

from orders.http.batch_body import split_array, split_lines
from orders.http.batch_rows import CheckedRows, Row, check_rows
from orders.http.problems import MAX_FAULTS, ProblemError
from orders.http.slices import SLICE_SECONDS, Slices

LINE = {"product_id": 3, "quantity": 2, "line_total": "9.50"}
ORDER = {"user_id": 7, "items": [LINE], "total": "9.50"}


def check(process, *rows: object, keyed: bool = False) -> CheckedRows:
    texts = [r if isinstance(r, bytes) else json.dumps(r).encode() for r in rows]
    slices = Slices(process, process.clock)
    return check_rows(texts, "USD", 1000, keyed=keyed, slices=slices)


def faults(checked: CheckedRows) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in checked.faults]


def test_an_array_is_cut_into_its_elements() -> None:
    rows = split_array(b' [{"a": [1, "],["]} , 2]\n')

    assert [bytes(row) for row in rows] == [b'{"a": [1, "],["]}', b"2"]


@pytest.mark.parametrize(
    ("body", "code", "fault"),
    [
        (b"[{}", "malformed_body", "not_json"),
        (b"[{},]", "malformed_body", "not_json"),
        (b"[] []", "malformed_body", "not_json"),
        (b"\xef\xbb\xbf[]", "malformed_body", "not_json"),
        (b"[" * 100_000, "malformed_body", "nesting_too_deep"),
        (b"{}", "invalid_batch", "wrong_type"),
    ],
)
def test_what_is_no_array_is_refused(body: bytes, code: str, fault: str) -> None:
    with pytest.raises(ProblemError) as caught:
        split_array(body)

    assert caught.value.code == code
    assert [f.code for f in caught.value.faults] == [fault]


def test_empty_lines_do_not_count() -> None:
    assert split_lines(b"\n{}\r\n \n[]\n") == [b"{}\r", b"[]"]


def test_a_valid_row_is_read_as_a_single_order_is(process) -> None:
    [row] = check(process, ORDER).rows

    assert isinstance(row, Row)
    assert (row.request.user_id, row.request.total, row.key) == (7, 950, None)


def test_faults_are_placed_in_the_batch(process) -> None:
    line = {**LINE, "quantity": 0}

    checked = check(process, ORDER, {**ORDER, "items": [line]}, 5)

    assert faults(checked) == [
        ("/1/items/0/quantity", "out_of_range"),
        ("/2", "wrong_type"),
    ]


def test_a_row_that_is_not_sound_json_does_not_spoil_the_others(process) -> None:
    checked = check(process, b"{", ORDER, b'{"user_id":1,"user_id":2}', b'"\xff"')

    assert [isinstance(row, Row) for row in checked.rows] == [0, 1, 0, 0]
    assert faults(checked) == [
        ("/0", "not_json"),
        ("/2/user_id", "duplicate_key"),
        ("/3", "not_utf8"),
    ]


def test_a_row_over_the_limit_of_an_order_is_refused(process) -> None:
    checked = check(process, {**ORDER, "reference": "x" * 1000})

    assert faults(checked) == [("/0", "too_large")]


def test_faults_beyond_the_limit_are_counted_alone(process) -> None:
    checked = check(process, *[{}] * MAX_FAULTS)

    assert len(checked.faults) == MAX_FAULTS
    assert checked.fault_count == 3 * MAX_FAULTS
    assert len(checked.rows) == MAX_FAULTS


def test_a_row_may_have_a_key_of_its_own(process) -> None:
    metadata = {"note": "\u00e9"}

    [row] = check(
        process, {**ORDER, "metadata": metadata, "idempotency_key": "k-1"}
    ).rows

    assert isinstance(row, Row)
    assert row.key == "k-1"
    assert json.loads(row.request.metadata or "") == metadata
    assert len(row.meaning) == 16


def test_the_name_of_the_key_in_metadata_means_nothing(process) -> None:
    [row] = check(process, {**ORDER, "metadata": {"idempotency_key": 1}}).rows

    assert isinstance(row, Row)
    assert row.key is None


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, 5, None])
def test_anything_but_visible_ascii_is_no_key(process, key: object) -> None:
    checked = check(process, {**ORDER, "idempotency_key": key})

    assert faults(checked) == [("/0/idempotency_key", "idempotency_key_invalid")]


def test_faults_of_key_and_order_are_told_at_once(process) -> None:
    checked = check(process, {**ORDER, "user_id": 0, "idempotency_key": ""})

    assert [code for _, code in faults(checked)] == [
        "idempotency_key_invalid",
        "out_of_range",
    ]


def test_a_key_of_two_rows_is_refused_in_the_second(process) -> None:
    row = {**ORDER, "idempotency_key": "k"}

    checked = check(process, row, row)

    assert faults(checked) == [("/1/idempotency_key", "key_repeated")]


def test_a_batch_with_a_key_has_none_in_its_rows(process) -> None:
    checked = check(process, {**ORDER, "idempotency_key": "k"}, keyed=True)

    assert faults(checked) == [("/0/idempotency_key", "key_not_expected")]


def test_the_meaning_of_a_batch_does_not_depend_on_spelling(process) -> None:
    spelled = b' {"total":"9.50", "currency":"USD", "user_id":7, "items":'
    spelled += json.dumps([LINE]).encode() + b"}"

    assert (
        check(process, ORDER, keyed=True).meaning
        == check(process, spelled, keyed=True).meaning
    )


@pytest.mark.parametrize(
    "rows",
    [
        (ORDER,),
        (ORDER, {**ORDER, "user_id": 8}),
        ({**ORDER, "user_id": 8}, ORDER, {}),
        (ORDER, {**ORDER, "user_id": 8}, {"user_id": 9}),
    ],
)
def test_other_rows_are_another_meaning(process, rows: tuple[object, ...]) -> None:
    batch = (ORDER, {**ORDER, "user_id": 8}, {})

    assert (
        check(process, *batch, keyed=True).meaning
        != check(process, *rows, keyed=True).meaning
    )


def test_a_long_check_gives_way_to_other_requests(process) -> None:
    ticks = iter(range(1000))
    slices = Slices(process, lambda: next(ticks) * SLICE_SECONDS * 0.6)

    rows = [json.dumps(ORDER).encode()] * 20
    check_rows(rows, "USD", 1000, keyed=False, slices=slices)

    assert process.turns_given == 10
