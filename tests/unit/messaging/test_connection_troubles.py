"""What the client leaves to chance when a connection fails."""

import errno

import pytest
from kafka.errors import KafkaConnectionError
from kafka.net.inet import KafkaNetSocket

from orders.messaging import connection_troubles


class Socket:
    def __init__(self, answer: int) -> None:
        self.answer = answer
        self.closed = False

    def connect_ex(self, _address: object) -> int:
        return self.answer

    def close(self) -> None:
        self.closed = True


def connect(sock: Socket) -> object:
    connection_troubles.install()
    connecting = KafkaNetSocket().sock_connect(None, sock, ("127.0.0.1", 1))
    try:
        connecting.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits")


def test_a_socket_that_cannot_connect_is_closed() -> None:
    sock = Socket(errno.ECONNREFUSED)

    with pytest.raises(KafkaConnectionError):
        connect(sock)

    assert sock.closed


def test_a_socket_that_connects_stays_open() -> None:
    sock = Socket(0)

    assert connect(sock) is sock
    assert not sock.closed
