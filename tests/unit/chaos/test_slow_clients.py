"""Which slow clients a node has closed."""

import socket
from collections.abc import Iterator

import pytest

from orders.chaos.faults.slow_clients import still_open

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A client, as a crowd has it, and the node's end of its connection."""
    client, node = socket.socketpair()
    client.setblocking(False)
    with client, node:
        yield client, node


def test_a_client_that_waits_is_there(pair: Pair) -> None:
    client, node = pair

    assert list(still_open([client], b"a")) == [client]
    assert node.recv(10) == b"a"


def test_a_client_that_is_answered_is_there(pair: Pair) -> None:
    client, node = pair
    node.sendall(b"HTTP/1.1 408 Request Timeout\r\n\r\n")

    assert list(still_open([client], b"a")) == [client]


def test_a_client_that_is_answered_and_closed_is_gone_in_the_end(pair: Pair) -> None:
    client, node = pair
    node.sendall(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    node.shutdown(socket.SHUT_WR)

    assert list(still_open([client], b"")) == [client]
    assert list(still_open([client], b"")) == []


def test_a_client_that_is_cut_off_is_gone(pair: Pair) -> None:
    client, node = pair
    node.close()

    assert list(still_open([client], b"a")) == []
