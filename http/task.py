"""Turns a request into a call of the application, and its result into an answer."""

from collections.abc import Callable, Iterable
from typing import Protocol, cast

from orders.http.answers import (
    CLOSE,
    Problem,
    encode_answer,
    problem_fields,
    problem_of,
    status_line,
)
from orders.http.environment import environment_of
from orders.http.parser import RequestParser
from orders.http.request_context import CALLER
from orders.http.waitress_edge import Environ, ErrorTask, WSGITask

Header = tuple[str, str]

_INTERNAL_ERROR = 500
_KEEP_ALIVE = ("connection", "keep-alive")
_BODILESS = frozenset({"204", "304"})
_OURS = frozenset({"date", "server"})
# RFC 9110, section 7.6.1; an application has no say in them (PEP 3333).
_HOP_BY_HOP = frozenset(
    "keep-alive proxy-authenticate proxy-authorization te trailer trailers "
    "transfer-encoding upgrade".split()
)
_NEEDS_CARE = _OURS | _HOP_BY_HOP | {"connection", "content-length"}


Write = Callable[[bytes], None]
"""Named here: an annotation of an inner function is evaluated at each definition."""


class TaskChannel(Protocol):
    """What a task asks of its connection."""

    environment: Environ
    """What is the same for all its requests."""


class TaskHost(Protocol):
    """What a task asks of its server."""

    problem: Problem
    draining: bool


class AppTask(WSGITask):
    """Calls the application and sends its answer whole, in one piece.

    Nothing is streamed: an answer that is still being made would hold the event
    loop. So its length is known, and what is wrong with it is found before the
    first byte is sent, and becomes a 500.
    """

    _fields: list[Header]
    _length: int | None = None
    _close_asked = False

    def execute(self) -> None:
        """Serve the request.

        Raises:
            ValueError: the application answered with something that cannot be sent.
            RuntimeError: it did not answer.

        """
        written: list[bytes] = []
        application = self.channel.server.application
        request = cast("RequestParser", self.request)
        of_connection = cast("TaskChannel", self.channel).environment
        environment = environment_of(request, of_connection)
        if request.caller is not None:
            environment[CALLER] = request.caller
        chunks = application(environment, self._starter(written))
        try:
            body = b"".join(chunks)
        finally:
            _close(chunks)
        if not self.complete:
            raise RuntimeError("the application did not call start_response")
        self._send(b"".join(written) + body if written else body)

    def _starter(self, written: list[bytes]) -> Callable[..., Write]:
        def start_response(
            status: str, headers: list[Header], exc_info: object = None
        ) -> Write:
            if self.complete and not exc_info:
                raise RuntimeError("start_response is called a second time")
            self.status = status
            self._take_fields(headers)
            self.complete = True
            return written.append

        return start_response

    def _take_fields(self, headers: list[Header]) -> None:
        self._fields = fields = []
        self._length = None
        for header in headers:
            name = header[0].lower()
            if name not in _NEEDS_CARE:
                fields.append(header)
            elif name == "content-length":
                self._length = int(header[1])
            elif name == "connection":
                self._close_asked = header[1].lower() == "close"
            elif name in _HOP_BY_HOP:
                raise ValueError(f"an application may not send {name!r}")

    def _send(self, body: bytes) -> None:
        fields = self._fields
        if self.status[:3] in _BODILESS or self.status.startswith("1"):
            body = b""
        elif self.request.command == "HEAD":
            if self._length is not None or body:
                length = len(body) if self._length is None else self._length
                fields.append(("content-length", str(length)))
            body = b""
        elif self._length is not None and self._length != len(body):
            raise ValueError("the application's Content-Length is wrong")
        else:
            fields.append(("content-length", str(len(body))))
        fields.extend(self._connection())
        answer = encode_answer(self.version, self.status, fields, body)
        self.wrote_header = True
        self.channel.write_soon(answer)

    def _connection(self) -> tuple[Header, ...]:
        draining = cast("TaskHost", self.channel.server).draining
        if self.request.connection_close or self._close_asked or draining:
            self.close_on_finish = True
            return (CLOSE,)
        return (_KEEP_ALIVE,) if self.version == "1.0" else ()


class ProblemTask(ErrorTask):
    """Answers what the parser refused, and what failed in the application."""

    def execute(self) -> None:
        """Send the problem.

        A failed application leaves the connection usable, since its request was
        read to the end; after a refused one nobody knows where the next begins.
        """
        host = cast("TaskHost", self.channel.server)
        error = self.request.error
        if error is None:
            raise RuntimeError("an error task without an error")
        status, body = problem_of(host.problem, error)
        fields = problem_fields(body)
        asked = self.channel.requests[0]
        if status != _INTERNAL_ERROR or asked.connection_close or host.draining:
            self.close_on_finish = True
            fields.append(CLOSE)
        elif asked.version == "1.0":
            fields.append(_KEEP_ALIVE)
        if asked.command == "HEAD":
            body = b""
        answer = encode_answer("1.1", status_line(status), fields, body)
        self.wrote_header = True
        self.channel.write_soon(answer)


def _close(chunks: Iterable[bytes]) -> None:
    """Call the iterable's ``close``, where it has one (PEP 3333)."""
    close = getattr(chunks, "close", None)
    if close is not None:
        close()
