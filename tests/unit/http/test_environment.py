"""What the application is told of a request (PEP 3333)."""

import pytest

from orders.http.environment import environment_of, environment_of_connection
from orders.http.parser import RequestParser
from orders.http.waitress_edge import Adjustments, Environ


def environment(start: bytes, *fields: bytes, body: bytes = b"") -> Environ:
    parser = RequestParser(Adjustments())
    head = b"\r\n".join((start, b"Host: shop", *fields, b"", b""))
    parser.received(head)
    if body:
        parser.received(body)
    connection = environment_of_connection("localhost", 8080, ("192.0.2.7", 4711))
    return environment_of(parser, connection)


def test_the_request_line_is_told_in_parts() -> None:
    told = environment(b"GET /v1/orders/a%20b?limit=5 HTTP/1.1")

    assert told["REQUEST_METHOD"] == "GET"
    assert (told["SCRIPT_NAME"], told["PATH_INFO"]) == ("", "/v1/orders/a b")
    assert told["QUERY_STRING"] == "limit=5"
    assert told["SERVER_PROTOCOL"] == "HTTP/1.1"
    assert told["wsgi.url_scheme"] == "http"


@pytest.mark.parametrize(
    ("path", "told"), [(b"/a//b", "/a//b"), (b"//a//b", "/a//b"), (b"///", "/")]
)
def test_slashes_at_the_start_count_as_one(path: bytes, told: str) -> None:
    assert environment(b"GET " + path + b" HTTP/1.1")["PATH_INFO"] == told


def test_headers_are_named_as_cgi_names_them() -> None:
    told = environment(
        b"POST / HTTP/1.1",
        b"Content-Type: application/json",
        b"Content-Length: 2",
        b"Accept: */*",
        body=b"{}",
    )

    assert told["CONTENT_TYPE"] == "application/json"
    assert told["CONTENT_LENGTH"] == "2"
    assert (told["HTTP_ACCEPT"], told["HTTP_HOST"]) == ("*/*", "shop")
    assert told["wsgi.input"].read() == b"{}"  # type: ignore[attr-defined]


def test_the_older_protocol_is_told() -> None:
    assert environment(b"GET / HTTP/1.0")["SERVER_PROTOCOL"] == "HTTP/1.0"


def test_both_ends_of_the_connection_are_told() -> None:
    told = environment(b"GET / HTTP/1.1")

    assert (told["SERVER_NAME"], told["SERVER_PORT"]) == ("localhost", "8080")
    assert told["REMOTE_ADDR"] == "192.0.2.7"


def test_no_request_changes_what_the_next_is_told() -> None:
    connection = environment_of_connection("localhost", 80, ("127.0.0.1", 1))
    before = dict(connection)
    parser = RequestParser(Adjustments())
    parser.received(b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n")

    environment_of(parser, connection)["x"] = "y"

    assert connection == before
