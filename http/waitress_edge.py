"""The parts of waitress that this room builds on, with their types.

waitress ships no types. Type checkers see the declarations below, so nothing else
of it can be touched; at run time the names are waitress's own. A test holds each
declaration, and the source of what is relied on, against the installed waitress,
so that an upgrade that moves one fails loudly.
"""

# ruff: noqa: D101, D102, D103, N818 - waitress documents its classes; these lines only type them

from collections.abc import Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING

Environ = dict[str, object]
StartResponse = Callable[..., Callable[[bytes], None]]
WSGIApp = Callable[[Environ, StartResponse], Iterable[bytes]]
SocketMap = MutableMapping[int, "dispatcher"]

if TYPE_CHECKING:
    from io import BytesIO
    from socket import socket as Socket  # noqa: N812 - waitress has a field `socket`
    from typing import Protocol

    class Adjustments:
        ident: str | None
        recv_bytes: int
        outbuf_high_watermark: int
        max_request_body_size: int
        max_request_header_size: int
        url_scheme: str

        def __init__(self, **kw: object) -> None: ...

    class Error:
        code: int
        reason: str
        body: str

        def __init__(self, body: str) -> None: ...

    class BadRequest(Error): ...

    class Body(Protocol):
        def append(self, s: bytes) -> None: ...
        def getfile(self) -> BytesIO: ...
        def close(self) -> None: ...
        def __len__(self) -> int: ...

    class FixedStreamReceiver:
        completed: bool
        error: Error | None

        def __init__(self, cl: int, buf: Body) -> None: ...
        def received(self, data: bytes) -> int: ...
        def getfile(self) -> BytesIO: ...
        def getbuf(self) -> Body: ...

    class BodyReceiver(Protocol):
        completed: bool
        error: Error | None

        def received(self, s: bytes, /) -> int: ...
        def getfile(self) -> BytesIO: ...
        def getbuf(self) -> Body: ...

    class ParsingError(Exception): ...

    class ClientDisconnected(Exception): ...

    class HTTPRequestParser:
        adj: Adjustments
        completed: bool
        empty: bool
        expect_continue: bool
        headers_finished: bool
        header_bytes_received: int
        chunked: bool
        content_length: int
        body_rcv: BodyReceiver | None
        version: str
        error: Error | None
        connection_close: bool
        headers: dict[str, str]
        command: str
        path: str
        query: str
        url_scheme: str

        def __init__(self, adj: Adjustments) -> None: ...
        def received(self, data: bytes) -> int: ...
        def parse_header(self, header_plus: bytes) -> None: ...
        def close(self) -> None: ...

    class Task:
        channel: "HTTPChannel"
        request: HTTPRequestParser
        status: str
        version: str
        complete: bool
        wrote_header: bool
        close_on_finish: bool
        response_headers: list[tuple[str, str]]

        def __init__(
            self, channel: "HTTPChannel", request: HTTPRequestParser
        ) -> None: ...
        def service(self) -> None: ...

    class ErrorTask(Task):
        def execute(self) -> None: ...

    class WSGITask(Task):
        def execute(self) -> None: ...

    class dispatcher:  # noqa: N801 - waitress's name
        _map: SocketMap
        _fileno: int | None
        connected: bool
        accepting: bool
        socket: Socket | None

        def readable(self) -> object: ...
        def writable(self) -> object: ...
        def handle_read_event(self) -> None: ...
        def handle_write_event(self) -> None: ...
        def handle_close(self) -> None: ...
        def handle_error(self) -> None: ...
        def add_channel(self, map: SocketMap | None = None) -> None: ...  # noqa: A002
        def del_channel(self, map: SocketMap | None = None) -> None: ...  # noqa: A002
        def recv(self, buffer_size: int) -> bytes: ...
        def accept(self) -> tuple[Socket, tuple[str, int]] | None: ...

    class HTTPChannel(dispatcher):
        adj: Adjustments
        server: "BaseWSGIServer"
        requests: list[HTTPRequestParser]
        request: HTTPRequestParser | None
        will_close: bool
        close_when_flushed: bool
        total_outbufs_len: int
        task_class: type[Task]
        error_task_class: type[Task]
        parser_class: type[HTTPRequestParser]

        def __init__(
            self,
            server: "BaseWSGIServer",
            sock: Socket,
            addr: tuple[str, int],
            adj: Adjustments,
            map: SocketMap | None = None,  # noqa: A002
        ) -> None: ...
        def received(self, data: bytes) -> bool: ...
        def service(self) -> None: ...
        def write_soon(self, data: bytes) -> int: ...
        def handle_read(self) -> None: ...
        def handle_write(self) -> None: ...
        def _flush_some(self, do_close: bool = True) -> bool: ...
        def _flush_exception(
            self, flush: Callable[..., bool] | None, do_close: bool = True
        ) -> tuple[bool, bool] | None: ...
        def _flush_outbufs_below_high_watermark(self) -> None: ...

    class BaseWSGIServer(dispatcher):
        adj: Adjustments
        application: WSGIApp
        active_channels: dict[int, HTTPChannel]
        effective_port: int
        server_name: str

        def __init__(
            self,
            application: WSGIApp,
            map: SocketMap | None = None,  # noqa: A002
            _start: bool = True,
            _sock: Socket | None = None,
            dispatcher: object = None,
            adj: Adjustments | None = None,
            sockinfo: tuple[int, int, int | None, object] | None = None,
            bind_socket: bool = True,
            **kw: object,
        ) -> None: ...
        def add_task(self, task: HTTPChannel) -> None: ...
        def handle_accept(self) -> None: ...
        def pull_trigger(self) -> None: ...
        def set_socket_options(self, conn: Socket) -> None: ...
        def close(self) -> None: ...

    class TcpWSGIServer(BaseWSGIServer): ...

    def read_event(obj: object) -> None: ...
    def write_event(obj: object) -> None: ...
else:
    Body = object  # a protocol
    from waitress.adjustments import Adjustments
    from waitress.channel import ClientDisconnected, HTTPChannel
    from waitress.parser import HTTPRequestParser, ParsingError
    from waitress.receiver import FixedStreamReceiver
    from waitress.server import TcpWSGIServer
    from waitress.task import ErrorTask, WSGITask
    from waitress.utilities import BadRequest, Error
    from waitress.wasyncore import read as read_event
    from waitress.wasyncore import write as write_event

__all__ = [
    "Adjustments",
    "BadRequest",
    "Body",
    "ClientDisconnected",
    "Error",
    "ErrorTask",
    "FixedStreamReceiver",
    "HTTPChannel",
    "HTTPRequestParser",
    "ParsingError",
    "SocketMap",
    "TcpWSGIServer",
    "WSGIApp",
    "WSGITask",
    "read_event",
    "write_event",
]
