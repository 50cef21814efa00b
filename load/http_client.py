"""A small HTTP/1.1 client on asyncio streams that never guesses.

It says whether a request may have reached the server, and takes nothing for an
answer that is not a whole and well-formed one.
"""

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

LOOPBACK = "127.0.0.1"
JsonObject = dict[str, object]

_LONGEST_HEAD_BYTES = 65_536
_STATUS_LINE_WORDS = 2
_NO_BODY = frozenset({204, 304})


class NotSentError(Exception):
    """There is no connection: the request certainly had no effect."""


class BrokenError(Exception):
    """The connection ended before a whole answer had arrived."""


class MalformedError(Exception):
    """What arrived is no HTTP answer with a JSON object."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: JsonObject

    @property
    def closes(self) -> bool:
        """Whether the server ends the connection with it."""
        return self.headers.get("connection", "").lower() == "close"


class Connection:
    """A connection to one port, of the loopback by default, made when it is needed.

    Owned by one task. After any error, cancellation included, the next request
    opens a new one. ``tls`` is None for plain HTTP.
    """

    def __init__(
        self, port: int, host: str = LOOPBACK, tls: ssl.SSLContext | None = None
    ) -> None:
        self.port = port
        self._host = host
        self._tls = tls
        at = f"[{host}]" if ":" in host else host
        self._authority = f"{at}:{port}"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.refusal = ""
        """Why the last try to connect failed."""

    async def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """Send one request and return its answer.

        Raises:
            NotSentError: there is no connection.
            BrokenError: it ended without a whole answer.
            MalformedError: the answer makes no sense.

        """
        reader, writer = await self._open()
        try:
            writer.write(self._head(method, path, headers or {}, body) + body)
            await writer.drain()
            answer = await _read_answer(reader)
        except (OSError, EOFError) as error:
            self.close()
            raise BrokenError(repr(error)) from error
        except BaseException:  # a timeout cancels in the middle of an answer
            self.close()
            raise
        if answer.closes:
            self.close()
        return answer

    def close(self) -> None:
        """Close at once; harmless when there is none."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        streams = self._streams
        # A server that closed an idle connection is not asked through it.
        if streams is not None and not streams[0].at_eof():
            return streams
        self.close()
        try:
            self._streams = await asyncio.open_connection(
                self._host, self.port, limit=_LONGEST_HEAD_BYTES, ssl=self._tls
            )
        except OSError as error:
            self.refusal = str(error)
            raise NotSentError(self.refusal) from error
        return self._streams

    def _head(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> bytes:
        fields = {"Host": self._authority, **headers}
        if body:
            fields["Content-Length"] = str(len(body))
        lines = [f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


async def _read_answer(reader: asyncio.StreamReader) -> Answer:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise MalformedError("a head without end") from error
    status, headers = parse_head(head)
    length = headers.get("content-length", "0" if status in _NO_BODY else "")
    if not length.isdecimal():
        raise MalformedError(f"status {status} without a length: {headers}")
    text = await reader.readexactly(int(length))
    try:
        body = json.loads(text) if text else {}
    except ValueError as error:
        raise MalformedError(f"status {status}, not JSON: {text[:200]!r}") from error
    if not isinstance(body, dict):
        raise MalformedError(f"status {status}, not an object: {text[:200]!r}")
    return Answer(status, headers, cast("JsonObject", body))


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Return the status and the headers of an answer's head.

    Raises:
        MalformedError: it is not one.

    """
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    words = first.split(" ")
    if (
        len(words) < _STATUS_LINE_WORDS
        or words[0] != "HTTP/1.1"
        or not words[1].isdecimal()
    ):
        raise MalformedError(f"not a status line: {first!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise MalformedError(f"not a header: {line!r}")
        headers[name.strip().lower()] = value.strip()
    return int(words[1]), headers
