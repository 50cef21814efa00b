"""A node that is told to stop takes requests until balancers have noticed."""

import http.client
import json
import signal
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.acceptance

DELAY_SECONDS = 2.0
SETTINGS = {
    "ORDERS_SHUTDOWN__DELAY_SECONDS": str(DELAY_SECONDS),
    "ORDERS_SHUTDOWN__GRACE_SECONDS": "12",
}
EVERY_SECONDS = 0.02


class Newcomers:
    """Opens a connection every 20 ms, asks one thing on it, keeps what became of it."""

    def __init__(self, node, body: bytes) -> None:
        there = urlsplit(node.url)
        self._address = (there.hostname, there.port)
        self._body = body
        self._done = threading.Event()
        self.outcomes: list[tuple[float, str | tuple[int, str | None]]] = []
        self._threads: list[threading.Thread] = []
        self._pacer = threading.Thread(target=self._keep_coming)

    def __enter__(self) -> "Newcomers":
        self._pacer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._pacer.join()
        for thread in self._threads:
            thread.join()

    def _keep_coming(self) -> None:
        while not self._done.wait(EVERY_SECONDS):
            self._threads.append(threading.Thread(target=self._come))
            self._threads[-1].start()

    def _come(self) -> None:
        began = time.monotonic()
        outcome: str | tuple[int, str | None]
        line = http.client.HTTPConnection(*self._address, timeout=10)
        try:
            fields = {"Content-Type": "application/json"}
            line.request("POST", "/v1/orders", self._body, fields)
            answer = line.getresponse()
            answer.read()
            outcome = (answer.status, answer.getheader("connection"))
        except OSError as error:
            outcome = type(error).__name__
        finally:
            line.close()
        self.outcomes.append((began, outcome))


@pytest.fixture
def leaving(make_node):
    """A node that takes requests for two seconds after the first signal."""
    node = make_node(**SETTINGS)
    node.start()
    return node


def test_no_newcomer_is_refused_in_the_delay_and_then_the_node_drains(
    leaving, order_body, wait_until
) -> None:
    body = json.dumps(order_body()).encode()
    with Newcomers(leaving, body) as newcomers:
        wait_until(lambda: len(newcomers.outcomes) > 20, 10)
        told = time.monotonic()
        leaving.process.send_signal(signal.SIGTERM)
        wait_until(lambda: leaving.probe("/readyz") == 503, 1)
        noticed = time.monotonic()
        exit_code = leaving.process.wait(20)
    took = time.monotonic() - told

    # The last 50 ms are the drain's: what comes then may find the door shut.
    in_delay = [
        outcome
        for began, outcome in newcomers.outcomes
        if noticed <= began < told + DELAY_SECONDS - 0.05
    ]
    assert len(in_delay) > 40
    assert set(in_delay) == {(202, "close")}
    assert exit_code == 0
    assert DELAY_SECONDS < took < 12
    assert "ConnectionRefusedError" in {o for _, o in newcomers.outcomes}


def test_a_second_signal_in_the_delay_begins_the_drain(make_node, wait_until) -> None:
    node = make_node(**SETTINGS | {"ORDERS_SHUTDOWN__DELAY_SECONDS": "10"})
    node.start()
    began = time.monotonic()
    node.process.send_signal(signal.SIGTERM)
    wait_until(lambda: node.probe("/readyz") == 503, 1)

    exit_code = node.stop()

    events = [line["event"] for line in node.log_lines()]
    assert exit_code == 0
    assert time.monotonic() - began < 10
    assert events.index("node.leaving") < events.index("node.draining")
    assert events.count("node.draining") == 1


def test_a_connection_kept_open_is_served_once_more_in_the_delay(
    leaving, wait_until
) -> None:
    there = urlsplit(leaving.url)
    with socket.create_connection((there.hostname, there.port), 5) as line:
        line.sendall(b"GET /problems HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"connection: close" not in line.recv(1 << 16)
        leaving.process.send_signal(signal.SIGTERM)
        wait_until(lambda: leaving.probe("/readyz") == 503, 1)

        line.sendall(b"GET /problems HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = b"".join(iter(lambda: line.recv(1 << 16), b""))

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer
    assert leaving.stop() == 0
