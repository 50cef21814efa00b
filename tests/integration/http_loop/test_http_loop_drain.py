"""How a server stops."""

import socket
import time

import pytest

from orders.http.addresses import AddressUnavailableError
from orders.http.dispatcher import GreenletDispatcher
from orders.http.loop import EventLoop
from orders.http.server import OrderServer

pytestmark = pytest.mark.integration


def test_parked_requests_are_answered_before_the_server_leaves(served, raw_request):
    clients = [served.connect() for _ in range(20)]
    for number, client in enumerate(clients):
        client.send(raw_request("GET", f"/parked?name={number}"))
    served.wait_for_parked(20)

    served.drain(grace_seconds=5)
    served.loop.answer([(ticket, "done") for ticket in served.tickets.values()])
    answers = [client.answer() for client in clients]

    assert [a.body for a in answers] == [b"done"] * 20
    assert {a.headers["connection"] for a in answers} == {"close"}
    assert served.join() == 0


def test_nobody_is_let_in_any_more(served, raw_request):
    client = served.connect()
    client.send(raw_request("GET", "/parked?name=a"))
    served.wait_for_parked(1)

    served.drain(grace_seconds=5)
    served.on_loop(lambda: None)

    with pytest.raises(ConnectionRefusedError):
        served.connect()


def test_idle_connections_are_closed(served, raw_request):
    served.connect().send(raw_request("GET", "/parked?name=a"))
    idle, silent = served.connect(), served.connect()
    idle.ask("POST", "/echo", b"x")
    served.wait_for_parked(1)

    served.drain(grace_seconds=5)

    assert idle.is_closed()
    assert silent.is_closed()
    assert served.dispatcher.parked == 1


def test_a_request_that_waits_in_the_kernel_when_the_drain_begins_is_answered(
    served, raw_request
):
    def send_and_drain():
        client = served.connect()
        client.send(raw_request("POST", "/echo", b"x"))
        served.server._begin_drain(5)
        return client

    client = served.on_loop(send_and_drain)

    assert client.answer().headers["connection"] == "close"


def test_what_is_parked_when_grace_ends_is_late_and_counted(served, raw_request):
    client = served.connect()
    client.send(raw_request("GET", "/parked?name=a"))
    served.wait_for_parked(1)
    began = time.monotonic()

    served.drain(grace_seconds=0.3)

    assert client.answer().body == b"late"
    assert served.join() == 1
    assert time.monotonic() - began < 3


def test_answers_after_the_end_are_harmless(served, raw_request):
    served.connect().send(raw_request("GET", "/parked?name=a"))
    served.wait_for_parked(1)
    served.drain(grace_seconds=0)
    served.join()

    served.loop.answer([(served.tickets["a"], 1)])
    served.drain(grace_seconds=0)

    assert served.loop.heartbeat is None


def test_a_taken_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        loop = EventLoop(log=None)
        server = OrderServer(
            None,
            host="127.0.0.1",
            port=port,
            loop=loop,
            dispatcher=GreenletDispatcher(loop),
            problem=lambda *_: b"",
            limits=None,
        )

        with pytest.raises(AddressUnavailableError, match=rf"port {port}: .*in use"):
            server.bind()
        loop.close()
