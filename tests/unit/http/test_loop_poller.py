import select

import pytest

from orders.http.poller import IN, OUT, Poller, PortablePoll

HUP = select.POLLHUP


class Kernel:
    def __init__(self):
        self.calls = []

    def register(self, fd, mask):
        self.calls.append(("register", fd, mask))

    def modify(self, fd, mask):
        self.calls.append(("modify", fd, mask))

    def unregister(self, fd):
        self.calls.append(("unregister", fd))


class Connection:
    def __init__(self, *, readable=True, writable=False):
        self.is_readable = readable
        self.is_writable = writable
        self.did = []

    def readable(self):
        return self.is_readable

    def writable(self):
        return self.is_writable

    def handle_read_event(self):
        self.did.append("read")

    def handle_input_behind(self):
        self.did.append("looked behind")

    def handle_write_event(self):
        self.did.append("write")

    def handle_close(self):
        self.did.append("close")

    def handle_error(self):
        self.did.append("error")


@pytest.fixture
def kernel():
    return Kernel()


@pytest.fixture
def poller(kernel):
    return Poller(kernel)


def add(poller, connection, fd=7):
    poller.watched[fd] = connection
    poller.watch(fd)
    return connection


def test_a_request_that_is_answered_at_once_tells_the_kernel_nothing(poller, kernel):
    connection = add(poller, Connection())

    poller.dispatch([(7, IN)])
    poller.dispatch([(7, IN)])

    assert kernel.calls == [("register", 7, IN)]
    assert connection.did == ["read", "read"]


def test_input_stays_armed_behind_a_parked_request(poller, kernel):
    connection = add(poller, Connection())
    connection.is_readable = False

    poller.touch(7, connection)
    poller.update_touched()

    assert kernel.calls == [("register", 7, IN)]


def test_the_first_input_behind_a_parked_request_mutes_it(poller, kernel):
    connection = add(poller, Connection(readable=False))

    poller.dispatch([(7, IN)])

    assert kernel.calls[1:] == [("modify", 7, 0)]
    assert connection.did == ["looked behind"]


def test_input_is_armed_again_after_the_answer(poller, kernel):
    connection = add(poller, Connection(readable=False))
    poller.dispatch([(7, IN)])
    connection.is_readable = True

    poller.touch(7, connection)
    poller.update_touched()

    assert kernel.calls[2:] == [("modify", 7, IN)]


def test_a_client_that_went_away_while_parked_is_closed(poller):
    connection = add(poller, Connection(readable=False))

    poller.dispatch([(7, IN | HUP)])

    assert connection.did == ["close"]


def test_the_last_words_of_a_client_that_went_away_are_read(poller):
    connection = add(poller, Connection())

    poller.dispatch([(7, HUP)])

    assert connection.did == ["read"]


def test_output_is_tried_at_once_and_armed_when_it_stays(poller, kernel):
    connection = add(poller, Connection(readable=False, writable=True))

    poller.touch(7, connection)
    poller.update_touched()

    assert connection.did == ["write"]
    assert kernel.calls[1:] == [("modify", 7, IN | OUT)]


def test_a_descriptor_that_comes_again_is_registered_again(poller, kernel):
    add(poller, Connection())
    poller.forget(7)

    add(poller, Connection())

    assert [name for name, *_ in kernel.calls] == ["register", "unregister", "register"]


def test_what_touched_an_earlier_owner_of_a_descriptor_is_forgotten(poller):
    earlier = add(poller, Connection(writable=True))
    poller.touch(7, earlier)
    poller.forget(7)
    add(poller, Connection())

    poller.update_touched()

    assert earlier.did == []


def test_an_event_for_an_unknown_descriptor_is_ignored(poller, kernel):
    poller.dispatch([(9, IN)])

    assert kernel.calls == []


def test_one_failing_connection_does_not_stop_the_others(poller):
    failing, other = add(poller, Connection()), add(poller, Connection(), fd=8)
    failing.handle_read_event = lambda: 1 / 0

    poller.dispatch([(7, IN), (8, IN)])

    assert (failing.did, other.did) == (["error"], ["read"])


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="no epoll here")
def test_poll_and_epoll_name_their_events_alike():
    assert (IN, OUT) == (select.EPOLLIN, select.EPOLLOUT)
    assert (HUP, select.POLLERR) == (select.EPOLLHUP, select.EPOLLERR)


def test_the_portable_poll_waits_in_seconds(monkeypatch):
    portable, waited = PortablePoll(), []

    class Poll:
        def poll(self, milliseconds):
            waited.append(milliseconds)
            return []

    monkeypatch.setattr(portable, "_poll", Poll())
    portable.poll(0.25)

    assert waited == [250]
