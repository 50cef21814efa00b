import threading

import pytest

from orders.http.loop import TICK_SECONDS, EventLoop
from orders.http.poller import Poller


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class NoEvents:
    """A kernel that reports nothing and remembers how long it was to wait."""

    def __init__(self, clock):
        self.clock = clock
        self.waits = []

    def register(self, fd, mask):
        pass

    modify = register

    def unregister(self, fd):
        pass

    def close(self):
        pass

    def poll(self, timeout):
        self.waits.append(timeout)
        self.clock.now += timeout
        return []


class Log:
    def __init__(self):
        self.events = []

    def warning(self, event, **fields):
        self.events.append((event, fields))

    error = exception = warning


class Ticket:
    def __init__(self, error=None):
        self.answers = []
        self.error = error

    def resume(self, answer):
        self.answers.append(answer)
        if self.error is not None:
            raise self.error


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def kernel(clock):
    return NoEvents(clock)


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def loop(clock, kernel, log):
    made = EventLoop(log=log, clock=clock, poller=Poller(kernel))
    yield made
    made.close()


def test_callbacks_run_in_the_order_of_their_calls(loop):
    ran = []
    for number in range(3):
        loop.call(lambda number=number: ran.append(number))

    loop.turn()

    assert ran == [0, 1, 2]


def test_a_callback_called_from_within_runs_in_the_next_turn(loop):
    ran = []
    loop.call(lambda: loop.call(lambda: ran.append("inner")))

    loop.turn()
    first = list(ran)
    loop.turn()

    assert (first, ran) == ([], ["inner"])


def test_the_loop_does_not_wait_while_there_is_something_to_run(loop, kernel):
    loop.soon(lambda: loop.soon(lambda: None))

    loop.turn()
    loop.turn()

    assert kernel.waits == [0.0, 0.0]


def test_a_failing_callback_is_logged_and_the_others_run(loop, log):
    ran = []
    loop.call(lambda: 1 / 0)
    loop.call(lambda: ran.append("next"))

    loop.turn()

    assert ran == ["next"]
    assert log.events == [("http.callback_failed", {})]


def test_a_failing_ticket_does_not_keep_the_rest_of_the_batch_parked(loop, log):
    tickets = [Ticket(), Ticket(RuntimeError("boom")), Ticket()]

    loop.answer([(ticket, number) for number, ticket in enumerate(tickets)])
    loop.turn()

    assert [ticket.answers for ticket in tickets] == [[0], [1], [2]]
    assert log.events == [("http.answer_failed", {})]


def test_a_batch_of_answers_is_one_hand_over(loop, monkeypatch):
    rings = []
    monkeypatch.setattr(loop._wakeup, "ring", lambda: rings.append(1))

    loop.answer([(Ticket(), 1), (Ticket(), 2)])
    loop.answer([(Ticket(), 3)])

    assert rings == [1]


def test_the_bell_rings_again_after_a_turn(loop, monkeypatch):
    rings = []
    monkeypatch.setattr(loop._wakeup, "ring", lambda: rings.append(1))

    loop.call(lambda: None)
    loop.turn()
    loop.call(lambda: None)

    assert rings == [1, 1]


def test_the_poll_waits_until_the_next_timer(loop, clock, kernel):
    loop.turn()
    ran = []
    loop.at(clock.now + 0.1, lambda: ran.append(clock.now))

    loop.turn()

    assert kernel.waits[-1] == pytest.approx(0.1)
    assert len(ran) == 1


def test_the_poll_never_waits_longer_than_a_tick(loop, clock, kernel):
    loop.at(clock.now + 60, lambda: None)

    for _ in range(3):
        loop.turn()

    assert max(kernel.waits) <= TICK_SECONDS


def test_ticks_come_at_their_interval(loop, clock):
    ticks = []
    loop.on_tick(lambda: ticks.append(clock.now))

    for _ in range(4):
        loop.turn()

    assert ticks == pytest.approx([1000, 1000.25, 1000.5, 1000.75])


def test_hooks_run_after_what_the_turn_had_to_do(loop):
    ran = []
    loop.after_turn(lambda: ran.append("hook"))
    loop.call(lambda: ran.append("work"))

    loop.turn()

    assert ran == ["work", "hook"]


def test_a_slow_turn_is_reported_with_its_length(loop, clock, log):
    def hold():
        clock.now += 0.2

    loop.call(hold)
    loop.turn()

    assert log.events == [("http.slow_turn", {"duration_ms": 200, "suppressed": 0})]


def test_waiting_for_events_is_not_a_slow_turn(loop, log):
    for _ in range(5):
        loop.turn()

    assert log.events == []


def test_the_heart_beats_only_while_the_loop_runs(loop, clock):
    beats = [loop.heartbeat]
    loop.call(lambda: beats.append(loop.heartbeat))
    loop.stop()

    loop.run()
    beats.append(loop.heartbeat)

    assert beats == [None, clock.now, None]


def test_a_closed_loop_takes_calls_from_any_thread_and_does_nothing(loop):
    loop.close()
    errors = []
    thread = threading.Thread(target=lambda: errors.append(_error_of(loop)))

    thread.start()
    thread.join()

    assert errors == [None]


def _error_of(loop):
    try:
        loop.answer([(Ticket(), 1)])
    except OSError as error:
        return error
    return None


def test_a_call_makes_the_watched_descriptor_readable():
    loop = EventLoop(log=Log())
    loop.turn()

    loop.call(lambda: None)
    events = loop.poller.wait(5)

    assert [fd for fd, _ in events] == [loop._wakeup.fd]
    loop.close()
