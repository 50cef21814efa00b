"""Sends and receives that never wait, on a pair of connected sockets."""

import socket
from collections.abc import Iterator

import pytest

from orders.http.kept_lock import receive, send

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    yield ours, theirs
    ours.close()
    theirs.close()


def test_what_is_sent_arrives_whole(pair: Pair) -> None:
    ours, theirs = pair

    sent = send(ours.fileno(), b"a\0b" * 100)

    assert sent == 300
    assert theirs.recv(1000) == b"a\0b" * 100


def test_only_what_the_kernel_takes_is_counted(pair: Pair) -> None:
    ours, _ = pair
    data = b"x" * 50_000_000

    sent = send(ours.fileno(), data)

    assert sent is not None
    assert 0 < sent < len(data)


def test_a_full_socket_says_nothing_was_sent(pair: Pair) -> None:
    ours, _ = pair
    send(ours.fileno(), b"x" * 50_000_000)

    assert send(ours.fileno(), b"y") is None


def test_sending_to_a_closed_peer_is_no_signal_and_no_success(pair: Pair) -> None:
    ours, theirs = pair
    theirs.close()

    assert send(ours.fileno(), b"x") is None


def test_what_came_is_received_up_to_the_size(pair: Pair) -> None:
    ours, theirs = pair
    theirs.send(b"a\0bcd")

    assert receive(ours.fileno(), 3) == b"a\0b"
    assert receive(ours.fileno(), 100) == b"cd"


def test_nothing_there_is_none_at_once(pair: Pair) -> None:
    ours, _ = pair

    assert receive(ours.fileno(), 100) is None


def test_a_closed_peer_is_none_so_that_the_ordinary_call_tells(pair: Pair) -> None:
    ours, theirs = pair
    theirs.close()

    assert receive(ours.fileno(), 100) is None
    assert ours.recv(100) == b""
