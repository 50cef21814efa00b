"""Conditional requests, as RFC 9110 writes them."""

import pytest
from falcon.testing import create_environ

from orders.http.preconditions import (
    NO_VERSION,
    entity_tag,
    is_current,
    required_version,
)
from orders.http.problems import ProblemError
from orders.http.request_context import ServiceRequest


def asking(**headers: str) -> ServiceRequest:
    given = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    return ServiceRequest(create_environ() | given)


def test_the_tag_is_strong_and_quoted() -> None:
    assert entity_tag(3) == '"3"'


@pytest.mark.parametrize(
    "header",
    ['"3"', 'W/"3"', "*", ' "3" ', '"2", "3"', '"2",W/"3"', ',, "3",', '"a,b", "3"'],
)
def test_if_none_match_names_the_version(header: str) -> None:
    assert is_current(asking(if_none_match=header), 3)


@pytest.mark.parametrize(
    "header",
    ["", '"2"', "3", '"33"', '"03"', 'w/"3"', '"3', '*, "3"', '"2" "3"', '"a, "3"'],
)
def test_if_none_match_names_something_else(header: str) -> None:
    assert not is_current(asking(if_none_match=header), 3)


def test_without_if_none_match_nothing_is_current() -> None:
    assert not is_current(asking(), 3)


@pytest.mark.parametrize("header", ["*", " * "])
def test_any_version_will_do(header: str) -> None:
    assert required_version(asking(if_match=header)) is None


def test_without_if_match_any_version_will_do() -> None:
    assert required_version(asking()) is None


@pytest.mark.parametrize(
    ("header", "version"),
    [
        ('"3"', 3),
        ('\t"3" ', 3),
        ('"3", "3"', 3),
        (',"3",', 3),
        ('W/"2", "3"', 3),
        ('"abc", "3"', 3),
        ('"2147483647"', 2**31 - 1),
    ],
)
def test_one_version_is_required(header: str, version: int) -> None:
    assert required_version(asking(if_match=header)) == version


@pytest.mark.parametrize(
    "header",
    [
        *('W/"3"', '""', '"0"', '"-1"', '"03"', '"\xff"', '"2147483648"'),
        f'"{"9" * 5000}"',
    ],
)
def test_a_tag_that_no_order_can_have_is_never_met(header: str) -> None:
    assert required_version(asking(if_match=header)) == NO_VERSION


@pytest.mark.parametrize(
    "header",
    [
        *("", ",", "3", '"3', '3"', 'w/"3"', 'W/ "3"', '*, "3"', '"3" "4"', '"3 "'),
        *("**", '"3";x', '"a"b"', '"\x7f"'),
    ],
)
def test_an_if_match_that_cannot_be_read_is_400(header: str) -> None:
    with pytest.raises(ProblemError) as refused:
        required_version(asking(if_match=header))

    assert refused.value.kind.status == 400
    assert refused.value.faults[0].parameter == "If-Match"


def test_several_versions_are_400() -> None:
    with pytest.raises(ProblemError, match="the one version"):
        required_version(asking(if_match='"3", "4"'))
