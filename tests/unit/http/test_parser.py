import pytest

from orders.http.parser import RequestParser, sized_by
from orders.http.waitress_edge import Adjustments

HOST = b"Host: test\r\n"


@pytest.fixture
def parser():
    adjustments = Adjustments(max_request_header_size=1000, max_request_body_size=101)
    return RequestParser(adjustments)


def parse(parser, *lines, body=b"", start=b"POST /a HTTP/1.1"):
    parser.received(b"\r\n".join([start, b"Host: test", *lines, b"", b""]))
    if body:
        parser.received(body)
    return parser


def error_of(parser):
    return (parser.error.code, parser.error.body)


def test_a_plain_request_is_complete(parser):
    parser.received(b"GET /a%20b?c=d HTTP/1.1\r\n" + HOST + b"\r\n")

    assert (parser.command, parser.path, parser.query) == ("GET", "/a b", "c=d")
    assert (parser.completed, parser.error) == (True, None)


def test_a_body_is_read_to_its_length(parser):
    parse(parser, b"Content-Length: 3", body=b"abc and more")

    assert parser.completed
    assert parser.get_body_stream().read() == b"abc"


def test_a_chunked_body_is_put_together(parser):
    body = b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"

    parse(parser, b"Transfer-Encoding: Chunked", body=body)

    assert parser.get_body_stream().read() == b"abc"
    assert parser.headers["CONTENT_LENGTH"] == "3"


def test_a_body_stays_readable_after_the_request_is_closed(parser):
    stream = parse(parser, b"Content-Length: 3", body=b"abc").get_body_stream()

    parser.close()

    assert stream.read() == b"abc"


def test_a_request_without_a_body_has_an_empty_stream(parser):
    assert parse(parser).get_body_stream().read() == b""


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([b"Content-Length: 3", b"Transfer-Encoding: chunked"], "exclude"),
        ([b"Transfer-Encoding: chunked"] * 2, "Transfer-Encoding is given twice"),
        ([b"Transfer-Encoding: gzip, chunked"], "transfer coding"),
        ([b"Transfer-Encoding: identity"], "transfer coding"),
        ([b"Transfer-Encoding:"], "transfer coding"),
        ([b"Transfer-Encoding: \x0bchunked"], "header line"),
        ([b"Transfer-Encoding : chunked"], "header line"),
        ([b"Content-Length: 3", b"Content-Length: 3"], "Content-Length is given twice"),
        ([b"Content-Length: 3, 3"], "Content-Length is not valid"),
        ([b"Content-Length: +3"], "Content-Length is not valid"),
        ([b"Content-Length: -3"], "Content-Length is not valid"),
        ([b"Content-Length: 0x3"], "Content-Length is not valid"),
        ([b"Content-Length: \xb2"], "Content-Length is not valid"),
        ([b"Content-Length:"], "Content-Length is not valid"),
        ([b"Content-Length: " + b"9" * 500], "Content-Length is not valid"),
        ([b"Host: other"], "Host is given twice"),
        ([b"A: b", b" folded"], "header line"),
        ([b"A: b\nC: d"], "header line"),
        ([b"A: b\rC: d"], "header line"),
        ([b"A: \x00"], "header line"),
        ([b"no colon"], "header line"),
        ([b": no name"], "header line"),
    ],
)
def test_what_is_ambiguous_is_refused(parser, lines, says):
    parse(parser, *lines)

    code, detail = error_of(parser)

    assert (code, parser.completed) == (400, True)
    assert says in detail


def test_http_1_1_without_host_is_refused(parser):
    parser.received(b"GET / HTTP/1.1\r\n\r\n")

    assert error_of(parser) == (400, "Host is missing")


def test_http_1_0_needs_no_host(parser):
    parser.received(b"GET / HTTP/1.0\r\n\r\n")

    assert parser.error is None


def test_http_1_0_has_no_transfer_coding(parser):
    parser.received(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")

    assert error_of(parser)[0] == 400


def test_names_with_an_underscore_are_dropped(parser):
    parse(parser, b"Content_Length: 3", b"X_Api_Key: stolen")

    assert parser.headers.keys() == {"HOST"}


def test_what_only_a_proxy_may_say_is_dropped(parser):
    parse(parser, b"X-Forwarded-For: 1.2.3.4", b"Forwarded: for=x", b"Proxy: x")

    assert parser.headers.keys() == {"HOST"}


def test_repeated_headers_are_joined(parser):
    parse(parser, b"Prefer: a", b"prefer:b")

    assert parser.headers["PREFER"] == "a, b"


@pytest.mark.parametrize(
    ("start", "connection", "closes"),
    [
        (b"GET / HTTP/1.1", b"", False),
        (b"GET / HTTP/1.1", b"close", True),
        (b"GET / HTTP/1.1", b"TE , Close", True),
        (b"GET / HTTP/1.1", b"keep-alive", False),
        (b"GET / HTTP/1.0", b"", True),
        (b"GET / HTTP/1.0", b"Keep-Alive", False),
    ],
)
def test_the_client_decides_whether_the_connection_stays(
    parser, start, connection, closes
):
    parse(parser, b"Connection: " + connection, start=start)

    assert parser.connection_close is closes


def test_a_head_of_the_limit_and_more_is_refused(parser):
    parse(parser, b"A: " + b"x" * 1000)

    assert error_of(parser)[0] == 431


@pytest.mark.parametrize(("length", "refused"), [(100, False), (101, True)])
def test_a_body_above_the_limit_is_refused_by_its_length(parser, length, refused):
    parse(parser, b"Content-Length: %d" % length)

    assert (parser.error is not None) is refused


def test_a_chunked_body_above_the_limit_is_refused(parser):
    parse(parser, b"Transfer-Encoding: chunked", body=b"80\r\n" + b"x" * 0x80)

    assert error_of(parser)[0] == 413


@pytest.mark.parametrize(
    ("lines", "asks"),
    [
        ([b"Content-Length: 3"], True),
        ([b"Transfer-Encoding: chunked"], True),
        ([b"Content-Length: 101"], False),
        ([b"Content-Length: 0"], False),
        ([], False),
    ],
)
def test_continue_is_only_for_a_body_that_is_taken(parser, lines, asks):
    parse(parser, b"Expect: 100-Continue", *lines)

    assert parser.expect_continue is asks


def test_a_refused_request_can_be_named_in_a_log_line(parser):
    parser.received(b"nonsense\r\n\r\n")

    assert (parser.command, parser.path) == ("", "")


def test_one_empty_line_may_come_before_a_request(parser):
    parser.received(b"\r")
    parser.received(b"\nGET /a HTTP/1.1\r\n" + HOST + b"\r\n")

    assert (parser.error, parser.path) == (None, "/a")


@pytest.mark.parametrize("before", [b" ", b"\n", b"\n\n", b"\t\t", b"\r\n ", b"\x0c"])
def test_no_other_white_space_may_come_before_a_request(parser, before):
    parser.received(before + b"GET /a HTTP/1.1\r\n" + HOST + b"\r\n")

    assert error_of(parser) == (400, "White space comes before the request")


@pytest.mark.parametrize(
    ("path", "refused"), [(b"/a", True), (b"/large", False), (b"/large?a=b", False)]
)
def test_a_path_may_have_a_limit_of_its_own(path, refused):
    larger = Adjustments(max_request_body_size=101)
    sized = sized_by(RequestParser, {"/large": larger})
    parser = sized(Adjustments(max_request_body_size=11))

    parse(parser, b"Content-Length: 100", start=b"POST " + path + b" HTTP/1.1")

    assert (parser.error is not None) is refused
