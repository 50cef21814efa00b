"""A request is judged by its head: the body of a refused one is not read."""

import pytest

from orders.http.key_ring import NOBODY, Caller
from orders.http.parser import guarded_by
from orders.http.problems import ProblemError
from orders.http.waitress_edge import Adjustments

REFUSAL = ProblemError("api_key_missing", "no")
HEAD = b"POST /v1/orders HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer k\r\n"


def parse(data: bytes, decision: Caller | ProblemError = REFUSAL):
    asked: list[tuple[str, str, str | None]] = []

    def admit(method: str, path: str, credentials: str | None):
        asked.append((method, path, credentials))
        return decision

    parser = guarded_by(admit)(Adjustments())
    parser.received(data)
    return parser, asked


def test_the_head_alone_is_asked_about() -> None:
    _, asked = parse(HEAD + b"Content-Length: 10\r\n\r\n")

    assert asked == [("POST", "/v1/orders", "Bearer k")]


def test_the_key_goes_no_further() -> None:
    parser, _ = parse(HEAD + b"\r\n", NOBODY)

    assert parser.headers == {"HOST": "a"}


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 10000000", b"Transfer-Encoding: chunked"]
)
def test_a_refused_request_is_complete_before_its_body(framing: bytes) -> None:
    parser, _ = parse(HEAD + framing + b"\r\nExpect: 100-continue\r\n\r\n")

    assert parser.completed
    assert parser.error is None
    assert parser.connection_close
    assert not parser.expect_continue
    assert parser.caller is REFUSAL
    assert parser.get_body_stream().read() == b""


def test_a_refused_request_without_a_body_keeps_the_connection() -> None:
    parser, _ = parse(b"GET /v1/orders HTTP/1.1\r\nHost: a\r\n\r\n")

    assert parser.completed
    assert not parser.connection_close


def test_an_admitted_request_is_read_to_its_end() -> None:
    parser, _ = parse(HEAD + b"Content-Length: 4\r\n\r\n", NOBODY)
    before = parser.completed
    parser.received(b"body")

    assert not before
    assert parser.completed
    assert parser.get_body_stream().read() == b"body"
