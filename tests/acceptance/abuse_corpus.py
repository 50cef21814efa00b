"""Broken and odd requests, named, for ``test_abuse.py``; made here, sent there."""

from collections.abc import Iterator

WRONG_VALUES = {
    "null": "null",
    "true": "true",
    "false": "false",
    "zero": "0",
    "minus-zero": "-0",
    "minus-one": "-1",
    "fraction": "1.5",
    "exponent": "1e2",
    "huge-exponent": "1e400",
    "tiny-exponent": "1e-400",
    "400-digits": "9" * 400,
    "beyond-64-bits": str(2**64),
    "leading-zero": "007",
    "plus-sign": "+7",
    "hexadecimal": "0x1F",
    "nan": "NaN",
    "infinity": "-Infinity",
    "empty-text": '""',
    "blank-text": '"  "',
    "word": '"word"',
    "digits-as-text": '"7"',
    "padded-amount": '" 99.80 "',
    "comma-amount": '"99,80"',
    "exponent-amount": '"9980e-2"',
    "arabic-digits": '"\u0669\u0669.\u0668\u0660"',
    "nul": '"a\\u0000b"',
    "lone-surrogate": '"a\\ud800b"',
    "line-break": '"a\\nb"',
    "long-text": '"' + "x" * 5_000 + '"',
    "empty-list": "[]",
    "nested-list": "[[[]]]",
    "empty-object": "{}",
    "object-of-nulls": '{"a": null, "b": [null]}',
    "repeated-member": '{"a": 1, "a": 2}',
    "deep": "[" * 200 + "]" * 200,
}
"""JSON texts, and near misses of it, in place of a member's value."""

ORDER = {
    "user_id": "7",
    "currency": '"EUR"',
    "items": '[{"product_id": 3, "quantity": 2, "line_total": "99.80"}]',
    "total": '"99.80"',
    "reference": '"R-1"',
    "metadata": '{"a": 1}',
}
LINE = {"product_id": "3", "quantity": "2", "line_total": '"99.80"'}
OLDER = {"user_id": "7", "product_id": "3", "quantity": "2", "total_price": "99.8"}


def text_of(members: dict[str, str]) -> str:
    """Return the object of these members, whose values are JSON texts."""
    return "{" + ", ".join(f'"{name}": {text}' for name, text in members.items()) + "}"


GOOD = text_of(ORDER).encode()

WHOLE_BODIES = {
    "empty": b"",
    "white-space": b" \r\n\t ",
    "bom": b"\xef\xbb\xbf" + GOOD,
    "utf-16": GOOD.decode().encode("utf-16"),
    "bad-utf-8": GOOD.replace(b"R-1", b"\xff\xfe"),
    "overlong-utf-8": GOOD.replace(b"R-1", b"\xc0\xaf"),
    "encoded-surrogate": GOOD.replace(b"R-1", b"\xed\xa0\x80"),
    "trailing-comma": GOOD[:-1] + b",}",
    "trailing-text": GOOD + b"x",
    "two-documents": GOOD + GOOD,
    "comment": b"/* order */" + GOOD,
    "single-quotes": GOOD.replace(b'"', b"'"),
    "bare-names": GOOD.replace(b'"user_id"', b"user_id"),
    "list-of-it": b"[" + GOOD + b"]",
    "text-of-it": b'"order"',
    "number": b"1",
    "null": b"null",
    "10000-brackets": b"[" * 10_000,
    "10000-closed-brackets": b"[" * 10_000 + b"]" * 10_000,
    "10000-objects": b'{"a":' * 10_000,
    "raw-nul": GOOD.replace(b"R-1", b"R\x00"),
    "raw-line-break": GOOD.replace(b"R-1", b"R\n"),
    "unknown-member": GOOD[:-1] + b', "colour": "red"}',
    "proto-member": GOOD[:-1] + b', "__proto__": {"admin": true}}',
    "member-with-dots": GOOD[:-1] + b', "items.0": 1}',
    "repeated-total": GOOD[:-1] + b', "total": "1.00"}',
    "escaped-repeated-total": GOOD[:-1] + b', "t\\u006ftal": "1.00"}',
    "no-lines": text_of(ORDER | {"items": "[]"}).encode(),
    "101-lines": text_of(ORDER | {"items": f"[{', '.join(['{}'] * 101)}]"}).encode(),
    "wrong-sum": text_of(ORDER | {"total": '"99.81"'}).encode(),
    "unknown-currency": text_of(ORDER | {"currency": '"XXQ"'}).encode(),
    "yen-with-digits": text_of(ORDER | {"currency": '"JPY"'}).encode(),
    "large-metadata": text_of(
        ORDER | {"metadata": '{"a": "' + "x" * 9_000 + '"}'}
    ).encode(),
    "100-kilobytes": b" " * 100_000 + GOOD,
    "form": b"user_id=7&total=99.80",
    "xml": b"<order><user_id>7</user_id></order>",
}


def bodies() -> Iterator[tuple[str, str, bytes]]:
    """Yield name, path and body; some of them are orders that can be taken."""
    for name, text in WRONG_VALUES.items():
        for member in ORDER:
            body = text_of(ORDER | {member: text})
            yield f"{member}={name}", "/v1/orders", body.encode()
        for member in LINE:
            line = text_of(LINE | {member: text})
            body = text_of(ORDER | {"items": f"[{line}]"})
            yield f"items/0/{member}={name}", "/v1/orders", body.encode()
        for member in OLDER:
            body = text_of(OLDER | {member: text})
            yield f"older {member}={name}", "/Orders", body.encode()
    for member in ORDER:
        rest = {name: text for name, text in ORDER.items() if name != member}
        yield f"without {member}", "/v1/orders", text_of(rest).encode()
    for length in range(1, len(GOOD), 9):
        yield f"first {length} bytes", "/v1/orders", GOOD[:length]
    for name, whole in WHOLE_BODIES.items():
        yield name, "/v1/orders", whole
        yield f"older {name}", "/Orders", whole


_UNUSUAL_CHARACTERS = (
    *range(0x20, 0x7F, 3),
    *(0xA0, 0xAD, 0xDF, 0x130, 0x131, 0x17F, 0x1C5, 0x301, 0x345, 0x378, 0x590),
    *range(0x200B, 0x2010),
    *range(0x2028, 0x202F),
    *range(0x2060, 0x206A),
    *(0x20AC, 0x212A, 0x3000, 0xAC00, 0xD7A3, 0xE000, 0xF8FF, 0xFB01, 0xFDD0, 0xFDFA),
    *(0xFE0F, 0xFEFF, 0xFF07, 0xFF1C, 0xFFF9, 0xFFFC, 0xFFFD, 0xFFFE, 0xFFFF),
    *(0x1D400, 0x1F469, 0x1F1E9, 0x1F3FD, 0x20000, 0xE0001, 0xE0020, 0xFFFFE, 0x10FFFF),
)
NAUGHTY_TEXTS = (
    *(f"a{chr(code)}b" for code in _UNUSUAL_CHARACTERS),
    *(chr(code) for code in (0x20, 0xA0, 0x202E, 0xFEFF, 0x10FFFF)),
    *(f"a{chr(code)}b" for code in (*range(0x20), *range(0x7F, 0xA0))),
    *("null", "undefined", "None", "NaN", "true", "0", "-1", "1e9", "[]", "{}"),
    "' OR 1=1 --",
    "'; DROP TABLE orders; --",
    "$1",
    "%s %(order_id)s {0} {order_id}",
    "$(id) `id` ${PATH}",
    "${jndi:ldap://127.0.0.1/a}",
    "{{7*7}} <%= 7*7 %> #{7*7}",
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "../../../../etc/passwd",
    "..\\..\\nul",
    "%00%0a%2e%2e%2f",
    "\\u0000 \\x00 \\N \\",
    "a\tb",
    '"',
    "'",
    "=1+1",
    "@SUM(1)",
    "\u03a9\u2248\u00e7\u221a\u222b\u02dc\u00b5\u2264\u2265\u00f7",
    "\u8868\u30dd\u3042A\u9dd7\u0152\u00e9\uff22\u900d\u00dc\u4e02\U00020000",
    "\u0645\u0631\u062d\u0628\u0627 \u202eabc\u202c \u05e9\u05dc\u05d5\u05dd",
    "e\u0301 \u00e9 \u1100\u1161 \uac00",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "z" + "\u0300" * 60,
    "\u0131 \u0130 \u00df \u1e9e \ufb01 \u017f K",
    "x" * 64,
    "x" * 5_000,
    "",
)
"""Texts that other programs have stumbled over; some of them no field takes."""


def _get(*lines: bytes, start: bytes = b"GET /v1/orders/x HTTP/1.1") -> bytes:
    return b"\r\n".join((start, b"Host: a", *lines, b"", b""))


def _post(*lines: bytes, body: bytes = b"{}", path: bytes = b"/v1/orders") -> bytes:
    head = (b"POST " + path + b" HTTP/1.1", b"Host: a")
    kind = b"Content-Type: application/json"
    return b"\r\n".join((*head, kind, *lines, b"", body))


_CHUNKED = b"Transfer-Encoding: chunked"
_SMUGGLED = b"GET /v1/orders/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
_STARTS = (
    *(b"GET", b"GET ", b"GET  /", b" GET / HTTP/1.1", b"get / HTTP/1.1"),
    *(b"GET / HTTP/1.1 x", b"GET / HTTP/1.2", b"GET / HTTP/2.0", b"GET / HTTP/0.9"),
    *(b"GET / HTTP/11", b"GET / HTTP/1.1.1", b"GET / http/1.1", b"GET / FTP/1.1"),
    *(b"GET / HTTP/-1.1", b"GET /\x00 HTTP/1.1", b"GET /\xff HTTP/1.1"),
    *(b"GET /a b HTTP/1.1", b"GET /a\tb HTTP/1.1", b"G\x00T / HTTP/1.1"),
    *(b"G(T) / HTTP/1.1", b"GET /%00 HTTP/1.1", b"GET /%zz HTTP/1.1"),
    *(b"GET /%ff%fe HTTP/1.1", b"GET //v1//orders HTTP/1.1", b"GET * HTTP/1.1"),
    *(b"GET /../../etc/passwd HTTP/1.1", b"GET /v1/orders/../keys HTTP/1.1"),
    *(b"GET http://a/v1/orders/x HTTP/1.1", b"GET http://b/ HTTP/1.1"),
    *(b"GET http:// HTTP/1.1", b"GET http://[::1 HTTP/1.1", b"GET ?a=b HTTP/1.1"),
    *(b"OPTIONS * HTTP/1.1", b"CONNECT a:80 HTTP/1.1", b"TRACE / HTTP/1.1"),
    *(b"PRI * HTTP/2.0", b"BREW /pot HTTP/1.1", b"GET / HTTP/1.1\x00"),
    *(b"M" * 300 + b" / HTTP/1.1", b"GET /" + b"x" * 20_000 + b" HTTP/1.1"),
    *(b"GET /?" + b"a=b&" * 2_000 + b" HTTP/1.1", b"\x16\x03\x01\x02\x00\x01", b":"),
)
_FIELDS = (
    *(b"Host: b", b"Host:", b" folded", b"\tfolded", b"X-A: 1\r\n folded"),
    *(b"no colon", b": no name", b"X A: 1", b"X-A : 1", b"X\x00A: 1", b"X-A: \x00"),
    *(b"X-A: \x01", b"X-A: \x7f", b"X-A: a\rb", b"X-A: a\nX-B: b", b"X-\xff: 1"),
    *(b"X_A: 1", b"Content-Length: x", b"Content-Length: -1", b"Content-Length: +1"),
    *(b"Content-Length: 0x1", b"Content-Length: 1, 1", b"Content-Length: 1 1"),
    *(b"Content-Length:", b"Content-Length: 0\r\nContent-Length: 1"),
    *(b"Content-Length: " + b"9" * 40, b"X: " + b"y" * 40_000, b"X: y\r\n" * 3_000),
    *(b"Expect: 100-continue", b"Expect: magic", b"Upgrade: websocket"),
    *(b"Connection: close, keep-alive", b"Cookie: " + b"a=b; " * 500),
    *(b"Range: bytes=0-0", b"Accept: \xff", b"If-None-Match: \x80", b"Prefer: wait=-1"),
)
_SOUND_FRAMES = (
    (b"Content-Length: 2", b"{}"),
    (b"Content-Length: 0", b""),
    (b"Transfer-Encoding: CHUNKED", b"2\r\n{}\r\n0\r\n\r\n"),
    (b"Transfer_Encoding: chunked", b""),
    (_CHUNKED, b"0\r\n\r\n"),
    (_CHUNKED, b"2 \r\n{}\r\n0\r\n\r\n"),
    (_CHUNKED, b"2;a=b\r\n{}\r\n0\r\n\r\n"),
    (_CHUNKED, b"0\r\nX: y\r\n\r\n"),
)
_BROKEN_FRAMES = (
    (b"Content-Length: 2\r\n" + _CHUNKED, b"0\r\n\r\n" + _SMUGGLED),
    (_CHUNKED + b"\r\nContent-Length: 5", b"0\r\n\r\n" + _SMUGGLED),
    (b"Content-Length: 2\r\nContent-Length: 50", b"{}" + _SMUGGLED),
    (_CHUNKED + b"\r\n" + _CHUNKED, b"0\r\n\r\n" + _SMUGGLED),
    (b"Transfer-Encoding : chunked", b"0\r\n\r\n" + _SMUGGLED),
    (b"X: y\nTransfer-Encoding: chunked", b"0\r\n\r\n" + _SMUGGLED),
    *(
        (b"Transfer-Encoding: " + coding, b"0\r\n\r\n" + _SMUGGLED)
        for coding in (
            *(b"gzip", b"identity", b"chunked, chunked", b"gzip, chunked", b"chunked,"),
            *(b"xchunked", b"chunked;a=b", b"\x0bchunked", b"chun ked"),
        )
    ),
    *(
        (_CHUNKED, chunks)
        for chunks in (
            *(b"0\n\n", b"2\n{}\n0\n\n", b"x\r\n", b"-1\r\n", b"+2\r\n", b"\r\n0\r\n"),
            *(b"2\r\n{}x\r\n0\r\n\r\n", b"1\r\n{}\r\n0\r\n\r\n", b"f" * 20 + b"\r\n"),
            *(b"0x2\r\n{}\r\n0\r\n\r\n", b"2;\x00\r\n{}\r\n0\r\n\r\n", b"0" * 5_000),
            *(b"0\r\n" + _SMUGGLED, b"ffffffff\r\n" + b"x" * 100_000, b"2_0\r\n"),
        )
    ),
)


def raw_requests() -> Iterator[tuple[str, bytes]]:
    """Yield a name and the bytes to send on a connection of their own."""
    for start in _STARTS:
        yield f"start {start[:40]!r}", _get(start=start)
    for field in _FIELDS:
        yield f"field {field[:40]!r}", _get(field)
    for head, body in _SOUND_FRAMES:
        yield f"sound frame {head!r} {body!r}", _post(head, body=body)
    yield from broken_frames()
    yield "no host", b"GET / HTTP/1.1\r\n\r\n"
    yield "no head", b"\r\n\r\n\r\n"
    yield "bare line feeds", b"GET / HTTP/1.1\nHost: a\n\n"
    yield "nothing", b""
    yield "zeros", b"\x00" * 1_000
    yield "noise", bytes(range(256)) * 8 + b"\r\n\r\n"


def broken_frames() -> Iterator[tuple[str, bytes]]:
    """Yield those of them of which nobody knows where they end."""
    for head, body in _BROKEN_FRAMES:
        yield f"frame {head[:60]!r} {body[:20]!r}", _post(head, body=body)
