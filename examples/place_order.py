"""Place an order so that it is there once, whatever happens on the way.

    python examples/place_order.py --url http://127.0.0.1:8080 < order.json

``--help`` shows such an order.

Each order gets one ``Idempotency-Key``, before its first attempt, and keeps it over
all attempts: whether an answer was lost, the node died or the service was busy, sending
it again cannot place a second order. A program that may itself be restarted stores the
key beside the order before it sends it, and gives it as ``key`` (``--key``).

Waits grow with each attempt and are random, so that many clients do not come back at
the same moment; they are never shorter than ``Retry-After`` asks for. Python's standard
library is all that is needed.
"""

import argparse
import json
import random
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

PATH = "/v1/orders"
TRIED_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed. 500 is among them since the key
makes it safe; 502 and 504 are what a proxy says."""
DOUBTFUL = frozenset({500, 502, 503, 504})
"""Those after which it may be there all the same."""
PLACED = frozenset({200, 202})
FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 20.0
ANSWER_SECONDS = 10.0
LARGEST_ANSWER_BYTES = 1_000_000
EXAMPLE = """The order is read from standard input, as JSON:

  echo '{"user_id": 7, "currency": "EUR", "total": "99.80", "items":
    [{"product_id": 3, "quantity": 2, "line_total": "99.80"}]}' |
    python examples/place_order.py

Exit codes: 0 the order is placed and printed; 1 it was refused, or time is up and
nobody knows: place it again with the key that is printed; 2 wrong usage, or no order.
"""


class InputError(Exception):
    """What was typed or piped in cannot be used."""


class OrderRefusedError(Exception):
    """The order was not placed, and will not be if it is sent again as it is."""

    def __init__(self, status: int, problem: Mapping[str, object]) -> None:
        first = f"{status} {problem.get('code')}: {problem.get('detail')}"
        super().__init__("\n".join([first, *_errors(problem)]))
        self.status = status
        self.problem = problem


class OrderUncertainError(Exception):
    """Time is up, and it is not known whether the order was placed.

    Placing it later with the same ``key`` finds out, and places it if it was not.
    """

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"no answer in time; the last was: {reason}; key {key}")
        self.key = key
        self.reason = reason


@dataclass(frozen=True)
class Answer:
    """What came back; ``retry_after`` is the header as it was sent, "" without one."""

    status: int
    body: Mapping[str, object]
    retry_after: str = ""


@dataclass(frozen=True)
class Attempt:
    """An attempt that led to another one."""

    number: int
    key: str
    reason: str
    wait_seconds: float

    def __str__(self) -> str:
        """Return it as a line for people."""
        wait = f"{self.wait_seconds:.1f} s"
        return f"attempt {self.number}: {self.reason}; the next one in {wait}"


Send = Callable[[bytes, Mapping[str, str]], Answer]
"""Posts a body with header fields; raises OSError or HTTPException without answer."""


class OrderClient:
    """Places orders, each once.

    Args:
        send: posts one request.
        patience_seconds: until when attempts begin, from the first one of an order.
        on_retry: told of each attempt that was not the last.
        sleep, clock, uniform: of ``time`` and ``random``.

    """

    def __init__(
        self,
        send: Send,
        *,
        patience_seconds: float = 120.0,
        on_retry: Callable[[Attempt], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._send = send
        self._patience_seconds = patience_seconds
        self._on_retry = on_retry
        self._sleep = sleep
        self._clock = clock
        self._uniform = uniform

    def place(
        self, order: Mapping[str, object], key: str | None = None
    ) -> Mapping[str, object]:
        """Return the order as the service has it, once it is committed there.

        Raises:
            OrderRefusedError: it is not placed; sending it again would not help.
            OrderUncertainError: nobody said so in time, or it was refused after an
                attempt whose outcome is not known; keep its key.

        """
        key = key or str(uuid.uuid4())
        body = json.dumps(order).encode()
        fields = {"Content-Type": "application/json", "Idempotency-Key": key}
        deadline = self._clock() + self._patience_seconds
        number, may_be_placed = 0, False
        while True:
            number += 1
            answer, reason = self._try(body, fields)
            if answer is not None and not _is_worth_another(answer):
                if may_be_placed and answer.status not in PLACED:
                    raise OrderUncertainError(key, reason)
                return _placed(answer)
            may_be_placed = may_be_placed or answer is None or answer.status in DOUBTFUL
            asked = "" if answer is None else answer.retry_after
            left = deadline - self._clock()
            if left <= 0 or left < _seconds(asked):
                raise OrderUncertainError(key, reason)
            wait = min(left, self.wait_seconds(number, asked))
            self._on_retry(Attempt(number, key, reason, wait))
            self._sleep(wait)

    def wait_seconds(self, number: int, retry_after: str = "") -> float:
        """Return how long to wait after attempt ``number``, which counts from 1."""
        longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** min(number, 16))
        return _seconds(retry_after) + self._uniform(0, longest)

    def _try(self, body: bytes, fields: Mapping[str, str]) -> tuple[Answer | None, str]:
        try:
            answer = self._send(body, fields)
        except (OSError, HTTPException) as error:
            return None, f"{type(error).__name__}: {error}"
        return answer, f"{answer.status} {answer.body.get('code', '')}".rstrip()


def _is_worth_another(answer: Answer) -> bool:
    """Tell whether to send it again: the service says so, or a proxy's status does."""
    return answer.status in TRIED_AGAIN or answer.body.get("retryable") is True


def _placed(answer: Answer) -> Mapping[str, object]:
    if answer.status in PLACED:
        return answer.body
    raise OrderRefusedError(answer.status, answer.body)


def _errors(problem: Mapping[str, object]) -> list[str]:
    """Return a line for each place of the order that the service finds wrong."""
    errors = problem.get("errors")
    return [
        f"  {error.get('pointer') or 'the whole order'}: {error.get('message')}"
        for error in (errors if isinstance(errors, list) else [])
        if isinstance(error, dict)
    ]


def _seconds(retry_after: str) -> float:
    """Return the seconds of a ``Retry-After``: a number, or a date (RFC 9110)."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0  # there is none, or nobody can read it
    return max(0.0, (moment.astimezone(UTC) - datetime.now(UTC)).total_seconds())


def sender(url: str, api_key: str | None = None) -> Send:
    """Return what posts to the service at ``url``, on a connection for each request.

    Raises:
        InputError: ``url`` is not ``http://host:port`` or ``https://host``.

    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InputError(f"not the address of a service: {url}: {error}") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise InputError(f"not the address of a service: {url}")
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    key = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}

    def send(body: bytes, fields: Mapping[str, str]) -> Answer:
        connection = connect(host, port, timeout=ANSWER_SECONDS)
        try:
            connection.request("POST", PATH, body, {**fields, **key})
            response = connection.getresponse()
            text = response.read(LARGEST_ANSWER_BYTES)
            wait = response.headers.get("Retry-After", "")
            return Answer(response.status, _object(text), wait)
        finally:
            connection.close()

    return send


def _object(text: bytes) -> Mapping[str, object]:
    """Return the JSON object in ``text``; a proxy's page counts as an empty one."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def read_order(text: bytes) -> Mapping[str, object]:
    """Return the order in ``text``; whether it is a good one, the service says.

    Raises:
        InputError: it is no JSON object.

    """
    try:
        order = json.loads(text)
    except ValueError as error:
        raise InputError(f"no order on standard input: {error}") from error
    if not isinstance(order, dict):
        raise InputError("no order on standard input: not a JSON object")
    return order


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Place an order so that it is there once.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--url",
        default="http://127.0.0.1:8080",
        help="where the service is (default: %(default)s)",
    )
    add(
        "--key",
        help="the Idempotency-Key, stored before or of an earlier try"
        " (default: a new one)",
    )
    add("--api-key", help="sent as a bearer token (default: none)")
    add(
        "--patience",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="how long to send it again (default: %(default)s)",
    )
    return parser


def main() -> int:
    """Place the order on standard input; print it as the service has it."""
    given = _parser().parse_args()
    try:
        client = OrderClient(
            sender(given.url, given.api_key),
            patience_seconds=given.patience,
            on_retry=lambda attempt: print(attempt, file=sys.stderr),
        )
        order = read_order(sys.stdin.buffer.read())
        print(json.dumps(client.place(order, given.key)))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except (OrderRefusedError, OrderUncertainError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
