import time
from contextlib import suppress

import pytest

from orders.http.request_lines import (
    Field,
    LineCache,
    StartLine,
    parse_field,
    parse_start_line,
    recurs,
)
from orders.http.waitress_edge import ParsingError


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/v1/orders", "/v1/orders", ""),
        (b"/a?b=c?d", "/a", "b=c?d"),
        (b"/a?u=http://x/y", "/a", "u=http://x/y"),
        (b"//a//b", "/a//b", ""),
        (b"/a//", "/a", ""),
        (b"//", "/", ""),
        (b"/", "/", ""),
        (b"/?a", "/", "a"),
        (b"/a%2Fb%2fc", "/a%2Fb%2Fc", ""),
        (b"/%76%31", "/v1", ""),
        (b"/%e2%82%ac", "/\xe2\x82\xac", ""),
        (b"http://host:80/a?b", "/a", "b"),
        (b"http://host", "/", ""),
        (b"HTTPS://[::1]:80?a=b", "/", "a=b"),
        (b"http://host//a/", "/a", ""),
    ],
)
def test_a_target_has_a_path_and_a_query(target, path, query):
    line = parse_start_line(b"GET " + target + b" HTTP/1.1")

    assert (line.path, line.query) == (path, query)


def test_a_start_line_has_its_parts():
    line = parse_start_line(b"GET /a%62?c HTTP/1.0")

    assert line == StartLine("GET", "/ab", "c", "1.0")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET",
        b"GET /",
        b"GET  / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"GET / a HTTP/1.1",
        b"get / HTTP/1.1",
        b"G(T / HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET /\xff HTTP/1.1",
        b"GET / HTTP/2.0",
        b"GET / HTTP/1.2",
        b"GET / http/1.1",
        b"GET http://[::1 HTTP/1.1",
    ],
)
def test_a_wrong_start_line_is_refused(line):
    with pytest.raises(ParsingError):
        parse_start_line(line)


def test_a_field_has_a_name_and_a_value():
    field = parse_field(b"Content-Type: \t a b\xe9 ")

    assert field == Field("CONTENT_TYPE", "a b\xe9")


@pytest.mark.parametrize(
    "line",
    [
        b"GET " + b"a://" + b"1" * 16_000 + b" HTP",
        b"GET /" + b"%" * 16_000 + b" HTTP/1.1",
    ],
)
def test_no_start_line_takes_long(line):
    began = time.perf_counter()

    with suppress(ParsingError):
        parse_start_line(line)

    assert time.perf_counter() - began < 0.1


def test_no_field_takes_long():
    began = time.perf_counter()

    with pytest.raises(ParsingError):
        parse_field(b"X:" + b" " * 16_000 + b"\x01")

    assert time.perf_counter() - began < 0.1


def test_a_line_is_parsed_once():
    parsed = []
    cache = LineCache(lambda line: parsed.append(line) or len(line))

    assert [cache(b"line"), cache(b"line")] == [4, 4]
    assert parsed == [b"line"]


def test_the_cache_is_bounded():
    cache = LineCache(bytes, max_lines=10)

    for number in range(1000):
        cache(b"%d" % number)

    assert len(cache) <= 10


def test_long_lines_are_not_kept():
    cache = LineCache(bytes, max_line_bytes=10)

    cache(b"x" * 11)

    assert len(cache) == 0


def test_a_line_that_is_dropped_is_remembered_as_such():
    cache = LineCache(parse_field, keep=recurs)

    assert [cache(b"a_b: c"), cache(b"a_b: c")] == [None, None]
    assert len(cache) == 1


@pytest.mark.parametrize(
    "line", [b"cookie: s", b"X-Api-Key: s", b"traceparent: 00-1", b"Idempotency-Key: 1"]
)
def test_lines_that_change_and_secrets_of_others_are_not_kept(line):
    cache = LineCache(parse_field, keep=recurs)

    cache(line)

    assert len(cache) == 0


def test_the_line_of_an_api_key_is_parsed_once():
    cache = LineCache(parse_field, keep=recurs)

    fields = [cache(b"Authorization: Bearer s") for _ in range(2)]

    assert fields[0] is fields[1]


def test_a_refused_line_is_refused_again():
    cache = LineCache(parse_field)

    for _ in range(2):
        with pytest.raises(ParsingError):
            cache(b"wrong")


def test_options_may_be_asked_of_the_server():
    assert parse_start_line(b"OPTIONS * HTTP/1.1").path == "*"


@pytest.mark.parametrize(
    "target",
    [
        b"*",
        b"host:443",
        b"v1/orders",
        b"?a",
        b"/a#b",
        b"/%",
        b"/%2",
        b"/%zz",
        b"/a?b=%g0",
        b"http://",
        b"http:///a",
        b"http://:80/a",
        b"http://user@host/",
        b"http://host:65536/",
        b"http://[::1/",
        b"ftp://host/",
    ],
)
def test_a_target_that_no_client_of_a_server_sends_is_refused(target):
    with pytest.raises(ParsingError, match="valid"):
        parse_start_line(b"GET " + target + b" HTTP/1.1")


@pytest.mark.parametrize(
    "host",
    [
        "",
        "shop",
        "Shop.Example",
        "shop:80",
        "shop:",
        "a_b-c~d",
        "1.2.3.4:8080",
        "[::1]",
        "[2001:db8::1]:8443",
        "sh%6Fp",
    ],
)
def test_a_host_is_taken(host):
    assert parse_field(f"Host: {host}".encode()) == ("HOST", host)


@pytest.mark.parametrize(
    "host",
    [
        "a b/c",
        "a/",
        "a b",
        "user@shop",
        ":80",
        "shop:x",
        "shop:65536",
        "shop:" + "9" * 5000,
        "shop:80:80",
        "::1",
        "[::1",
        "[::g]",
        "[1.2.3.4]",
        "[]",
        "sh%zz",
        "sh\u00f6p",
        "a?b",
        "a#b",
        "http://shop",
    ],
)
def test_what_is_no_host_is_refused(host):
    with pytest.raises(ParsingError, match="Host"):
        parse_field(f"Host: {host}".encode())
