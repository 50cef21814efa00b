import errno

import pytest

from orders.http.limits import Limits
from orders.http.listener import Listener
from orders.http.server import OrderServer


def test_a_limit_has_to_be_positive():
    with pytest.raises(ValueError, match="max_connections must be positive"):
        Limits(
            max_connections=0,
            refusal_room=256,
            max_body_bytes=1024,
            request_timeout_seconds=10,
            keep_alive_seconds=75,
        )


def test_serving_comes_after_binding():
    server = OrderServer(
        None,
        host="127.0.0.1",
        port=0,
        loop=None,
        dispatcher=None,
        problem=None,
        limits=None,
    )

    with pytest.raises(RuntimeError, match="bind"):
        server.run()


class Poller:
    def __init__(self):
        self.calls = []

    def watch(self, fd):
        self.calls.append(("watch", fd))

    def forget(self, fd):
        self.calls.append(("forget", fd))


class Loop:
    def __init__(self):
        self.poller = Poller()
        self.log = self
        self.events = []

    def error(self, event, **fields):
        self.events.append(event)


@pytest.fixture
def listener():
    """A listener without a socket."""
    made = Listener.__new__(Listener)
    made.loop = Loop()
    made.active_channels = {}
    made._fileno = 5
    return made


def test_without_descriptors_the_listener_rests_until_the_next_tick(listener):
    def accept():
        raise OSError(errno.EMFILE, "Too many open files")

    listener.accept = accept
    listener.handle_accept()
    listener.review()

    assert listener.loop.poller.calls == [("forget", 5), ("watch", 5)]
    assert listener.loop.events == ["http.out_of_descriptors"]


def test_a_client_that_is_gone_before_it_is_accepted_is_no_trouble(listener):
    def accept():
        raise OSError(errno.EPROTO, "Protocol error")

    listener.accept = accept
    listener.handle_accept()

    assert listener.loop.poller.calls == []


def test_an_unexpected_error_does_not_end_the_listening(listener):
    listener.handle_error()

    assert listener._fileno == 5
    assert listener.loop.events == ["http.accept_failed"]
