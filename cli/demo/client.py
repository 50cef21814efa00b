"""The demo's HTTP client: what a careful customer of the API does."""

import json
import random
import threading
import time
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple, Self, cast
from urllib.parse import urlsplit

from orders.cli.demo.plan import PlannedOrder
from orders.domain.order import SETTLED, OrderStatus

JsonObject = dict[str, object]

_OK, _ACCEPTED, _UNAVAILABLE = 200, 202, 503
_CALL_SECONDS = 10.0
_LONGEST_WAIT_SECONDS = 5
_PAUSE_SECONDS = 0.2


class DemoError(Exception):
    """Something in the demo is not as it should be; the text says what."""


class Answer(NamedTuple):
    """One answer; every one of the API is a JSON object."""

    status: int
    body: JsonObject


class Client:
    """One connection to the API. Owned by one thread.

    Args:
        url: where the API is, ``http://host:port``.
        deadline: on ``time.monotonic``; nothing is tried after it.
        stopped: set to give up early.

    """

    def __init__(self, url: str, deadline: float, stopped: threading.Event) -> None:
        self._connection = HTTPConnection(urlsplit(url).netloc, timeout=_CALL_SECONDS)
        self._deadline = deadline
        self._stopped = stopped

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def submit(self, order: PlannedOrder) -> str:
        """Post ``order`` until it is accepted, always under the same key.

        Returns its id. A lost answer or a 503 is tried again: the key makes sure
        that the order is taken once.

        Raises:
            DemoError: it was refused, or time ran out.

        """
        headers = {"Content-Type": "application/json", "Idempotency-Key": order.key}
        body = json.dumps(order.body).encode()
        answer = self._insist("POST", "/v1/orders", body, headers)
        if answer.status not in {_OK, _ACCEPTED}:
            raise DemoError(f"an order was refused: {answer.status} {answer.body}")
        return str(answer.body["order_id"])

    def await_settled(self, order_id: str) -> OrderStatus:
        """Wait for the order's outcome.

        Raises:
            DemoError: it was not settled in time, or not found.

        """
        path = f"/v1/orders/{order_id}?wait={_LONGEST_WAIT_SECONDS}"
        while True:
            answer = self._insist("GET", path)
            if answer.status != _OK:
                raise DemoError(f"order {order_id}: {answer.status} {answer.body}")
            status = OrderStatus(str(answer.body["status"]))
            if status in SETTLED:
                return status
            self._check_time(f"order {order_id} is still {status}")

    def notified_orders(self, user_id: int) -> list[str]:
        """Return the order of each of a customer's newest hundred notifications.

        Raises:
            DemoError: they cannot be read.

        """
        answer = self._insist("GET", f"/v1/notifications?user_id={user_id}")
        if answer.status != _OK:
            raise DemoError(f"notifications: {answer.status} {answer.body}")
        notifications = cast("list[JsonObject]", answer.body["notifications"])
        return [str(notification["order_id"]) for notification in notifications]

    def _insist(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Call until there is an answer other than 503."""
        while True:
            try:
                answer = self._call(method, path, body, headers or {})
                if answer.status != _UNAVAILABLE:
                    return answer
                problem = f"{method} {path}: {answer.body.get('title')}"
            except (HTTPException, OSError, ValueError) as error:
                self._connection.close()
                problem = f"{method} {path}: {type(error).__name__} {error}"
            self._check_time(problem)
            jitter = random.uniform(0.5, 1.5)  # noqa: S311 - spreads retries
            self._stopped.wait(_PAUSE_SECONDS * jitter)

    def _call(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> Answer:
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        return Answer(response.status, cast("JsonObject", json.load(response)))

    def _check_time(self, problem: str) -> None:
        if self._stopped.is_set():
            raise DemoError("interrupted")
        if time.monotonic() > self._deadline:
            raise DemoError(f"time ran out: {problem}")
