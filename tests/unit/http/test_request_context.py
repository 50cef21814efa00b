"""What is read from a request beside its body's meaning."""

import pytest
from falcon.testing import create_environ

from orders.http.problems import ProblemError
from orders.http.request_context import ServiceRequest, read_body, traceparent_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


def request(body: bytes = b"", **env: str) -> ServiceRequest:
    return ServiceRequest(create_environ(method="POST", body=body) | env)


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        (f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-01"),
        (f"cc-{TRACE}-{PARENT}-00-what-ever", f"00-{TRACE}-{PARENT}-00"),
        (f"cc-{TRACE}-{PARENT}-00", f"00-{TRACE}-{PARENT}-00"),
    ],
)
def test_a_valid_traceparent_is_kept(header: str, kept: str) -> None:
    assert traceparent_of(request(HTTP_TRACEPARENT=header)) == kept


@pytest.mark.parametrize(
    "header",
    [
        "",
        "x",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE}-{PARENT}-01\n",
        f"cc-{TRACE}-{PARENT}-00more",
    ],
)
def test_a_malformed_traceparent_is_ignored(header: str) -> None:
    assert traceparent_of(request(HTTP_TRACEPARENT=header)) is None


def test_no_more_than_the_declared_length_is_read() -> None:
    req = request(b"abcdef", CONTENT_LENGTH="3")

    assert read_body(req, 10) == b"abc"


def test_a_body_of_exactly_the_limit_is_read() -> None:
    assert read_body(request(b"x" * 10), 10) == b"x" * 10


def test_a_body_over_the_limit_is_not_read() -> None:
    with pytest.raises(ProblemError) as caught:
        read_body(request(b"x" * 11), 10)

    assert caught.value.code == "body_too_large"


def test_a_request_without_length_has_no_body() -> None:
    assert read_body(request(CONTENT_LENGTH=""), 10) == b""


@pytest.mark.parametrize("length", ["-1", "1x", "٣", " 1", "1.0"])
def test_a_length_that_is_no_number_is_malformed(length: str) -> None:
    with pytest.raises(ProblemError) as caught:
        read_body(request(CONTENT_LENGTH=length), 10)

    assert caught.value.code == "malformed_body"


def test_a_length_of_thousands_of_digits_is_too_large() -> None:
    with pytest.raises(ProblemError) as caught:
        read_body(request(CONTENT_LENGTH="9" * 5000), 10)

    assert caught.value.code == "body_too_large"
