"""The fault proxy between real sockets, and in front of PostgreSQL."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest

from orders.chaos.proxy import FaultProxy
from orders.chaos.proxy_rules import PASS, Cut, Direction, Rules
from orders.devstack.postgres import EmbeddedPostgres

pytestmark = pytest.mark.integration

LOOPBACK = "127.0.0.1"
WaitUntil = Callable[[Callable[[], bool], float], None]


class EchoServer:
    """Answers each piece with itself, and keeps what it got."""

    def __init__(self) -> None:
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self.received = b""
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection: socket.socket) -> None:
        with connection:
            try:
                while piece := connection.recv(65_536):
                    self.received += piece
                    connection.sendall(piece)
            except OSError:  # reset
                return


@pytest.fixture
def server() -> Iterator[EchoServer]:
    with closing(EchoServer()) as running:
        yield running


@pytest.fixture
def proxy(server: EchoServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.port) as running:
        yield running


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[socket.socket]:
    with connect(proxy) as connected:
        connected.sendall(b"hello")
        assert connected.recv(100) == b"hello"
        yield connected


def connect(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection((LOOPBACK, proxy.port), 5)


def receive_all(client: socket.socket) -> bytes:
    got = b""
    while piece := client.recv(65_536):
        got += piece
    return got


def test_bytes_pass_both_ways_whole(proxy: FaultProxy) -> None:
    sent = bytes(range(256)) * 4096
    with connect(proxy) as client:
        threading.Thread(target=client.sendall, args=(sent,), daemon=True).start()

        got = b""
        while len(got) < len(sent):
            got += client.recv(65_536)

    assert got == sent


def test_an_end_is_passed_on(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)

    assert client.recv(100) == b""


def test_latency_holds_in_both_directions(
    proxy: FaultProxy, client: socket.socket
) -> None:
    proxy.set_rules(Rules(latency_seconds=0.1))
    began = time.monotonic()

    client.sendall(b"x")
    client.recv(1)

    assert 0.2 <= time.monotonic() - began < 1.0


def test_a_rate_makes_bytes_late(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.set_rules(Rules(bytes_per_second=40_960))
    began, got = time.monotonic(), 0
    client.sendall(b"x" * 16_384)

    while got < 16_384:
        got += len(client.recv(65_536))

    assert time.monotonic() - began >= 0.3


def test_a_blackhole_says_nothing_and_stays_open(
    proxy: FaultProxy, client: socket.socket
) -> None:
    proxy.set_rules(Rules(blackhole=True))
    client.sendall(b"x")
    client.settimeout(0.2)

    with pytest.raises(TimeoutError):
        client.recv(1)

    client.settimeout(5)
    proxy.set_rules(PASS)
    assert client.recv(1) == b"x"


def test_what_is_dropped_one_way_went_the_other_way(
    proxy: FaultProxy, client: socket.socket, server: EchoServer, wait_until: WaitUntil
) -> None:
    proxy.set_rules(Rules(drop=Direction.TO_CLIENT))
    client.sendall(b"x")
    client.settimeout(0.2)

    with pytest.raises(TimeoutError):
        client.recv(1)

    wait_until(lambda: server.received == b"hellox", 5)


def test_a_reset_reaches_the_client(proxy: FaultProxy, client: socket.socket) -> None:
    assert proxy.reset() == 1

    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_a_reset_is_forgotten(
    proxy: FaultProxy, client: socket.socket, wait_until: WaitUntil
) -> None:
    proxy.reset()

    wait_until(lambda: proxy.connections == 0, 5)


def test_nobody_listens_while_it_refuses(
    proxy: FaultProxy, client: socket.socket
) -> None:
    proxy.set_rules(Rules(refuse=True))

    with pytest.raises(ConnectionRefusedError):
        connect(proxy)

    client.sendall(b"x")  # what exists stays
    assert client.recv(1) == b"x"


def test_it_listens_again_on_its_port(proxy: FaultProxy) -> None:
    port = proxy.port
    proxy.set_rules(Rules(refuse=True))

    proxy.set_rules(PASS)

    with connect(proxy) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
    assert proxy.port == port


def test_a_connection_is_cut_after_so_many_bytes(
    proxy: FaultProxy, client: socket.socket
) -> None:
    proxy.set_rules(Rules(cut_after_bytes=1000))

    client.sendall(b"x" * 2000)

    with pytest.raises(ConnectionResetError):
        receive_all(client)


def test_a_server_that_is_away_is_a_reset(
    proxy: FaultProxy, server: EchoServer
) -> None:
    server.close()

    with pytest.raises(ConnectionResetError), connect(proxy) as client:
        client.recv(1)


@pytest.mark.parametrize("await_reply", [True, False])
def test_a_cut_request_arrives_and_its_reply_does_not(
    proxy: FaultProxy,
    client: socket.socket,
    server: EchoServer,
    wait_until: WaitUntil,
    *,
    await_reply: bool,
) -> None:
    armed = proxy.arm(Cut(b"commit", await_reply=await_reply))

    client.sendall(b"please commit this")

    with pytest.raises(ConnectionResetError):
        client.recv(100)
    wait_until(lambda: server.received.endswith(b"please commit this"), 5)
    assert armed.fired == 1


def test_only_the_nth_request_is_cut(proxy: FaultProxy, client: socket.socket) -> None:
    armed = proxy.arm(Cut(b"commit", nth=2))
    client.sendall(b"commit 1")
    assert client.recv(100) == b"commit 1"

    client.sendall(b"commit 2")

    with pytest.raises(ConnectionResetError):
        client.recv(100)
    assert (armed.matches, armed.fired) == (2, 1)


def test_a_later_request_of_the_connection_is_cut(
    proxy: FaultProxy, client: socket.socket
) -> None:
    proxy.arm(Cut(b"rows", later=1))
    client.sendall(b"rows")
    assert client.recv(100) == b"rows"

    client.sendall(b"anything")

    with pytest.raises(ConnectionResetError):
        client.recv(100)


def test_a_disarmed_cut_does_nothing(proxy: FaultProxy, client: socket.socket) -> None:
    armed = proxy.arm(Cut(b"commit"))
    proxy.disarm()

    client.sendall(b"commit")

    assert client.recv(100) == b"commit"
    assert armed.matches == 0


def test_what_a_cut_off_client_stored_is_there(
    postgres_server: EmbeddedPostgres, empty_database_url: str
) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as direct:
        direct.execute("create table stored (word text)")
        with FaultProxy(postgres_server.port) as proxy:
            url = empty_database_url.replace(
                f":{postgres_server.port}/", f":{proxy.port}/"
            )
            with psycopg.connect(url, autocommit=True) as cut_off:
                proxy.arm(Cut(b"insert into stored"))

                with pytest.raises(psycopg.OperationalError):
                    cut_off.execute("insert into stored values ('there')")

        [(word,)] = direct.execute("select word from stored").fetchall()
    assert word == "there"
