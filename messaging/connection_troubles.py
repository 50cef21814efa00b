"""Keeps why a client's connections failed.

kafka-python says it in its log alone, and raises "unable to bootstrap" for all of it.
And what a broker says right before it closes a connection, such as that the password
is wrong, it drops. A socket that cannot connect it leaves to the garbage collector. The
private parts that are touched are pinned by a test.
"""

from collections.abc import Callable, Coroutine
from socket import socket
from time import monotonic
from typing import Protocol, cast

from kafka.errors import KafkaTimeoutError, RequestTimedOutError
from kafka.net.inet import KafkaNetSocket
from kafka.net.manager import KafkaConnectionManager
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

_TROUBLES = "_orders_troubles"
_TELLING_SECONDS = 5.0


class Trouble(Exception):  # noqa: N818 - a reason, which is raised from
    """The last error of one broker's connections."""

    def __init__(self, address: str, error: BaseException) -> None:
        super().__init__(address)
        self.address = address
        self.error = error
        self.at = monotonic()

    def is_last_try_after(self, other: "Trouble | None") -> bool:
        """Whether this says no more than that a caller's time was up: bootstrapping
        tries again until it is, and cuts the last try short.
        """
        timed_out = isinstance(self.error, (KafkaTimeoutError, RequestTimedOutError))
        return timed_out and other is not None and self.at < other.at + _TELLING_SECONDS


class _Future(Protocol):
    def add_callback(self, callback: Callable[[object], None]) -> object: ...
    def add_errback(self, callback: Callable[[BaseException], None]) -> object: ...


class _Connection(Protocol):
    init_future: _Future
    close_future: _Future


class _Node(Protocol):
    host: str
    port: int


_Connect = Callable[..., Coroutine[object, object, None]]
_client_connect = cast("_Connect", KafkaConnectionManager._connect)  # noqa: SLF001 - see the module


async def _connect(
    manager: object, node: _Node, conn: _Connection, **settings: object
) -> None:
    """Connect, and keep the error of an attempt, or of a connection that ends."""
    address = f"{node.host}:{node.port}"
    troubles = _kept(manager)

    def failed(error: BaseException) -> None:
        trouble = Trouble(address, error)
        if not trouble.is_last_try_after(troubles.get(address)):
            troubles[address] = trouble

    def connected(_: object) -> None:
        troubles.pop(address, None)

    conn.init_future.add_callback(connected)
    conn.init_future.add_errback(failed)
    conn.close_future.add_errback(failed)
    await _client_connect(manager, node, conn, **settings)


def _kept(manager: object) -> dict[str, Trouble]:
    """Return the manager's troubles by address; no more than it has brokers."""
    kept: dict[str, Trouble] = vars(manager).setdefault(_TROUBLES, {})
    return kept


def troubles_of(client: object) -> tuple[Trouble, ...]:
    """Return why the brokers of a consumer or admin client cannot be reached; any
    thread may ask.
    """
    manager = getattr(client, "_manager", None)
    return () if manager is None else tuple(_kept(manager).copy().values())


_Receive = Callable[[object], tuple[bytes, Exception | None]]
_receive_plain = cast("_Receive", KafkaTCPTransport._sock_recv)  # noqa: SLF001
_receive_tls = cast("_Receive", KafkaSSLTransport._sock_recv)  # noqa: SLF001


def _data_first(data: bytes, error: Exception | None) -> tuple[bytes, Exception | None]:
    """Hand on what came before the end; the next call meets the end again."""
    return data, None if data else error


_SockConnect = Callable[..., Coroutine[object, object, socket]]
_client_sock_connect = cast("_SockConnect", KafkaNetSocket.sock_connect)


async def _sock_connect(
    net_socket: object, net: object, sock: socket, address: object, **settings: object
) -> socket:
    """Connect, and close at once what cannot connect."""
    try:
        return await _client_sock_connect(net_socket, net, sock, address, **settings)
    except BaseException:
        sock.close()
        raise


def install() -> None:
    """Have clients keep their errors from now on; doing it twice does nothing."""
    KafkaNetSocket.sock_connect = _sock_connect
    KafkaTCPTransport._sock_recv = lambda it: _data_first(*_receive_plain(it))  # noqa: SLF001
    KafkaSSLTransport._sock_recv = lambda it: _data_first(*_receive_tls(it))  # noqa: SLF001
    KafkaConnectionManager._connect = _connect  # noqa: SLF001 - see the module
