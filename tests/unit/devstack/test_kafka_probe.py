"""Whether a broker serves is read from its own answer."""

import socket
import struct

import pytest

from orders.devstack import kafka_probe


class Connection:
    """A connection that answers in small pieces."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.request = b""

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def settimeout(self, seconds: float) -> None:
        pass

    def sendall(self, data: bytes) -> None:
        self.request += data

    def recv(self, size: int) -> bytes:
        piece, self.answer = self.answer[: min(size, 3)], self.answer[min(size, 3) :]
        return piece


def _answer(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> Connection:
    connection = Connection(answer)
    monkeypatch.setattr(socket, "create_connection", lambda *_: connection)
    return connection


def test_an_answer_that_lists_a_broker_means_it_serves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _answer(monkeypatch, struct.pack(">iii", 8, 1, 1))

    assert kafka_probe.is_serving("127.0.0.1", 9092)


def test_an_answer_without_brokers_means_not_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _answer(monkeypatch, struct.pack(">iii", 8, 1, 0))

    assert not kafka_probe.is_serving("127.0.0.1", 9092)


@pytest.mark.parametrize("answer", [b"", b"\0\0", struct.pack(">iii", -1, 0, 0)])
def test_anything_else_means_not_yet(
    monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    _answer(monkeypatch, answer)

    assert not kafka_probe.is_serving("127.0.0.1", 9092)


def test_the_request_says_its_own_size(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = _answer(monkeypatch, b"")

    kafka_probe.is_serving("127.0.0.1", 9092)

    assert struct.unpack_from(">i", connection.request)[0] + 4 == len(
        connection.request
    )
