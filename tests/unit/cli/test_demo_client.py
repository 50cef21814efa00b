import io
import json
import threading
import time
from collections.abc import Callable

import pytest

from orders.cli.demo import client as client_module
from orders.cli.demo.client import Client, DemoError
from orders.cli.demo.plan import PlannedOrder
from orders.domain.order import OrderStatus

ORDER = PlannedOrder("key-1", 7, "USD", "10.00", OrderStatus.PAID)
ACCEPTED = (202, {"order_id": "id-1"})
AWAY = (503, {"title": "Service Unavailable"})


class Response(io.BytesIO):
    def __init__(self, status: int, body: object) -> None:
        super().__init__(json.dumps(body).encode())
        self.status = status


class Connection:
    """Gives the prepared answers one after the other; an exception is raised."""

    answers: list[tuple[int, object] | Exception]
    requests: list[tuple[str, str, object, dict[str, str]]]

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def request(self, *words: object) -> None:
        self.requests.append(words)  # type: ignore[arg-type]

    def getresponse(self) -> Response:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Response(*answer)

    def close(self) -> None:
        pass


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Client]:
    monkeypatch.setattr(client_module, "HTTPConnection", Connection)
    monkeypatch.setattr(client_module, "_PAUSE_SECONDS", 0)

    def make(*answers: tuple[int, object] | Exception, seconds: float = 5) -> Client:
        Connection.answers, Connection.requests = list(answers), []
        return Client("http://x:1", time.monotonic() + seconds, threading.Event())

    return make


def test_a_lost_answer_and_a_503_are_tried_again_under_the_same_key(serve) -> None:
    client = serve(ConnectionResetError("lost"), AWAY, ACCEPTED)

    order_id = client.submit(ORDER)

    keys = [headers["Idempotency-Key"] for *_, headers in Connection.requests]
    assert order_id == "id-1"
    assert keys == ["key-1"] * 3


def test_a_refusal_is_not_tried_again(serve) -> None:
    client = serve((422, {"code": "invalid"}), ACCEPTED)

    with pytest.raises(DemoError, match="refused: 422"):
        client.submit(ORDER)
    assert len(Connection.requests) == 1


def test_a_wait_goes_on_until_the_order_is_settled(serve) -> None:
    client = serve((200, {"status": "PENDING"}), (200, {"status": "FAILED"}))

    assert client.await_settled("id-1") is OrderStatus.FAILED


def test_time_runs_out_with_the_last_state(serve) -> None:
    client = serve((200, {"status": "PENDING"}), seconds=-1)

    with pytest.raises(DemoError, match="time ran out: order id-1 is still PENDING"):
        client.await_settled("id-1")


def test_time_runs_out_with_the_last_problem(serve) -> None:
    client = serve(ConnectionRefusedError("nobody there"), seconds=-1)

    with pytest.raises(DemoError, match=r"time ran out: .*nobody there"):
        client.submit(ORDER)
