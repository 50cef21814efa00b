"""Reads one request: waitress's parser, with a strict head of our own.

Closed here are the holes by which two servers in a row can be made to disagree
where a request ends (request smuggling; RFC 9112, sections 6 and 11.2).
"""

from collections.abc import Callable, Mapping
from io import BytesIO
from types import MappingProxyType

from orders.http.body import BodyBuffer
from orders.http.chunks import StrictChunks
from orders.http.key_ring import Caller
from orders.http.problems import ProblemError
from orders.http.request_lines import (
    LineCache,
    StartLine,
    parse_field,
    parse_start_line,
    recurs,
)
from orders.http.waitress_edge import (
    Adjustments,
    FixedStreamReceiver,
    HTTPRequestParser,
    ParsingError,
)

Admit = Callable[[str, str, str | None], Caller | ProblemError]
"""Decides on a request by its head: method, path, ``Authorization``."""

_MAX_LENGTH_DIGITS = 18
_EMPTY_LINE = b"\r\n"
_SINGLE_FIELDS = frozenset({"HOST", "CONTENT_LENGTH", "TRANSFER_ENCODING"})


class RequestParser(HTTPRequestParser):
    """Parses one request; what it refuses becomes an error answer and a close.

    Refused with 400: both ``Content-Length`` and ``Transfer-Encoding``, either of
    them or ``Host`` twice, a transfer coding other than ``chunked``, HTTP/1.1
    without ``Host``, a ``Content-Length`` that is not a number, folded lines, white
    space other than one empty line before the request, any other byte that the
    grammar does not have; of chunks, what ``StrictChunks`` refuses. The limits of
    head (431) and body (413) are waitress's. Event loop only, since the caches are
    shared.
    """

    start_lines = LineCache(parse_start_line)
    fields = LineCache(parse_field, keep=recurs)
    sizes: Mapping[str, Adjustments] = MappingProxyType({})
    """The limits of paths that have their own."""

    admit: Admit | None = None
    """Asked as soon as the head is there; None where everybody may do everything."""
    caller: Caller | ProblemError | None = None
    """Who asks, or why it is refused; None where nobody is asked."""

    # waitress names these in log lines even where the head could not be parsed.
    command = ""
    path = ""
    _opening = b""

    def received(self, data: bytes) -> int:
        """Take in what belongs to the request; return how many bytes that was."""
        missing = len(_EMPTY_LINE) - len(self._opening)
        if missing:
            self._opening += data[:missing]
        return super().received(data)

    def parse_header(self, header_plus: bytes) -> None:
        """Take in the head, which ends with an empty line.

        Raises:
            ParsingError: it is refused.

        """
        self._check_opening(header_plus)
        lines = header_plus.split(b"\r\n")
        start = self.start_lines(lines[0])
        self._read_fields(lines)
        self._take_start(start)
        self._frame(start.version)
        if self.admit is not None:
            self._ask(self.admit)

    def get_body_stream(self) -> BytesIO:
        """Return the body, which stays readable after the request is closed."""
        receiver = self.body_rcv
        return BytesIO() if receiver is None else receiver.getfile()

    def _check_opening(self, head: bytes) -> None:
        """Refuse what waitress strips off before ``head``, but for an empty line."""
        stripped = self.header_bytes_received - len(head)
        if stripped <= 0 or self.header_bytes_received >= (
            self.adj.max_request_header_size
        ):
            return  # nothing; or it is refused already, and this is a stand-in
        if stripped != len(_EMPTY_LINE) or self._opening != _EMPTY_LINE:
            raise ParsingError("White space comes before the request")

    def _read_fields(self, lines: list[bytes]) -> None:
        headers = self.headers
        for index in range(1, len(lines)):
            line = lines[index]
            if not line:
                continue  # the end, split off
            field = self.fields(line)
            if field is None:
                continue
            name, value = field
            if name not in headers:
                headers[name] = value
            elif name in _SINGLE_FIELDS:
                raise ParsingError(f"{name.title().replace('_', '-')} is given twice")
            else:
                headers[name] += ", " + value

    def _take_start(self, start: StartLine) -> None:
        self.command, self.path, self.query, self.version = start
        self.adj = self.sizes.get(self.path, self.adj)
        self.url_scheme = self.adj.url_scheme
        connection = self.headers.get("CONNECTION")
        if connection is not None or start.version == "1.0":
            options = [it.strip(" \t") for it in (connection or "").lower().split(",")]
            persists = start.version == "1.1" or "keep-alive" in options
            self.connection_close = "close" in options or not persists

    def _frame(self, version: str) -> None:
        """Decide where the body ends."""
        headers = self.headers
        if version == "1.1" and "HOST" not in headers:
            raise ParsingError("Host is missing")
        coding = headers.pop("TRANSFER_ENCODING", None)
        if coding is not None:
            self._frame_chunked(coding, version)
        elif "CONTENT_LENGTH" in headers:
            self._frame_fixed(headers["CONTENT_LENGTH"])
        if self.body_rcv is not None and version == "1.1":
            wants = headers.get("EXPECT", "").lower() == "100-continue"
            # Nobody is asked to go on with a body that is refused.
            fits = self.content_length < self.adj.max_request_body_size
            self.expect_continue = wants and fits

    def _ask(self, admit: Admit) -> None:
        """Know the caller before the body, which is not read where it is refused.

        The credentials go no further.
        """
        credentials = self.headers.pop("AUTHORIZATION", None)
        self.caller = caller = admit(self.command, self.path, credentials)
        if isinstance(caller, ProblemError) and self.body_rcv is not None:
            self.body_rcv = None
            self.content_length = 0
            self.chunked = self.expect_continue = False
            self.connection_close = True

    def _frame_chunked(self, coding: str, version: str) -> None:
        if "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Transfer-Encoding and Content-Length exclude another")
        if version != "1.1" or coding.lower() != "chunked":
            raise ParsingError("The transfer coding is not supported")
        self.chunked = True
        self.body_rcv = StrictChunks(BodyBuffer())

    def _frame_fixed(self, text: str) -> None:
        digits = text.isascii() and text.isdigit()
        if not digits or len(text) > _MAX_LENGTH_DIGITS:
            raise ParsingError("Content-Length is not valid")
        self.content_length = int(text)
        if self.content_length > 0:
            self.body_rcv = FixedStreamReceiver(self.content_length, BodyBuffer())


def sized_by(
    parser: type[RequestParser], sizes: Mapping[str, Adjustments]
) -> type[RequestParser]:
    """Return ``parser`` with limits of their own for some paths."""
    return type("SizedParser", (parser,), {"sizes": sizes})


def guarded_by(admit: Admit) -> type[RequestParser]:
    """Return a parser that asks ``admit`` as soon as it knows a request's head.

    The application answers a refused request without its body, then the connection is
    closed.
    """
    return type("GuardedParser", (RequestParser,), {"admit": staticmethod(admit)})
