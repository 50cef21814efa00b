from contextlib import suppress
from types import SimpleNamespace

import pytest

from orders.http.channel import Channel
from orders.http.limits import Limits
from orders.http.parser import RequestParser
from orders.http.waitress_edge import ClientDisconnected


class Socket:
    """Takes ``room`` bytes, or fails."""

    def __init__(self, room=0, error=None):
        self.room = room
        self.error = error

    def send(self, data):
        if self.error is not None:
            raise self.error
        if self.room == 0:
            raise BlockingIOError(11, "would block")
        taken = min(self.room, len(data))
        self.room -= taken
        return taken

    def recv(self, size):
        raise self.error

    def getsockopt(self, *args):
        return 100

    def setblocking(self, flag):
        pass

    def fileno(self):
        return 7

    def shutdown(self, how):
        pass

    def close(self):
        pass


class Poller:
    def watch(self, fd):
        pass

    def forget(self, fd):
        pass

    def touch(self, fd, watched):
        pass


class Host:
    server_name = "localhost"
    effective_port = 80

    def __init__(self):
        self.loop = SimpleNamespace(now=100.0, poller=Poller())
        self.limits = Limits(
            max_connections=100,
            refusal_room=256,
            max_body_bytes=1024,
            request_timeout_seconds=10,
            keep_alive_seconds=75,
        )
        self.parser_class = RequestParser
        self.accepting = True
        self.lingering = set()
        self.active_channels = {}
        self.queued = []

    def add_task(self, channel):
        self.queued.append(channel)

    def pull_trigger(self):
        pass


@pytest.fixture
def host():
    return Host()


def connect(host, sock):
    adjustments = SimpleNamespace(
        outbuf_overflow=10_000,
        outbuf_high_watermark=1000,
        send_bytes=1,
        recv_bytes=8192,
        log_socket_errors=True,
        channel_request_lookahead=0,
    )
    return Channel(host, sock, ("127.0.0.1", 1), adjustments, map={})


def test_output_that_fits_is_not_kept(host):
    channel = connect(host, Socket(room=100))

    assert (channel.write_soon(b"x" * 100), channel.total_outbufs_len) == (100, 0)


def test_output_that_does_not_fit_is_kept(host):
    channel = connect(host, Socket(room=30))

    assert (channel.write_soon(b"x" * 100), channel.total_outbufs_len) == (100, 70)


@pytest.mark.parametrize(("size", "closes"), [(1000, False), (1001, True)])
def test_output_up_to_the_watermark_is_kept(host, size, closes):
    channel = connect(host, Socket())

    with suppress(ClientDisconnected):
        channel.write_soon(b"x" * size)

    assert channel.will_close is closes


def test_waiting_at_the_watermark_is_never_done(host):
    channel = connect(host, Socket())
    channel.total_outbufs_len = 5000

    channel._flush_outbufs_below_high_watermark()

    assert channel.total_outbufs_len == 5000


def test_a_client_that_is_gone_interrupts_its_handler(host):
    channel = connect(host, Socket(error=BrokenPipeError(32, "Broken pipe")))

    with pytest.raises(ClientDisconnected):
        channel.write_soon(b"x")

    assert channel.will_close


def test_an_event_for_an_earlier_owner_of_the_descriptor_is_ignored(host):
    channel = connect(host, Socket(error=BlockingIOError(11, "would block")))

    channel.handle_read()

    assert channel.connected


def test_a_connection_that_fails_is_closed(host):
    channel = connect(host, Socket(error=TimeoutError(110, "timed out")))

    channel.handle_read()

    assert (channel.connected, host.active_channels) == (False, {})


def test_the_next_request_waits_for_the_output(host):
    sock = Socket(room=10)
    channel = connect(host, sock)
    channel.write_soon(b"x" * 100)
    held = channel.hold_back()

    sock.room = 1000
    channel.handle_write()

    assert (held, host.queued, channel.hold_back()) == (True, [channel], False)


def test_a_refused_connection_lingers_until_its_time_is_up(host):
    channel = connect(host, Socket(room=1000))
    channel.refuse(b"answer")
    lingering = set(host.lingering)

    host.loop.now += host.limits.linger_seconds
    channel.review()

    assert (lingering, host.lingering) == ({channel}, set())
    assert not channel.connected


def test_a_client_that_ended_its_side_is_taken_for_gone_after_a_while(host):
    channel = connect(host, Socket(room=100))
    assert channel.listens(100.0, half_open=False)

    channel.socket.recv = lambda *_: b""
    channel.handle_input_behind()

    assert channel.listens(100.05, half_open=False)
    assert not channel.listens(100.2, half_open=False)
    assert channel.listens(100.2, half_open=True)


def test_more_input_behind_a_request_says_that_the_client_is_there(host):
    channel = connect(host, Socket(room=100))

    channel.socket.recv = lambda *_: b"G"
    channel.handle_input_behind()

    assert channel.listens(200.0, half_open=False)


def test_a_client_whose_connection_is_closed_is_gone(host):
    channel = connect(host, Socket(room=100))

    channel.handle_close()

    assert not channel.listens(100.0, half_open=True)
