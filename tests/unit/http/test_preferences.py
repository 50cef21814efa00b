"""``Prefer: wait=N``, as RFC 7240 writes it."""

import pytest
from falcon.testing import create_environ

from orders.http.preferences import preferred_wait
from orders.http.request_context import ServiceRequest


def preferring(header: str | None) -> ServiceRequest:
    given = {} if header is None else {"HTTP_PREFER": header}
    return ServiceRequest(create_environ() | given)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("wait=5", 5),
        ("Wait = 5", 5),
        ('wait="5"', 5),
        ("respond-async, wait=5", 5),
        ("wait=5, wait=9", 5),
        ("wait=5; x=y", 5),
        ("return=minimal;x=1 , WAIT=10", 10),
        ("wait=0", 0),
        ('foo="a, wait=9", wait=5', 5),
        ('foo; note="x, wait=9; y", wait=5', 5),
        (r'foo="a \", wait=9", wait=5', 5),
        (r'foo="\\", wait=5', 5),
        ('foo="", wait=5', 5),
        ('wait=5; note="a;b,c"', 5),
        (r'wait="\5"', 5),
    ],
)
def test_a_wait_is_understood(header: str, seconds: int) -> None:
    assert preferred_wait(preferring(header)) == seconds


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        ",",
        "=",
        "wait",
        "wait=",
        "wait=-1",
        "wait=1.5",
        "wait=٣",
        "wait=1e2",
        "waiting=5",
        "wait=" + "9" * 5000,
        "wait=x, wait=5",
        'foo="a, wait=5',
        'foo="a, wait=5, b"',
        r'foo="a\", wait=5',
        'wait="5',
        'wait=5"',
        'wait=""5""',
        "wait='5'",
        "x" + '"' * 60_001 + ",wait=5",
    ],
)
def test_what_is_not_understood_is_ignored(header: str | None) -> None:
    assert preferred_wait(preferring(header)) is None
