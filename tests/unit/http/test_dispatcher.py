import contextvars

import pytest

from orders.http import dispatcher as dispatcher_module
from orders.http.dispatcher import GreenletDispatcher
from orders.http.parking import LATE


class Loop:
    """The part of the event loop that a dispatcher uses, turned by the test."""

    def __init__(self):
        self.now = 100.0
        self.log = Log()
        self.callbacks = []
        self.timers = []

    def soon(self, callback):
        self.callbacks.append(callback)

    def at(self, when, callback):
        self.timers.append((when, callback))

    def answer(self, answers):
        for ticket, value in answers:
            ticket.resume(value)

    def turn(self):
        callbacks, self.callbacks = self.callbacks, []
        for callback in callbacks:
            callback()

    def advance(self, seconds):
        self.now += seconds
        due = [timer for timer in self.timers if timer[0] <= self.now]
        self.timers = [timer for timer in self.timers if timer[0] > self.now]
        for _, callback in sorted(due, key=lambda timer: timer[0]):
            callback()


class Log:
    def __init__(self):
        self.exceptions = []

    def exception(self, event):
        self.exceptions.append(event)


class Request:
    def __init__(self, handler):
        self.service = handler
        self.closed = 0

    def handle_close(self):
        self.closed += 1


@pytest.fixture
def loop():
    return Loop()


@pytest.fixture
def dispatcher(loop):
    return GreenletDispatcher(loop)


class Parked:
    """A request that parks on a ticket of its own and keeps what it gets."""

    def __init__(self, dispatcher, deadline=200.0):
        self.dispatcher = dispatcher
        self.deadline = deadline
        self.ticket = None
        self.got = []

    def service(self):
        self.ticket = self.dispatcher.ticket(self.deadline)
        self.got.append(self.dispatcher.park(self.ticket))


def park(dispatcher, loop, deadline=200.0):
    request = Parked(dispatcher, deadline)
    dispatcher.add_task(request)
    loop.turn()
    return request


def test_a_task_is_queued_and_not_served_at_once(dispatcher, loop):
    served = []
    dispatcher.add_task(Request(lambda: served.append(1)))

    assert (served, dispatcher.queued) == ([], 1)


def test_a_parked_handler_gets_its_answer(dispatcher, loop):
    request = park(dispatcher, loop)

    request.ticket.resume("answer")

    assert request.got == ["answer"]


def test_parked_handlers_are_counted(dispatcher, loop):
    requests = [park(dispatcher, loop) for _ in range(3)]
    while_parked = dispatcher.parked

    requests[0].ticket.resume(1)

    assert (while_parked, dispatcher.parked) == (3, 2)


def test_an_answer_is_wanted_until_the_deadline(dispatcher):
    ticket = dispatcher.ticket(200.0)

    assert ticket.is_wanted(199.9)
    assert not ticket.is_wanted(200.0)


def test_an_answer_is_not_wanted_twice(dispatcher):
    ticket = dispatcher.ticket(200.0)
    ticket.resume("answer")

    assert not ticket.is_wanted(100.0)


def test_an_answer_is_wanted_while_the_client_listens(dispatcher, loop):
    request = Parked(dispatcher)
    request.listens = lambda now, half_open: now < 150.0 or half_open
    dispatcher.add_task(request)
    loop.turn()

    assert request.ticket.is_wanted(149.0)
    assert not request.ticket.is_wanted(150.0)
    assert request.ticket.is_wanted(150.0, half_open=True)


def test_a_ticket_is_good_for_one_answer(dispatcher, loop):
    first = park(dispatcher, loop)
    first.ticket.resume("mine")
    second = park(dispatcher, loop)

    first.ticket.resume("a stranger's")
    second.ticket.resume("mine too")

    assert (first.got, second.got) == (["mine"], ["mine too"])


def test_an_answer_before_the_handler_parks_is_kept(dispatcher, loop):
    got = []

    def handler():
        ticket = dispatcher.ticket(200.0)
        ticket.resume("early")
        got.append(dispatcher.park(ticket))

    dispatcher.add_task(Request(handler))
    loop.turn()

    assert (got, dispatcher.parked) == (["early"], 0)


def test_an_answer_while_parked_on_another_ticket_waits(dispatcher, loop):
    tickets, got = [], []

    def handler():
        tickets.extend(dispatcher.ticket(200.0) for _ in range(2))
        got.extend(dispatcher.park(ticket) for ticket in tickets)

    dispatcher.add_task(Request(handler))
    loop.turn()
    tickets[1].resume("second")
    before = list(got)
    tickets[0].resume("first")

    assert (before, got) == ([], ["first", "second"])


def test_a_handler_is_late_at_its_deadline(dispatcher, loop):
    request = park(dispatcher, loop, deadline=105.0)

    loop.advance(4.9)
    early = list(request.got)
    loop.advance(0.1)

    assert (early, request.got) == ([], [LATE])


def test_each_handler_has_its_own_deadline(dispatcher, loop):
    long, short = (park(dispatcher, loop, deadline=when) for when in (130.0, 105.0))

    loop.advance(5)
    at_first = (list(long.got), list(short.got))
    loop.advance(25)

    assert at_first == ([], [LATE])
    assert long.got == [LATE]


def test_deadlines_work_again_after_all_were_answered(dispatcher, loop):
    park(dispatcher, loop, deadline=105.0).ticket.resume(1)
    loop.advance(5)

    request = park(dispatcher, loop, deadline=110.0)
    loop.advance(5)

    assert request.got == [LATE]


def test_a_deadline_in_the_past_is_late_in_the_next_turn(dispatcher, loop):
    request = park(dispatcher, loop, deadline=99.0)

    loop.advance(0)

    assert request.got == [LATE]


def test_an_answer_after_the_deadline_is_dropped(dispatcher, loop):
    request = park(dispatcher, loop, deadline=105.0)
    loop.advance(5)

    request.ticket.resume("too late")

    assert request.got == [LATE]


def test_answered_requests_cost_no_timer_each(dispatcher, loop):
    for number in range(100):
        park(dispatcher, loop, deadline=105.0 + number).ticket.resume(1)

    assert len(loop.timers) == 1


def test_an_alarm_that_an_earlier_one_replaced_sets_no_other(dispatcher, loop):
    for deadline in (130.0, 105.0, 150.0):
        park(dispatcher, loop, deadline)
    loop.advance(5)

    loop.advance(25)

    assert [when for when, _ in loop.timers] == [150.0]


def test_workers_are_used_again(dispatcher, loop):
    for _ in range(10):
        dispatcher.add_task(Request(lambda: None))
        loop.turn()

    assert len(dispatcher._idle) == 1


def test_idle_workers_are_bounded(loop):
    dispatcher = GreenletDispatcher(loop, max_idle=2)
    requests = [park(dispatcher, loop) for _ in range(5)]

    for request in requests:
        request.ticket.resume(1)

    assert len(dispatcher._idle) == 2


def test_a_used_worker_starts_with_a_fresh_context(dispatcher, loop):
    variable = contextvars.ContextVar("variable", default="fresh")
    seen = []

    def handler():
        seen.append(variable.get())
        variable.set("used")

    for _ in range(2):
        dispatcher.add_task(Request(handler))
        loop.turn()

    assert (seen, variable.get()) == (["fresh", "fresh"], "fresh")


def test_a_task_queued_by_a_task_waits_for_the_next_turn(dispatcher, loop):
    served = []

    def handler():
        served.append(1)
        dispatcher.add_task(Request(handler))

    dispatcher.add_task(Request(handler))
    loop.turn()
    loop.turn()

    assert len(served) == 2


def test_all_can_be_released(dispatcher, loop):
    requests = [park(dispatcher, loop) for _ in range(3)]

    released = dispatcher.release_all()

    assert released == 3
    assert [request.got for request in requests] == [[LATE]] * 3


def test_a_request_that_cannot_be_begun_is_closed_and_the_next_are_served(
    dispatcher, loop, monkeypatch
):
    served = []
    lost, kept = (Request(lambda n=n: served.append(n)) for n in range(2))
    workers = iter([MemoryError, dispatcher_module.Greenlet])

    def make(work):
        kind = next(workers)
        if kind is MemoryError:
            raise MemoryError
        return kind(work)

    monkeypatch.setattr(dispatcher_module, "Greenlet", make)
    dispatcher.add_task(lost)
    dispatcher.add_task(kept)
    loop.turn()

    assert (served, lost.closed, kept.closed) == ([1], 1, 0)
    assert loop.log.exceptions == ["http.request_dropped"]


@pytest.mark.parametrize("parks", [False, True])
def test_a_request_that_breaks_is_closed(dispatcher, loop, parks):
    tickets = []

    def handler():
        if parks:
            tickets.append(dispatcher.ticket(200.0))
            dispatcher.park(tickets[0])
        raise MemoryError

    broken, next_one = Request(handler), Parked(dispatcher)
    dispatcher.add_task(broken)
    dispatcher.add_task(next_one)
    loop.turn()
    for ticket in tickets:
        with pytest.raises(MemoryError):
            ticket.resume("answer")

    assert broken.closed
    assert next_one.ticket is not None


def test_an_interrupt_in_a_handler_reaches_the_loop(dispatcher, loop):
    def handler():
        raise KeyboardInterrupt

    dispatcher.add_task(Request(handler))

    with pytest.raises(KeyboardInterrupt):
        loop.turn()


def test_parking_outside_a_handler_is_refused(dispatcher):
    with pytest.raises(RuntimeError, match="only a request's handler"):
        dispatcher.park(dispatcher.ticket(200.0))


def test_a_handler_that_gives_way_goes_on_in_the_next_turn(dispatcher, loop):
    steps = []

    def long_work():
        steps.append("first half")
        dispatcher.give_way()
        steps.append("second half")

    dispatcher.add_task(Request(long_work))
    dispatcher.add_task(Request(lambda: steps.append("another")))
    loop.turn()
    assert steps == ["first half", "another"]

    loop.turn()
    assert steps == ["first half", "another", "second half"]
    assert dispatcher.parked == 0


def test_a_handler_that_gives_way_sets_no_alarm(dispatcher, loop):
    dispatcher.add_task(Request(dispatcher.give_way))
    park(dispatcher, loop, deadline=101.0)

    loop.advance(2.0)

    assert loop.timers == []
