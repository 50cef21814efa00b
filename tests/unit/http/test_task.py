import re
from types import SimpleNamespace

import pytest

from orders.http.answers import http_date
from orders.http.environment import environment_of_connection
from orders.http.task import AppTask, ProblemTask
from orders.http.waitress_edge import Error


class Channel:
    environment = environment_of_connection("localhost", 80, ("127.0.0.1", 4711))

    def __init__(self, app, request):
        self.requests = [request]
        self.adj = SimpleNamespace(log_socket_errors=True)
        self.server = SimpleNamespace(
            application=app,
            draining=False,
            problem=lambda status, code, detail: f"{status} {code} {detail}".encode(),
        )
        self.writes = []

    def write_soon(self, data):
        self.writes.append(data)


def request(command="GET", version="1.1", close=False, error=None):
    return SimpleNamespace(
        command=command,
        version=version,
        connection_close=close,
        error=error,
        headers={"HOST": "test"},
        path="/",
        query="",
        url_scheme="http",
        get_body_stream=lambda: None,
        caller=None,
    )


def answering(status="200 OK", headers=(), body=(b"body",)):
    def app(environ, start_response):
        start_response(status, list(headers))
        return body

    return app


def run(app, asked=None, *, draining=False):
    asked = asked or request()
    channel = Channel(app, asked)
    channel.server.draining = draining
    task = AppTask(channel, asked)
    task.service()
    return task, channel.writes


def head_of(writes):
    assert len(writes) == 1
    head, _, body = writes[0].partition(b"\r\n\r\n")
    start, *fields = head.decode("latin-1").split("\r\n")
    return start, dict(field.split(": ", 1) for field in fields), body


def test_head_and_body_are_one_write():
    _, writes = run(answering(headers=[("content-type", "text/plain")]))

    start, fields, body = head_of(writes)

    assert (start, body) == ("HTTP/1.1 200 OK", b"body")
    assert fields.keys() == {"content-type", "content-length", "date"}
    assert fields["content-length"] == "4"


def test_a_body_in_pieces_is_put_together():
    _, writes = run(answering(body=iter([b"a", b"", b"b"])))

    assert head_of(writes)[2] == b"ab"


def test_an_empty_body_has_the_length_zero():
    _, writes = run(answering(body=[]))

    assert head_of(writes)[1]["content-length"] == "0"


def test_what_was_written_comes_before_the_body():
    def app(environ, start_response):
        start_response("200 OK", [])(b"first ")
        return [b"second"]

    _, writes = run(app)

    assert head_of(writes)[2] == b"first second"


def test_the_body_is_closed_when_it_fails():
    closed = []

    class Body:
        def __iter__(self):
            raise RuntimeError

        def close(self):
            closed.append(1)

    with pytest.raises(RuntimeError):
        run(answering(body=Body()))

    assert closed == [1]


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_some_answers_have_no_body(status):
    _, writes = run(answering(status))

    _, fields, body = head_of(writes)

    assert (body, "content-length" in fields) == (b"", False)


@pytest.mark.parametrize(
    ("headers", "body", "length"),
    [
        ([], [b"body"], "4"),
        ([("Content-Length", "9")], [], "9"),
        ([], [], None),
    ],
)
def test_head_says_the_length_where_it_is_known(headers, body, length):
    _, writes = run(answering(headers=headers, body=body), request("HEAD"))

    _, fields, sent = head_of(writes)

    assert (sent, fields.get("content-length")) == (b"", length)


@pytest.mark.parametrize(
    ("asked", "draining", "connection", "closes"),
    [
        (request(), False, None, False),
        (request(close=True), False, "close", True),
        (request(), True, "close", True),
        (request(version="1.0"), False, "keep-alive", False),
        (request(version="1.0", close=True), False, "close", True),
    ],
)
def test_the_connection_is_named_where_it_has_to_be(
    asked, draining, connection, closes
):
    task, writes = run(answering(), asked, draining=draining)

    assert head_of(writes)[1].get("connection") == connection
    assert task.close_on_finish is closes


def test_an_application_may_close_the_connection():
    task, writes = run(answering(headers=[("Connection", "close")]))

    assert head_of(writes)[1]["connection"] == "close"
    assert task.close_on_finish


def test_a_banner_and_a_second_date_are_not_sent():
    headers = [("Server", "x"), ("Date", "yesterday"), ("A", "b")]

    _, fields, _ = head_of(run(answering(headers=headers))[1])

    assert fields.keys() == {"A", "content-length", "date"}


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        ("200 OK", [("a", "b\r\nset-cookie: c")], [b""]),
        ("200 OK", [("a", "b\nc: d")], [b""]),
        ("200 OK", [("a\r", "b")], [b""]),
        ("200 OK\r\na: b", [], [b""]),
        ("200 OK", [("a", "\u20ac")], [b""]),
        ("200 OK", [("transfer-encoding", "chunked")], [b""]),
        ("200 OK", [("content-length", "3")], [b"four"]),
        ("200 OK", [("content-length", "5")], [b"four"]),
    ],
)
def test_what_cannot_be_sent_fails_before_the_first_byte(status, headers, body):
    asked = request()
    channel = Channel(answering(status, headers, body), asked)

    with pytest.raises(ValueError, match=r"."):
        AppTask(channel, asked).service()

    assert channel.writes == []


def test_an_application_has_to_answer():
    with pytest.raises(RuntimeError, match="did not call start_response"):
        run(lambda environ, start_response: [b""])


def test_an_answer_may_be_replaced_because_of_an_error():
    def app(environ, start_response):
        start_response("200 OK", [("a", "b")])
        start_response("500 Oh", [("c", "d")], ("type", "value", "traceback"))
        return [b""]

    start, fields, _ = head_of(run(app)[1])

    assert start == "HTTP/1.1 500 Oh"
    assert fields.keys() == {"c", "content-length", "date"}


def test_an_answer_is_started_once():
    def app(environ, start_response):
        start_response("200 OK", [])
        start_response("200 OK", [])

    with pytest.raises(RuntimeError, match="second time"):
        run(app)


def error(code, reason="Reason"):
    made = Error("the detail")
    made.code, made.reason = code, reason
    return made


def refuse(code, asked=None):
    asked = asked or request()
    failed = request(error=error(code))
    channel = Channel(None, asked)
    task = ProblemTask(channel, failed)
    task.service()
    return task, head_of(channel.writes)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b"400 bad_request the detail"),
        (413, b"413 body_too_large "),
        (431, b"431 headers_too_large "),
        (501, b"501 bad_request the detail"),
    ],
)
def test_a_refused_request_is_a_problem_and_the_last(status, body):
    task, (start, fields, sent) = refuse(status)

    assert re.match(rf"HTTP/1.1 {status} \w", start)
    assert sent.startswith(body)
    assert fields["content-type"] == "application/problem+json"
    assert (fields["connection"], task.close_on_finish) == ("close", True)


def test_a_failed_request_is_a_problem_and_not_the_last():
    task, (_, fields, sent) = refuse(500)

    assert sent.startswith(b"500 internal_error ")
    assert ("connection" in fields, task.close_on_finish) == (False, False)


def test_a_failed_head_request_has_no_body():
    _, (_, fields, sent) = refuse(500, request("HEAD"))

    assert (sent, fields["content-length"] != "0") == (b"", True)


def test_a_date_is_an_imf_fixdate():
    assert http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT"
