"""A name server that does not answer holds nobody up for long."""

import socket
import threading
from collections.abc import Iterator

import pytest
from kafka.net.inet import KafkaNetSocket

from orders.messaging import name_lookups
from orders.messaging.name_lookups import NameLookUps, NameUnknownError

SOON = 0.05
FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 9092))]


class NameServer:
    """Answers at once, or not before it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers = threading.Event()
        self.answers.set()
        self.questions = 0
        self.known = True
        monkeypatch.setattr(socket, "getaddrinfo", self._look_up)

    def _look_up(self, *question: object) -> list[object]:
        self.questions += 1
        assert self.answers.wait(10.0)
        if not self.known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return list(FOUND)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    server = NameServer(monkeypatch)
    yield server
    server.answers.set()


def test_a_name_has_its_addresses(server: NameServer) -> None:
    assert NameLookUps().find("kafka", 9092) == FOUND


def test_a_name_that_is_not_known_is_told_as_such(server: NameServer) -> None:
    server.known = False

    with pytest.raises(NameUnknownError, match="Name or service not known"):
        NameLookUps().find("kafka", 9092)


def test_a_silent_name_server_is_not_waited_for(server: NameServer) -> None:
    server.answers.clear()

    with pytest.raises(NameUnknownError, match=r"within 0\.05 s"):
        NameLookUps(SOON).find("kafka", 9092)


def test_one_thread_asks_for_a_name_however_many_wait(server: NameServer) -> None:
    server.answers.clear()
    names = NameLookUps(SOON)

    for _ in range(3):
        with pytest.raises(NameUnknownError):
            names.find("kafka", 9092)

    assert server.questions == 1


def test_a_silent_name_server_does_not_stop_what_was_found(
    server: NameServer,
) -> None:
    names = NameLookUps(SOON)
    names.find("kafka", 9092)
    server.answers.clear()

    assert names.find("kafka", 9092) == FOUND


def test_a_name_is_asked_for_again_after_a_failure(server: NameServer) -> None:
    names = NameLookUps()
    server.known = False
    with pytest.raises(NameUnknownError):
        names.find("kafka", 9092)

    server.known = True

    assert names.find("kafka", 9092) == FOUND


def test_clients_look_names_up_so(server: NameServer) -> None:
    name_lookups.install()

    assert KafkaNetSocket().dns_lookup("test-of-clients", 9092) == FOUND
