"""The lines of a request's head, parsed strictly and in linear time.

waitress matches them with expressions that need seconds for some lines of a few
thousand bytes, which would hold the event loop; these need microseconds.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import unquote_to_bytes

from orders.http.waitress_edge import ParsingError

# RFC 9110, section 5.6.2; methods are upper case here, as they are in practice.
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Z]+")
_TARGET = re.compile(rb"[\x21-\x7e]+")
# RFC 9110, section 5.5: visible characters, obs-text, space and tab.
_VALUE_BYTES = bytes([*b"\t", *range(0x20, 0x7F), *range(0x80, 0x100)])
_SHORT_NAME_BYTES = 64
_BROKEN_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_KEPT_SLASH = re.compile("%2f", re.IGNORECASE)
# RFC 9112, section 3.2: uri-host [ ":" port ], of RFC 3986, section 3.2.2.
_HOST = re.compile(
    r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)"
    r"(?::(?P<port>[0-9]*))?",
    re.ASCII,
)
_SCHEMES = frozenset({"http", "https"})
_LARGEST_PORT = 65_535
_VERSIONS = {b"HTTP/1.1": "1.1", b"HTTP/1.0": "1.0"}

_PROXY_FIELDS = frozenset(
    "FORWARDED PROXY X_FORWARDED_BY X_FORWARDED_FOR X_FORWARDED_HOST "
    "X_FORWARDED_PORT X_FORWARDED_PROTO".split()
)
"""Dropped: no proxy is trusted, so anybody could have written them."""

_CHANGING_FIELDS = frozenset(
    "COOKIE IDEMPOTENCY_KEY TRACEPARENT TRACESTATE X_API_KEY X_REQUEST_ID".split()
)
"""Never cached: different in each request, or secrets that nobody here asks for. API
keys are, until the cache begins anew: the key ring holds those that prove right anyway,
and to parse the line each time costs a request more than the whole decision."""


Parsed = TypeVar("Parsed")


class StartLine(NamedTuple):
    """The first line of a request."""

    method: str
    path: str
    """Percent-decoded, as Latin-1 text, the way WSGI wants it. Normal: slashes at its
    start count as one, those at its end as none, and an encoded slash separates
    nothing and stays encoded."""
    query: str
    version: str
    """``1.1`` or ``1.0``."""


class Field(NamedTuple):
    """One header field; ``name`` as in WSGI, without ``HTTP_``."""

    name: str
    value: str


def parse_start_line(line: bytes) -> StartLine:
    """Parse ``line`` (RFC 9112, section 3).

    Raises:
        ParsingError: it is not ``METHOD target HTTP/1.x``.

    """
    parts = line.split(b" ")
    if len(parts) != 3:  # noqa: PLR2004 - method, target, version
        raise ParsingError("The request line is not valid")
    method, target, version = parts
    if not _METHOD.fullmatch(method) or not _TARGET.fullmatch(target):
        raise ParsingError("The request line is not valid")
    if version not in _VERSIONS:
        raise ParsingError("The HTTP version is not supported")
    if _BROKEN_PERCENT.search(target) or b"#" in target:
        raise ParsingError("The request target is not valid")
    path, query = _split_target(method, target.decode("ascii"))
    return StartLine(method.decode("ascii"), path, query, _VERSIONS[version])


def _split_target(method: bytes, target: str) -> tuple[str, str]:
    """Return path and query of a target (RFC 9112, section 3.2).

    Raises:
        ParsingError: it has none of the forms that a server which is no proxy takes.

    """
    if target == "*" and method == b"OPTIONS":
        return target, ""
    if not target.startswith("/"):
        scheme, mark, rest = target.partition("://")
        authority = re.split("[/?]", rest, maxsplit=1)[0]
        if not mark or scheme.lower() not in _SCHEMES or not authority:
            raise ParsingError("The request target is not valid")
        _check_host(authority)
        target = rest[len(authority) :]
    path, _, query = target.partition("?")
    decoded = unquote_to_bytes(_KEPT_SLASH.sub("%252F", path)).decode("latin-1")
    return "/" + decoded.strip("/"), query


def _check_host(text: str) -> None:
    """Refuse what is no host with or without a port; an empty one is none of URLs'.

    Raises:
        ParsingError: it is refused.

    """
    match = _HOST.fullmatch(text)
    try:
        if match is None or text.startswith(":"):
            raise ParsingError("Host is not valid")
        if int(match["port"] or 0) > _LARGEST_PORT:
            raise ParsingError("Host is not valid")
        if match["ipv6"] is not None:
            IPv6Address(match["ipv6"])
    except ValueError:
        raise ParsingError("Host is not valid") from None


def parse_field(line: bytes) -> Field | None:
    """Parse a header line; None for one that is dropped.

    Names with an underscore are dropped, since they cannot be told from the same
    name with a hyphen later, and so are those of proxies.

    Raises:
        ParsingError: not a header line, also one that continues the line before
            (obsolete line folding, RFC 9112, section 5.2).

    """
    name, colon, value = line.partition(b":")
    if not colon or value.translate(None, _VALUE_BYTES):
        raise ParsingError("A header line is not valid")
    key = _short_name(name) if len(name) <= _SHORT_NAME_BYTES else _name_of(name)
    if key is None:
        return None
    text = value.strip(b" \t").decode("latin-1")
    if key == "HOST":
        _check_host(text)
    return Field(key, text)


def _name_of(name: bytes) -> str | None:
    """Return the name as in WSGI; None for one that is dropped.

    Raises:
        ParsingError: it is none.

    """
    if not _TOKEN.fullmatch(name):
        raise ParsingError("A header line is not valid")
    if b"_" in name:
        return None
    key = name.upper().replace(b"-", b"_").decode("ascii")
    return None if key in _PROXY_FIELDS else key


_short_name = lru_cache(maxsize=256)(_name_of)
"""For names that come again though their values do not."""


class LineCache(Generic[Parsed]):
    """Remembers what lines were parsed to, so that usual ones cost one look-up.

    Line by line: one header that is new in each request does not spoil the rest.
    Bounded: when full it begins anew, so lines that do not come again cannot
    occupy it for good. Event loop only.
    """

    def __init__(
        self,
        parse: Callable[[bytes], Parsed],
        *,
        keep: Callable[[Parsed], bool] = lambda _: True,
        max_lines: int = 2048,
        max_line_bytes: int = 160,
    ) -> None:
        self._parse = parse
        self._keep = keep
        self._max_lines = max_lines
        self._max_line_bytes = max_line_bytes
        self._lines: dict[bytes, Parsed] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def __call__(self, line: bytes) -> Parsed:
        """Return the parsed ``line``; errors are the parser's and not remembered."""
        if line in self._lines:  # an exception for each new line would cost more
            return self._lines[line]
        parsed = self._parse(line)
        if len(line) <= self._max_line_bytes and self._keep(parsed):
            if len(self._lines) >= self._max_lines:
                self._lines.clear()
            self._lines[line] = parsed
        return parsed


def recurs(field: Field | None) -> bool:
    """Tell whether the line of ``field`` may be kept: it will come again."""
    return field is None or field.name not in _CHANGING_FIELDS
