"""A server on real sockets with a small application, and a client that sees bytes."""

import resource
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import pytest

from orders.http.dispatcher import GreenletDispatcher
from orders.http.limits import Limits
from orders.http.loop import EventLoop
from orders.http.parking import LATE
from orders.http.server import OrderServer

BIG = b"b" * 100_000
WAIT_SECONDS = 10
LIMITS = {
    "max_connections": 4096,
    "refusal_room": 256,
    "max_body_bytes": 64 * 1024,
    "request_timeout_seconds": 10.0,
    "keep_alive_seconds": 75.0,
}


def problem(status: int, code: str, detail: str) -> bytes:
    return f'{{"status":{status},"code":"{code}","detail":"{detail}"}}'.encode()


@dataclass
class Log:
    lines: list[tuple[str, dict]] = field(default_factory=list)

    def warning(self, event, **fields):
        self.lines.append((event, fields))

    error = exception = warning

    def events(self):
        return [event for event, _ in self.lines]


@dataclass
class Answer:
    version: str
    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """A socket whose answers are parsed one after another."""

    def __init__(self, port, timeout):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self._data = b""

    def send(self, data):
        self.socket.sendall(data)

    def ask(self, method, path, body=None, *headers):
        self.send(request(method, path, body, *headers))
        return self.answer(method)

    def answer(self, method="GET"):
        head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status = head[0].split(" ")[:2]
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        length = 0 if method == "HEAD" else int(headers.get("content-length", 0))
        while len(self._data) < length:
            self._read()
        body, self._data = self._data[:length], self._data[length:]
        return Answer(version, int(status), headers, body)

    def is_closed(self):
        """Wait for the server's close; False when it says something instead."""
        try:
            return self._data == b"" and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        linger = struct.pack("ii", 1, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close()

    def close(self):
        self.socket.close()

    def _until(self, end):
        while end not in self._data:
            self._read()
        head, _, self._data = self._data.partition(end)
        return head

    def _read(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError(f"closed after {self._data!r}")
        self._data += data


def request(method, path, body=None, *headers):
    lines = [f"{method} {path} HTTP/1.1", "Host: test", *headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


class Served:
    """The server on a thread of its own."""

    def __init__(self, limits):
        self.log = Log()
        self.loop = EventLoop(log=self.log)
        self.dispatcher = GreenletDispatcher(self.loop)
        self.server = OrderServer(
            self.app,
            host="127.0.0.1",
            port=0,
            loop=self.loop,
            dispatcher=self.dispatcher,
            problem=problem,
            limits=Limits(**{**LIMITS, **limits}),
        )
        self.server.bind()
        self.left = None
        self.tickets = {}
        self.outcomes = []
        self._clients = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        self.left = self.server.run()

    def connect(self, timeout=WAIT_SECONDS):
        client = Client(self.server.port, timeout)
        self._clients.append(client)
        return client

    def drain(self, grace_seconds):
        self.server.drain(grace_seconds)

    def join(self):
        self._thread.join(WAIT_SECONDS)
        assert not self._thread.is_alive()
        return self.left

    def stop(self):
        for client in self._clients:
            client.close()
        self.drain(0)
        self.join()

    def on_loop(self, function):
        """Return what ``function`` returns on the loop's thread."""
        box, done = [], threading.Event()
        self.loop.call(lambda: (box.append(function()), done.set()))
        assert done.wait(WAIT_SECONDS)
        return box[0]

    def cpu_seconds(self):
        return self.on_loop(time.thread_time)

    def wait_until(self, predicate):
        end = time.monotonic() + WAIT_SECONDS
        while not predicate():
            assert time.monotonic() < end, "waited in vain"
            threading.Event().wait(0.005)

    def wait_for_parked(self, count):
        self.wait_until(lambda: self.dispatcher.parked == count)

    def app(self, environ, start_response):
        query = parse_qs(environ["QUERY_STRING"])
        handler = getattr(self, "do_" + environ["PATH_INFO"].strip("/"))
        body = handler(environ, {name: values[0] for name, values in query.items()})
        start_response("200 OK", [("content-type", "text/plain")])
        return [body]

    def do_echo(self, environ, query):
        return environ["wsgi.input"].read()

    def do_big(self, environ, query):
        return BIG

    def do_slow(self, environ, query):
        """Park for ``ms``."""
        ticket = self._ticket(query)
        after = int(query["ms"]) / 1000
        self.loop.at(time.monotonic() + after, lambda: self.loop.answer([(ticket, 1)]))
        return b"late" if self._park(ticket) is LATE else b"slept"

    def do_parked(self, environ, query):
        """Park until the test answers the ticket ``name``."""
        ticket = self.tickets[query["name"]] = self._ticket(query)
        answer = self._park(ticket)
        if "boom" in query:
            raise RuntimeError("boom after the answer")
        return b"late" if answer is LATE else str(answer).encode()

    def do_boom(self, environ, query):
        raise RuntimeError("boom")

    def do_hold(self, environ, query):
        """Hold the loop, as nothing may."""
        end = time.monotonic() + float(query["seconds"])
        while time.monotonic() < end:
            pass
        return b"held"

    def _ticket(self, query):
        seconds = int(query.get("deadline_ms", 10_000)) / 1000
        return self.dispatcher.ticket(time.monotonic() + seconds)

    def _park(self, ticket):
        outcome = self.dispatcher.park(ticket)
        self.outcomes.append(outcome)
        return outcome


@pytest.fixture
def serve():
    """Start servers with the given limits; all are drained at the end."""
    started = []

    def start(**limits):
        served = Served(limits)
        started.append(served)
        return served

    yield start
    for served in started:
        served.stop()


@pytest.fixture
def served(serve):
    return serve()


@pytest.fixture
def raw_request():
    """The bytes of a request, for tests that send them their own way."""
    return request


@pytest.fixture
def many_descriptors():
    """Room for thousands of sockets in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= hard < 5000:
        pytest.skip("the system allows too few descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 5000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
