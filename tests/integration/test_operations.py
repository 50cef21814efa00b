import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPConnection

import pytest

from orders.http.addresses import AddressUnavailableError, bound_socket
from orders.http.health import Check, CheckState
from orders.http.operations import OperationsServer
from orders.http.operations_app import Version

pytestmark = pytest.mark.integration


class Healthy:
    def live(self) -> Sequence[Check]:
        return [Check("event_loop", CheckState.OK)]

    ready = started = live


class Empty:
    def exposition(self) -> bytes:
        return b"orders_up 1\n"

    def status(self) -> Mapping[str, object]:
        return {}


def make_server(port: int = 0) -> OperationsServer:
    return OperationsServer(
        "127.0.0.1",
        port,
        health=Healthy(),
        source=Empty(),
        version=Version("1", "node"),
    )


@pytest.fixture
def server() -> Iterator[OperationsServer]:
    server = make_server()
    server.start()
    yield server
    server.stop()


def get(port: int, path: str) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def test_a_free_port_is_chosen_and_told(server: OperationsServer) -> None:
    status, _, body = get(server.port, "/metrics")

    assert (status, body) == (200, b"orders_up 1\n")


def test_the_server_does_not_say_what_it_is(server: OperationsServer) -> None:
    _, headers, _ = get(server.port, "/livez")

    assert "Server" not in headers


def test_a_stopped_server_frees_its_port_and_threads() -> None:
    before = threading.active_count()
    server = make_server()
    server.start()
    port = server.port
    get(port, "/livez")

    server.stop()

    with socket.create_server(("127.0.0.1", port)):
        assert threading.active_count() == before


def test_stopping_does_not_wait_for_an_idle_client() -> None:
    server = make_server()
    server.start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = b""
        while not answer.endswith(b"ok"):  # head and body may come apart
            part = client.recv(4096)
            assert part
            answer += part

        server.stop()

        assert client.recv(4096) == b""


def test_a_server_that_never_started_can_be_stopped() -> None:
    server = make_server()
    port = server.port

    server.stop()

    socket.create_server(("127.0.0.1", port)).close()


def test_a_taken_port_is_an_error_at_once(server: OperationsServer) -> None:
    with pytest.raises(AddressUnavailableError, match="Address already in use"):
        make_server(server.port)


def name_with(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Have the resolver give ``addresses`` for each name."""
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 0))
        for address in addresses
    ]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)


def test_of_a_name_the_first_address_that_is_here_is_taken(monkeypatch) -> None:
    name_with(monkeypatch, "198.51.100.1", "127.0.0.1")  # RFC 5737: nobody has it

    with bound_socket("a-name", 0) as bound:
        assert bound.getsockname()[0] == "127.0.0.1"


def test_a_name_without_an_address_here_is_an_error_of_the_host(monkeypatch) -> None:
    name_with(monkeypatch, "198.51.100.1", "198.51.100.2")

    with pytest.raises(AddressUnavailableError) as refused:
        bound_socket("a-name", 0)

    assert refused.value.is_of_host
