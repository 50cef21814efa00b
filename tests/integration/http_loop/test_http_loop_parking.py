"""Handlers that park, and who wakes them."""

import contextvars
import threading
import time

import pytest

from orders.http.parking import LATE

pytestmark = pytest.mark.integration


def test_thousands_of_parked_clients_leave_room_for_a_post(
    serve, raw_request, many_descriptors
):
    served = serve()
    threads = threading.active_count()
    parked = [served.connect() for _ in range(2000)]
    for number, client in enumerate(parked):
        client.send(raw_request("GET", f"/parked?name={number}"))
    served.wait_for_parked(2000)
    client = served.connect()
    times = []

    for _ in range(5):
        began = time.monotonic()
        client.ask("POST", "/echo", b"x")
        times.append(time.monotonic() - began)
    served.loop.answer([(ticket, "done") for ticket in served.tickets.values()])

    assert sorted(times)[2] < 0.05
    assert threading.active_count() == threads
    assert {client.answer().body for client in parked} == {b"done"}


def test_a_parked_request_is_late_at_its_deadline(served):
    began = time.monotonic()

    answer = served.connect().ask("GET", "/parked?name=a&deadline_ms=300")

    assert answer.body == b"late"
    assert 0.3 <= time.monotonic() - began < 1


def test_an_answer_after_the_deadline_wakes_nobody(served, raw_request):
    client = served.connect()
    client.ask("GET", "/parked?name=a&deadline_ms=50")
    client.send(raw_request("GET", "/parked?name=b"))
    served.wait_for_parked(1)

    served.loop.answer([(served.tickets["a"], "stranger")])
    served.loop.answer([(served.tickets["b"], "mine")])

    assert client.answer().body == b"mine"
    assert served.outcomes == [LATE, "mine"]


def test_a_handler_that_fails_does_not_keep_the_rest_of_the_batch_parked(
    served, raw_request
):
    clients = [served.connect() for _ in range(3)]
    for name, client in zip("abc", clients, strict=True):
        boom = "&boom=1" if name == "b" else ""
        client.send(raw_request("GET", f"/parked?name={name}{boom}"))
    served.wait_for_parked(3)

    served.loop.answer([(served.tickets[name], name) for name in "abc"])

    assert [client.answer().status for client in clients] == [200, 500, 200]


def test_a_callback_may_call_again_from_within(served):
    done = threading.Event()

    served.loop.call(lambda: served.loop.call(done.set))

    assert done.wait(5)


def test_a_request_does_not_see_the_context_of_the_one_before(served):
    variable = contextvars.ContextVar("variable", default="fresh")
    seen = []

    def remember(environ, query):
        seen.append(variable.get())
        variable.set("used")
        return b""

    served.do_remember = remember
    client = served.connect()
    for _ in range(3):
        client.ask("GET", "/remember")

    assert seen == ["fresh"] * 3


def test_a_parked_request_keeps_its_context(served, raw_request):
    variable = contextvars.ContextVar("variable")

    def remember(environ, query):
        variable.set(query["name"])
        served.do_parked(environ, query)
        return variable.get().encode()

    served.do_remember = remember
    clients = [served.connect() for _ in range(2)]
    for name, client in zip("ab", clients, strict=True):
        client.send(raw_request("GET", f"/remember?name={name}"))
    served.wait_for_parked(2)
    served.loop.answer([(served.tickets[name], 1) for name in "ab"])

    assert [client.answer().body for client in clients] == [b"a", b"b"]


def test_a_handler_that_holds_the_loop_is_reported(served):
    served.connect().ask("GET", "/hold?seconds=0.15")

    served.wait_until(lambda: "http.slow_turn" in served.log.events())


def test_the_heart_beats_in_an_idle_loop(served):
    beat = served.loop.heartbeat

    served.wait_until(lambda: served.loop.heartbeat > beat)


def test_the_heart_does_not_beat_while_something_holds_the_loop(served):
    held, gate = threading.Event(), threading.Event()
    served.loop.call(lambda: (held.set(), gate.wait(5)))
    held.wait(5)
    beat = served.loop.heartbeat

    threading.Event().wait(0.6)
    later = served.loop.heartbeat
    gate.set()

    assert later == beat
