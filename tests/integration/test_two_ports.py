"""The API's port and the operations port read, refuse and answer alike."""

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from orders.actors.messages import OVERLOADED, Refused
from orders.http.app import create_app
from orders.http.batch_resources import BATCH_PATH
from orders.http.dispatcher import GreenletDispatcher
from orders.http.limits import Limits
from orders.http.loop import EventLoop
from orders.http.operations import OperationsServer
from orders.http.operations_app import Version
from orders.http.problems import listener_problem
from orders.http.server import OrderServer

pytestmark = pytest.mark.integration

MAX_BODY, MAX_BATCH = 1024, 4096
PROBLEM = "application/problem+json"
SAFETY = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
}
OF_API = (
    "/problems",
    "/problems/overloaded",
    "/v1/orders",
    "/v1/notifications?user_id=7",
)
OF_OPERATIONS = (
    "/livez",
    "/readyz",
    "/startupz",
    "/metrics",
    "/version",
    "/status.json",
    "/ui",
)


class Idle:
    """The rest of a process that takes nothing and counts nothing."""

    def submit(self, _: object) -> Refused:
        return Refused(OVERLOADED, 1.0)

    ask = change = submit

    def turn_away(self) -> Refused:
        return Refused(OVERLOADED, 1.0)

    def exposition(self) -> bytes:
        return b"orders_up 1\n"

    def status(self) -> Mapping[str, object]:
        return {}

    def live(self) -> Sequence[Any]:
        return []

    ready = started = live

    def __getattr__(self, _: str) -> Any:
        return lambda *_args, **_fields: None


@dataclass(frozen=True)
class Answer:
    status: int
    fields: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Port:
    number: int
    paths: tuple[str, ...]

    def send(self, request: str) -> Answer:
        """Send ``request`` as it is, and read until the server closes."""
        with socket.create_connection(("127.0.0.1", self.number), 10) as line:
            line.sendall(request.encode("latin-1"))
            data = b""
            while chunk := line.recv(1 << 16):
                data += chunk
        head, _, body = data.partition(b"\r\n\r\n")
        first, *fields = head.decode("latin-1").split("\r\n")
        named = (field.split(": ", 1) for field in fields)
        return Answer(int(first.split(" ")[1]), {n.lower(): v for n, v in named}, body)

    def ask(self, method: str, target: str, *fields: str, body: str = "") -> Answer:
        lines = [f"{method} {target} HTTP/1.1", "Host: test", "Connection: close"]
        return self.send("\r\n".join([*lines, *fields, "", body]))

    def post(self, target: str, size: int) -> Answer:
        fields = ("Content-Type: application/json", f"Content-Length: {size}")
        return self.ask("POST", target, *fields, body="x" * size)


@pytest.fixture(scope="module")
def api() -> Iterator[Port]:
    idle: Any = Idle()
    loop = EventLoop(log=idle)
    dispatcher = GreenletDispatcher(loop)
    app = create_app(
        backend=idle,
        parking=dispatcher,
        meter=idle,
        log=idle,
        clock=lambda: loop.now,
        default_currency="EUR",
        max_body_bytes=MAX_BODY,
        max_batch_bytes=MAX_BATCH,
    )
    server = OrderServer(
        app,
        host="127.0.0.1",
        port=0,
        loop=loop,
        dispatcher=dispatcher,
        problem=listener_problem,
        limits=Limits(
            max_connections=100,
            refusal_room=256,
            max_body_bytes=MAX_BODY,
            request_timeout_seconds=5,
            keep_alive_seconds=5,
        ),
        body_bytes={BATCH_PATH: MAX_BATCH},
    )
    server.bind()
    thread = threading.Thread(target=server.run)
    thread.start()
    yield Port(server.port, OF_API)
    server.drain(0)
    thread.join(10)


@pytest.fixture(scope="module")
def operations() -> Iterator[Port]:
    idle: Any = Idle()
    server = OperationsServer(
        "127.0.0.1", 0, health=idle, source=idle, version=Version("1", "node")
    )
    server.start()
    yield Port(server.port, OF_OPERATIONS)
    server.stop()


@pytest.fixture(params=["api", "operations"])
def port(request: pytest.FixtureRequest) -> Port:
    found: Port = request.getfixturevalue(request.param)
    return found


def test_head_is_get_without_the_body(port: Port) -> None:
    for path in port.paths:
        got, head = port.ask("GET", path), port.ask("HEAD", path)

        assert (path, head.status, head.body) == (path, got.status, b"")
        assert got.body
        for name in ("content-type", "content-length", *SAFETY):
            assert head.fields[name] == got.fields[name]


def test_every_answer_is_safe_for_a_browser_and_tells_its_date(port: Port) -> None:
    answers = [port.ask("GET", path) for path in (*port.paths, "/none")]
    answers.append(port.ask("PUT", port.paths[0]))
    answers.append(port.send("GET / HTTP/1.1\r\n\r\n"))

    for answer in answers:
        assert answer.fields.items() >= SAFETY.items()
        assert "content-security-policy" in answer.fields
        assert "date" in answer.fields
        assert "server" not in answer.fields


def test_what_is_not_there_or_not_allowed_is_a_problem(port: Port) -> None:
    missing = port.ask("GET", "/none")
    wrong = port.ask("DELETE", port.paths[0])

    assert (missing.status, missing.fields["content-type"]) == (404, PROBLEM)
    assert (wrong.status, wrong.fields["content-type"]) == (405, PROBLEM)
    assert {"GET", "HEAD"} <= set(wrong.fields["allow"].split(", "))
    assert "x-request-id" in missing.fields


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b/c\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400),
        ("GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 413),
    ],
)
def test_a_request_is_refused_alike(
    api: Port, operations: Port, request_text: str, status: int
) -> None:
    for port in (api, operations):
        answer = port.send(request_text)

        assert (answer.status, answer.fields["content-type"]) == (status, PROBLEM)
        assert answer.fields["connection"] == "close"


def test_http_1_0_needs_no_host(port: Port) -> None:
    answer = port.send(f"GET {port.paths[0]} HTTP/1.0\r\n\r\n")

    assert answer.status == 200


@pytest.mark.parametrize(
    ("spelled", "is_found"),
    [
        ("{}", True),
        ("/{}", True),
        ("///{}", True),
        ("{}/", True),
        ("{}//", True),
        ("http://other{}", True),
        ("http://other/{}/", True),
        ("{}%2F", False),
        ("/.{}", False),
        ("/..{}", False),
        ("{}/.", False),
    ],
)
def test_a_path_is_normalised_once_for_all(
    port: Port, spelled: str, is_found: bool
) -> None:
    path = port.paths[0]

    answer = port.ask("GET", spelled.format(path))

    assert answer.status == (200 if is_found else 404)


@pytest.mark.parametrize("spelled", ["{}", "/{}", "{}/", "http://other/{}/"])
def test_however_a_path_is_spelled_its_limit_is_the_same(
    api: Port, spelled: str
) -> None:
    one, many = spelled.format("/v1/orders"), spelled.format("/v1/orders/batch")

    assert api.post(one, MAX_BODY + 1).status == 413
    assert api.post(one, MAX_BODY).status == 400
    assert api.post(many, MAX_BATCH + 1).status == 413
    assert api.post(many, MAX_BATCH).status == 400


def test_options_of_the_server_is_answered(api: Port) -> None:
    assert api.ask("OPTIONS", "*").status == 204
