"""Clients that are gone, slow, silent, or too many."""

import json
import threading
import time

import pytest

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("leave", ["close", "reset", "half_close"])
def test_a_client_that_leaves_while_parked_costs_no_time(served, raw_request, leave):
    client = served.connect()
    client.send(raw_request("GET", "/parked?name=a"))
    served.wait_for_parked(1)

    getattr(client, leave)()
    before = served.cpu_seconds()
    threading.Event().wait(0.5)
    used = served.cpu_seconds() - before
    served.loop.answer([(served.tickets["a"], 1)])

    assert used < 0.05
    assert served.connect().ask("POST", "/echo", b"x").body == b"x"


def test_a_header_that_does_not_end_is_cut(serve):
    client = serve(request_timeout_seconds=0.5).connect()
    began = time.monotonic()
    client.send(b"GET /echo HTTP/1.1\r\nHost: test\r\nA: ")

    answer = _drip(client)

    assert (answer.status, answer.headers["connection"]) == (408, "close")
    assert client.is_closed()
    assert time.monotonic() - began < 3


def test_a_body_that_does_not_end_is_cut(serve, raw_request):
    client = serve(request_timeout_seconds=0.5).connect()
    client.send(raw_request("POST", "/echo", b"x" * 1000)[:-900])

    answer = _drip(client)

    assert json.loads(answer.body)["code"] == "request_timeout"


def test_a_later_request_that_does_not_end_is_cut_like_the_first(serve):
    client = serve(request_timeout_seconds=0.5).connect()
    client.ask("POST", "/echo", b"x")
    client.send(b"GET /echo HTTP/1.1\r\nHost: test\r\nA: ")

    assert _drip(client).status == 408


def _drip(client):
    """Send a byte now and then until there is an answer, and return it."""
    client.socket.settimeout(0.1)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            return client.answer()
        except TimeoutError:
            client.send(b"a")
    raise AssertionError("never cut")


def test_a_silent_connection_is_cut(serve):
    client = serve(request_timeout_seconds=0.3).connect(timeout=3)

    assert client.is_closed()


def test_an_idle_connection_outlives_the_request_timeout(serve):
    client = serve(request_timeout_seconds=0.3).connect()
    client.ask("POST", "/echo", b"x")

    threading.Event().wait(1)

    assert client.ask("POST", "/echo", b"y").body == b"y"


def test_an_idle_connection_is_closed_in_the_end(serve):
    client = serve(keep_alive_seconds=0.3).connect(timeout=3)

    client.ask("POST", "/echo", b"x")

    assert client.is_closed()


def test_a_parked_request_outlives_the_request_timeout(serve):
    client = serve(request_timeout_seconds=0.2, keep_alive_seconds=0.2).connect()

    assert client.ask("GET", "/slow?ms=800").body == b"slept"


def test_time_behind_a_parked_request_does_not_count_against_the_next(
    serve, raw_request
):
    client = serve(request_timeout_seconds=0.5).connect()
    second = raw_request("POST", "/echo", b"abc")

    client.send(raw_request("GET", "/slow?ms=1000") + second[:20])
    first = client.answer()
    threading.Event().wait(0.3)  # a tick passes, the timeout does not
    client.send(second[20:])

    assert (first.body, client.answer().body) == (b"slept", b"abc")


def test_a_connection_over_the_limit_is_answered_with_503(serve):
    served = serve(max_connections=3)
    for _ in range(3):
        served.connect().ask("POST", "/echo", b"x")

    client = served.connect()
    answer = client.ask("POST", "/echo", b"x")

    assert (answer.status, answer.headers["connection"]) == (503, "close")
    assert answer.headers["retry-after"] == "1"
    assert json.loads(answer.body)["code"] == "overloaded"
    assert client.is_closed()


def test_connections_are_taken_again_below_the_limit(serve):
    served = serve(max_connections=3)
    clients = [served.connect() for _ in range(4)]
    refused = clients[3].answer().status

    clients[0].close()
    served.wait_until(lambda: served.server.connections < 4)

    assert refused == 503
    assert served.connect().ask("POST", "/echo", b"x").status == 200


def test_being_over_the_limit_costs_no_time(serve):
    served = serve(max_connections=3)
    clients = [served.connect() for _ in range(6)]
    clients[5].answer()

    before = served.cpu_seconds()
    threading.Event().wait(0.5)

    assert served.cpu_seconds() - before < 0.05


def test_beyond_the_room_for_refusals_connections_are_closed(serve):
    served = serve(max_connections=2, refusal_room=1, linger_seconds=5)
    for _ in range(2):
        served.connect().ask("POST", "/echo", b"x")
    refused = served.connect().answer()

    beyond = served.connect()

    assert refused.status == 503
    assert beyond.is_closed()


def _pipeline_without_reading(served, raw_request):
    greedy = served.connect()
    greedy.ask("POST", "/echo", b"x")  # it is in the books from here on
    greedy.send(raw_request("GET", "/big") * 280)
    return greedy


def test_a_client_that_never_reads_does_not_slow_another(served, raw_request):
    greedy = _pipeline_without_reading(served, raw_request)
    served.wait_until(lambda: _unsent(served) > 0)
    client, times = served.connect(), []

    for _ in range(50):
        began = time.monotonic()
        client.ask("POST", "/echo", b"x")
        times.append(time.monotonic() - began)

    assert sorted(times)[45] < 0.1
    assert _unsent(served) <= 101_000
    assert [greedy.answer().status for _ in range(280)] == [200] * 280


def _unsent(served):
    channels = served.server._listener.channels
    return sum(channel.total_outbufs_len for channel in channels)


def test_a_client_that_never_reads_is_closed_at_the_watermark(serve, raw_request):
    served = serve(max_unsent_bytes=1)

    _pipeline_without_reading(served, raw_request)

    served.wait_until(lambda: served.server.connections == 0)


def test_a_client_that_never_reads_is_closed_in_time(serve, raw_request):
    served = serve(send_timeout_seconds=0.5)

    _pipeline_without_reading(served, raw_request)

    served.wait_until(lambda: served.server.connections == 0)
