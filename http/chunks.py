"""A body in chunks, read without mercy (RFC 9112, section 7.1).

waitress takes a size with a bare line feed behind it, empty lines where a size is
due, and anything at all as a trailer. Each of them lets two servers in a row disagree
where the body ends, so here each is an error.
"""

import re
from io import BytesIO

from orders.http.request_lines import parse_field
from orders.http.waitress_edge import BadRequest, Body, Error, ParsingError

_MAX_LINE_BYTES = 4096
_MAX_TRAILER_LINES = 64
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")
"""A size below 4 GiB, and extensions, which are ignored."""
_CRLF = b"\r\n"


class StrictChunks:
    """Takes in a chunked body; stands where waitress's ``ChunkedReceiver`` does.

    The limit of the whole, line ends and extensions included, is the parser's.
    """

    def __init__(self, buf: Body) -> None:
        self._buf = buf
        self._line = b""
        self._due = 0
        """Bytes of the present chunk that have not come, its line end included."""
        self._in_trailer = False
        self._trailer_lines = 0
        self.completed = False
        self.error: Error | None = None

    def received(self, s: bytes) -> int:
        """Take in what belongs to the body; return how many bytes that was."""
        place = 0
        try:
            while place < len(s) and not self.completed:
                take = self._take_data if self._due else self._take_line
                place += take(s, place)
        except ParsingError as error:
            self.error = BadRequest(str(error))
            return len(s)
        return place

    def getfile(self) -> BytesIO:
        """Return the body so far."""
        return self._buf.getfile()

    def getbuf(self) -> Body:
        """Return what keeps it."""
        return self._buf

    def __len__(self) -> int:
        return len(self._buf)

    def _take_data(self, s: bytes, place: int) -> int:
        taken = s[place : place + self._due]
        data_due = self._due - len(_CRLF)
        if data_due > 0:
            taken = taken[:data_due]
            self._buf.append(taken)
        elif taken != _CRLF[-self._due :][: len(taken)]:
            raise ParsingError("A chunk does not end where its size says")
        self._due -= len(taken)
        return len(taken)

    def _take_line(self, s: bytes, place: int) -> int:
        before = self._line
        end = s.find(b"\n", place)
        taken = s[place:] if end < 0 else s[place : end + 1]
        self._line = before + taken
        if len(self._line) > _MAX_LINE_BYTES:
            raise ParsingError("A line between chunks is too long")
        if end >= 0:
            line, self._line = self._line, b""
            if not line.endswith(_CRLF):
                raise ParsingError("A line between chunks ends with a bare line feed")
            self._take(line[: -len(_CRLF)])
        return len(taken)

    def _take(self, line: bytes) -> None:
        if not self._in_trailer:
            self._begin_chunk(line)
        elif not line:
            self.completed = True
        else:
            self._trailer_lines += 1
            if self._trailer_lines > _MAX_TRAILER_LINES:
                raise ParsingError("The trailer has too many lines")
            parse_field(line)  # checked, and dropped

    def _begin_chunk(self, line: bytes) -> None:
        match = _SIZE.fullmatch(line)
        if match is None:
            raise ParsingError("The size of a chunk is not valid")
        size = int(match[1], 16)
        if size:
            self._due = size + len(_CRLF)
        else:
            self._in_trailer = True
