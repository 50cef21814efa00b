"""The bytes that the load client sends; ``post.lua`` makes the orders for wrk."""

from collections.abc import Iterable
from itertools import cycle
from typing import Final, Protocol

API_KEY: Final = "BENCH_API_KEY"
"""The variable that names it: a command line is for everybody to read."""
_V1 = "/v1/"
_NDJSON = "application/x-ndjson"


class Source(Protocol):
    """Where requests come from."""

    def next(self) -> bytes:
        """Return the next request."""


class Questions:
    """Asks for each of ``targets``, then from the first again."""

    def __init__(self, targets: Iterable[str]) -> None:
        self._targets = cycle(targets)

    def next(self) -> bytes:
        """Return the next request."""
        return f"GET {next(self._targets)} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


class Requests:
    """Makes requests, each with other numbers; one order in five is declined.

    Args:
        path: ``/Orders`` and ``/orders`` get the older body, ``/v1/...`` its own.
        keys: begins the ``Idempotency-Key`` of each, "" for none.
        batch: orders a request, 0 for a single one without a list around it.
        api_key: goes with every request, "" for none.

    """

    def __init__(
        self, path: str, keys: str = "", batch: int = 0, api_key: str = ""
    ) -> None:
        self._path = path
        self._keys = keys
        self._batch = batch
        self._who = f"Authorization: Bearer {api_key}\r\n" if api_key else ""
        self._order = _v1_order if path.startswith(_V1) else _older_order
        self._number = 0

    def next(self) -> bytes:
        """Return the next request."""
        self._number += 1
        number, count = self._number, max(self._batch, 1)
        first = number * count
        body = "\n".join(self._order(first + place) for place in range(count))
        kind = _NDJSON if self._batch else "application/json"
        key = f"Idempotency-Key: {self._keys}-{number}\r\n" if self._keys else ""
        return (
            f"POST {self._path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {kind}\r\n"
            f"{self._who}{key}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


def _v1_order(number: int) -> str:
    price = 1500 if number % 5 == 0 else 499
    return (
        f'{{"user_id":{number % 10_000 + 1},"currency":"EUR","items":[{{"product_id":'
        f'{number % 500 + 1},"quantity":2,"line_total":"{price}.00"}}],'
        f'"total":"{price}.00"}}'
    )


def _older_order(number: int) -> str:
    price = 1500 if number % 5 == 0 else 499
    return (
        f'{{"user_id":{number % 10_000 + 1},"product_id":{number % 500 + 1},'
        f'"quantity":2,"total_price":{price}}}'
    )
