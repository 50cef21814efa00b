"""The bytes of an answer: head and body in one piece."""

import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from http import HTTPStatus

from orders.http.waitress_edge import Error

Problem = Callable[[int, str, str], bytes]
"""Makes the JSON body of an error from its status, code and detail."""

CLOSE = ("connection", "close")
SAFETY_FIELDS = (
    ("x-content-type-options", "nosniff"),
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
)
"""What every answer tells a browser, should one see it."""
CONTENT_POLICY = ("content-security-policy", "default-src 'none'")
"""The same, of answers that are no pages."""

_CODES = {
    400: "bad_request",
    408: "request_timeout",
    413: "body_too_large",
    431: "headers_too_large",
    500: "internal_error",
    503: "overloaded",
}
_DETAILS = {
    413: "The request's body is larger than the service takes.",
    431: "The request's header is larger than the service takes.",
    500: "An unexpected error came up.",
}


@lru_cache(maxsize=2)
def http_date(second: int) -> str:
    """Return ``second`` of the epoch as an IMF-fixdate (RFC 9110, section 5.6.7)."""
    day, month = time.gmtime(second).tm_wday, time.gmtime(second).tm_mon
    name = "Mon Tue Wed Thu Fri Sat Sun".split()[day]
    of_year = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()[month - 1]
    return time.strftime(f"{name}, %d {of_year} %Y %H:%M:%S GMT", time.gmtime(second))


def encode_answer(
    version: str, status: str, fields: Iterable[tuple[str, str]], body: bytes
) -> bytes:
    """Return head and body; ``Date`` is added.

    Raises:
        ValueError: a field or the status would begin a new line, or has
            characters outside Latin-1.

    """
    lines = [f"HTTP/{version} {status}"]
    lines += [f"{name}: {value}" for name, value in fields]
    lines.append(f"date: {http_date(int(time.time()))}\r\n\r\n")
    head = "\r\n".join(lines)
    breaks = len(lines) + 1
    if head.count("\n") != breaks or head.count("\r") != breaks:
        raise ValueError("a response header contains a line break")
    return head.encode("latin-1") + body


def problem_of(problem: Problem, error: Error) -> tuple[int, bytes]:
    """Return status and body for an error that waitress or the parser found."""
    detail = _DETAILS.get(error.code, error.body)
    code = _CODES.get(error.code, "bad_request")
    return error.code, problem(error.code, code, detail)


def problem_fields(body: bytes) -> list[tuple[str, str]]:
    """Return the fields that describe a problem's body."""
    return [
        ("content-type", "application/problem+json"),
        ("content-length", str(len(body))),
        *SAFETY_FIELDS,
        CONTENT_POLICY,
    ]


def status_line(status: int) -> str:
    """Return ``status`` with its phrase."""
    return f"{status} {HTTPStatus(status).phrase}"


def last_answer(
    problem: Problem, status: int, detail: str, *extra: tuple[str, str]
) -> bytes:
    """Return an error answer after which the connection is closed."""
    body = problem(status, _CODES[status], detail)
    fields = [*problem_fields(body), *extra, CLOSE]
    return encode_answer("1.1", status_line(status), fields, body)
