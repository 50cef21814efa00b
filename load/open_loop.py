"""Sends requests at an even rate, whatever the answers do, and writes them down.

A request's time counts from the moment it was due, not from when a connection was
free for it: a service that stands still is seen by all whom it would have kept
waiting.
"""

import asyncio
import random
import ssl
import time
from collections import deque
from dataclasses import dataclass, field

from orders.load.answers import meaning_of_create, meaning_of_read
from orders.load.attempts import Attempt, create_of, make_attempt, read_of
from orders.load.histogram import Histogram
from orders.load.http_client import (
    Connection,
)
from orders.load.mix import Kind, Mix
from orders.load.planned_orders import ROUTE, plan_order
from orders.verification.journal import JournalWriter, Outcome

_WAIT_SECONDS = 5
_KNOWN_ORDERS = 1024
_MOST_WITNESSES = 10
_LARGEST_CLIENT = 900_000_000_000
"""Users are numbered behind it, each run's apart, within PostgreSQL's bigint."""
_REFUSES_ALL = frozenset({401, 403})


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """What to send where.

    Attributes:
        run: makes keys and references unique.
        host: with ``port``, where the API is.
        tls: None for plain HTTP.
        rate: requests a second.
        seconds: how long.
        connections: requests under way at once; more wait for one of them.
        mix: what kinds of requests.
        keyed: whether each order has an ``Idempotency-Key`` of its own.
        api_key: sent as a bearer token where it is given.

    """

    run: str
    host: str
    port: int
    tls: ssl.SSLContext | None
    rate: float
    seconds: float
    connections: int
    mix: Mix
    keyed: bool = True
    api_key: str | None = None


@dataclass(slots=True)
class LoadResult:
    """What came of a load; ``unknown`` ones may or may not have had an effect.

    Attributes:
        times: by kind, of every request that was answered.
        not_sent: requests for which there was no connection.
        refusal: why the last of those had none.
        statuses: how many answers had which status.
        undocumented: answers that no document promises.
        witnesses: the first of those, in words.
        is_refused: the API wants another key; nothing more was sent.

    """

    sent: int = 0
    accepted: int = 0
    read: int = 0
    refused: int = 0
    unknown: int = 0
    not_sent: int = 0
    refusal: str = ""
    undocumented: int = 0
    is_refused: bool = False
    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    witnesses: list[str] = field(default_factory=list)
    times: dict[Kind, Histogram] = field(
        default_factory=lambda: {kind: Histogram() for kind in Kind}
    )


class OpenLoop:
    """One load; used once, on one event loop."""

    def __init__(self, plan: LoadPlan, journal: JournalWriter) -> None:
        self._plan = plan
        self._journal = journal
        # Of the system, so that two runs never send the same order.
        self._rng = random.SystemRandom()
        self._user_block = self._rng.randrange(_LARGEST_CLIENT)
        self._known: deque[str] = deque(maxlen=_KNOWN_ORDERS)
        self._next = 0
        self._began = 0.0
        self._stopping = asyncio.Event()
        self.result = LoadResult()

    def stop(self) -> None:
        """Begin nothing more; what is under way is waited for."""
        self._stopping.set()

    async def run(self) -> LoadResult:
        """Send everything, and wait for what is under way."""
        self._began = time.monotonic()
        total = max(1, round(self._plan.rate * self._plan.seconds))
        count = min(self._plan.connections, total)
        async with asyncio.TaskGroup() as workers:
            for number in range(count):
                workers.create_task(self._work(number, total))
        self.result.seconds = time.monotonic() - self._began
        return self.result

    async def _work(self, client: int, total: int) -> None:
        """Take whatever is due next, over one connection."""
        plan = self._plan
        connection = Connection(plan.port, plan.host, plan.tls)
        try:
            while self._next < total:
                number, self._next = self._next, self._next + 1
                due = self._began + number / plan.rate
                if await self._stops_before(due):
                    return
                await self._send(connection, client, number, due)
        finally:
            connection.close()

    async def _stops_before(self, due: float) -> bool:
        try:
            async with asyncio.timeout(max(due - time.monotonic(), 0.0)):
                await self._stopping.wait()
        except TimeoutError:
            return self._stopping.is_set()
        return True

    async def _send(
        self, connection: Connection, client: int, number: int, due: float
    ) -> None:
        kind = self._plan.mix.choose(self._rng)
        if kind is Kind.READ and not self._known:
            kind = Kind.ORDER  # there is nothing to be read yet
        self.result.sent += 1
        if kind is Kind.READ:
            order_id = self._rng.choice(self._known)
            attempt = await make_attempt(
                connection,
                ("GET", f"{ROUTE}/{order_id}", self._headers(), b""),
                meaning_of_read,
            )
            if attempt is not None:
                self._journal.write(read_of(client, order_id, attempt))
        else:
            attempt = await self._place(connection, client, number, kind)
        if attempt is None:
            self.result.not_sent += 1
            self.result.refusal = connection.refusal
        else:
            self._count(kind, attempt, due)

    async def _place(
        self, connection: Connection, client: int, number: int, kind: Kind
    ) -> Attempt | None:
        older = 1.0 if kind is Kind.OLDER else 0.0
        order = plan_order(self._plan.run, self._user_block, number, self._rng, older)
        headers = self._headers() | {"Content-Type": "application/json"}
        if self._plan.keyed:
            headers["Idempotency-Key"] = order.key
        if kind is Kind.WAIT:
            headers["Prefer"] = f"wait={_WAIT_SECONDS}"
        attempt = await make_attempt(
            connection,
            ("POST", order.route, headers, order.body),
            lambda answer: meaning_of_create(order.route, answer),
        )
        if attempt is not None:
            keyed = self._plan.keyed
            self._journal.write(create_of(client, order, attempt, keyed=keyed))
            if attempt.meaning.outcome is Outcome.OK and attempt.answer is not None:
                self._known.append(str(attempt.answer.body["order_id"]))
        return attempt

    def _count(self, kind: Kind, attempt: Attempt, due: float) -> None:
        result, (outcome, undocumented) = self.result, attempt.meaning
        if attempt.answer is not None:
            status = attempt.answer.status
            result.times[kind].add(attempt.ended - due)
            result.statuses[status] = result.statuses.get(status, 0) + 1
            if status in _REFUSES_ALL:
                result.is_refused = True
                self.stop()
        if outcome is Outcome.OK:
            result.read += kind is Kind.READ
            result.accepted += kind is not Kind.READ
        elif outcome is Outcome.FAILED:
            result.refused += 1
        else:
            result.unknown += 1
        if undocumented is not None and not result.is_refused:
            result.undocumented += 1
            if len(result.witnesses) < _MOST_WITNESSES:
                result.witnesses.append(undocumented[:500])

    def _headers(self) -> dict[str, str]:
        key = self._plan.api_key
        return {} if key is None else {"Authorization": f"Bearer {key}"}
