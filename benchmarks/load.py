"""The load client: one process, raw sockets, closed or open loop.

    python -m benchmarks.load --port 8080 --path /Orders --seconds 5 --connections 64
    python -m benchmarks.load --port 8080 --path /v1/orders --seconds 5 --rate 1000

Closed: each connection sends its next request once it has an answer. Open, with
``--rate``: requests are due at even intervals whatever the answers do, and a request's
time counts from when it was *due*, so that a stall of the server is seen by everyone
whom it would have kept waiting (no coordinated omission). Prints a line of JSON for
each ``--interval`` and one for the whole at the end.
"""

import argparse
import json
import os
import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from benchmarks.requests import API_KEY, Questions, Requests, Source
from benchmarks.tally import Tally

_HEAD_END = b"\r\n\r\n"
_LONGEST_WAIT_SECONDS = 5.0
_DRAIN_SECONDS = 10.0
_IDLE_SECONDS = 4.0
"""Then a connection is closed here, before any of the servers does."""
_MOST_OPEN = 900
"""Of open-loop connections; ``select`` knows no descriptor above 1,023."""


class Answer(NamedTuple):
    """What is counted of an answer."""

    status: int
    says_when: bool
    """Whether it has a ``Retry-After``."""


class Connection:
    """One connection; knows when its answer is complete."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer = b""
        self.since = 0.0
        """When the request under way was due."""
        self.idle_since = 0.0

    def fileno(self) -> int:
        """For ``select``."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def send(self, request: bytes, since: float) -> None:
        """Send a request that is small enough never to block."""
        self.since = since
        self._socket.sendall(request)

    def receive(self) -> Answer | None:
        """Take in what came; the answer once it is complete.

        Raises:
            ConnectionError: the server closed the connection.

        """
        came = self._socket.recv(65_536)
        if not came:
            raise ConnectionError("the server closed the connection")
        self._answer += came
        head, end, body = self._answer.partition(_HEAD_END)
        if not end:
            return None
        fields = head.lower()
        at = fields.index(b"content-length:") + len(b"content-length:")
        if len(body) < int(fields[at:].split(b"\r\n", 1)[0]):
            return None
        self._answer = b""
        return Answer(int(head[9:12]), b"\r\nretry-after:" in fields)


def run_closed(port: int, requests: Source, connections: int, seconds: float) -> Tally:
    """Keep ``connections`` busy for ``seconds``."""
    busy = [Connection(port) for _ in range(connections)]
    tally, began = Tally(), time.perf_counter()
    for connection in busy:
        connection.send(requests.next(), began)
    poller = select.poll()
    by_descriptor = {connection.fileno(): connection for connection in busy}
    for descriptor in by_descriptor:
        poller.register(descriptor, select.POLLIN)
    now = began
    while now - began < seconds:
        for descriptor, _ in poller.poll(_LONGEST_WAIT_SECONDS * 1000):
            connection = by_descriptor[descriptor]
            answer = connection.receive()
            if answer is not None:
                now = time.perf_counter()
                took = now - connection.since
                tally.add(answer.status, took, says_when=answer.says_when)
                connection.send(requests.next(), now)
        now = time.perf_counter()
    tally.seconds = now - began
    return tally


class OpenLoop:
    """Requests at even intervals over as many connections as that takes.

    When all are busy, what is due waits here, and its time goes on counting.
    """

    def __init__(self, port: int, requests: Source, rate: float) -> None:
        self._port = port
        self._requests = requests
        self._rate = rate
        self._idle: deque[Connection] = deque()
        self._busy: list[Connection] = []
        self._due: deque[float] = deque()
        self.tally = Tally()

    def run(self, seconds: float, interval: float) -> Tally:
        """Send for ``seconds`` and wait for what is under way."""
        began = told = time.perf_counter()
        parts = [self.tally]
        number, total = 0, int(self._rate * seconds)
        deadline = began + seconds + _DRAIN_SECONDS
        now = began
        while (number < total or self._busy or self._due) and now < deadline:
            while number < total and began + number / self._rate <= now:
                self._due.append(began + number / self._rate)
                number += 1
            self._send_due()
            self._receive(began + number / self._rate if number < total else deadline)
            now = time.perf_counter()
            if interval and now - told >= interval:
                self._tell(now - told)
                parts.append(self.tally)
                told = now
        whole = Tally.sum(parts)
        whole.lost += len(self._busy) + len(self._due)
        whole.seconds = min(now - began, seconds)
        return whole

    def _send_due(self) -> None:
        long_ago = time.perf_counter() - _IDLE_SECONDS
        while self._idle and self._idle[0].idle_since < long_ago:
            self._idle.popleft().close()
        while self._due and (self._idle or len(self._busy) < _MOST_OPEN):
            connection = self._idle.pop() if self._idle else Connection(self._port)
            due = self._due.popleft()
            self.tally.sent(time.perf_counter() - due)
            connection.send(self._requests.next(), due)
            self._busy.append(connection)

    def _receive(self, until: float) -> None:
        # select waits to the microsecond, poll and epoll to the millisecond.
        left = min(max(until - time.perf_counter(), 0.0), _LONGEST_WAIT_SECONDS)
        ready: Sequence[Connection] = select.select(self._busy, (), (), left)[0]
        for connection in ready:
            answer = connection.receive()
            if answer is not None:
                took = time.perf_counter() - connection.since
                self.tally.add(answer.status, took, says_when=answer.says_when)
                connection.idle_since = time.perf_counter()
                self._busy.remove(connection)
                self._idle.append(connection)

    def _tell(self, seconds: float) -> None:
        self.tally.seconds = seconds
        print(json.dumps(asdict(self.tally.summary())), flush=True)
        self.tally = Tally()


def main() -> None:
    """Run the load as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/Orders")
    parser.add_argument("--keys", default="", help="begins each Idempotency-Key")
    parser.add_argument("--batch", type=int, default=0, help="orders a request")
    parser.add_argument("--gets", type=Path, help="ask for each line of it instead")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=float, default=0.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--interval", type=float, default=0.0)
    given = parser.parse_args()
    requests = _source(given)
    if given.rate:
        tally = OpenLoop(given.port, requests, given.rate).run(
            given.seconds, given.interval
        )
    else:
        tally = run_closed(given.port, requests, given.connections, given.seconds)
    print(json.dumps(asdict(tally.summary())))


def _source(given: argparse.Namespace) -> Source:
    if given.gets is not None:
        return Questions(given.gets.read_text("ascii").split())
    api_key = os.environ.get(API_KEY, "")
    return Requests(given.path, given.keys, given.batch, api_key)


if __name__ == "__main__":
    main()
