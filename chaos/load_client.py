"""One client of the load: orders, insists until it knows, and looks at orders."""

import asyncio
import random
import sys
import time

from orders.chaos.load_scene import Scene
from orders.load.answers import (
    meaning_of_create,
    meaning_of_page,
    meaning_of_read,
)
from orders.load.attempts import (
    Attempt,
    Judge,
    Request,
    create_of,
    make_attempt,
    read_of,
)
from orders.load.http_client import Connection
from orders.load.planned_orders import ROUTE, PlannedOrder, plan_order
from orders.verification.journal import Outcome

_INSIST_SECONDS = 60.0
_READ_SHARE = 0.5
_PAGE_SHARE = 0.05
_PAUSE_SECONDS = (0.02, 0.25)
_LONGEST_RETRY_AFTER_SECONDS = 0.5


class Client:
    """A closed loop with a pace: one thing at a time, a new order when it is due.

    It prefers one node, and goes to the next one where that does not answer.
    """

    def __init__(self, scene: Scene, number: int, rng: random.Random) -> None:
        self._scene = scene
        self._number = number
        self._rng = rng
        self._connections = [Connection(port) for port in scene.ports]
        self._node = number % len(scene.ports)

    async def run(self) -> None:
        """Order and look until the load stops; what was begun is brought to an end."""
        scene, sent = self._scene, 0
        due = time.monotonic() + self._rng.uniform(0, scene.interval_seconds)
        while not await self._stops_before(due):
            order = plan_order(scene.run, self._number, sent, self._rng)
            sent += 1
            await self._insist(order)
            if scene.known and self._rng.random() < _READ_SHARE:
                await self._look(self._rng.choice(scene.known))
            if self._rng.random() < _PAGE_SHARE:
                await self._look_at_notices(order.user_id)
            jittered = scene.interval_seconds * self._rng.uniform(0.5, 1.5)
            due = max(due + jittered, time.monotonic())
        for connection in self._connections:
            connection.close()

    async def _stops_before(self, due: float) -> bool:
        """Wait until ``due``; return True as soon as the load stops."""
        try:
            left = max(due - time.monotonic(), 0.0)
            async with asyncio.timeout(left):
                await self._scene.stopping.wait()
        except TimeoutError:
            return self._scene.stopping.is_set()
        return True

    async def _insist(self, order: PlannedOrder) -> None:
        """Send an order under its key until its acceptance is known."""
        stats, node = self._scene.stats, self._number % len(self._connections)
        give_up = time.monotonic() + _INSIST_SECONDS
        while time.monotonic() < give_up:
            attempt = await self._create(node, order)
            if attempt is not None and attempt.meaning.outcome is Outcome.OK:
                return
            stays = attempt is not None and attempt.answer is not None
            if not stays or self._rng.random() < 1 / 4:
                node = (node + 1) % len(self._connections)
            await self._pause(attempt)
        stats.given_up += 1

    async def _pause(self, attempt: Attempt | None) -> None:
        pause = self._rng.uniform(*_PAUSE_SECONDS)
        if attempt is not None and attempt.answer is not None:
            advice = attempt.answer.headers.get("retry-after", "0")
            longest = _LONGEST_RETRY_AFTER_SECONDS * self._rng.uniform(0.5, 1)
            pause = max(pause, min(float(advice), longest))
        await asyncio.sleep(pause)

    async def _create(self, node: int, order: PlannedOrder) -> Attempt | None:
        """Send it once; None where nobody listens."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": order.key}
        stats = self._scene.stats
        attempt = await self._attempt(
            node,
            ("POST", order.route, headers, order.body),
            lambda answer: meaning_of_create(order.route, answer),
        )
        if attempt is not None:
            self._scene.journal.write(create_of(self._number, order, attempt))
            if attempt.meaning.outcome is Outcome.OK and attempt.answer is not None:
                self._scene.unsynced += 1
                self._scene.known.append(str(attempt.answer.body["order_id"]))
                stats.ok_since[node] = max(stats.ok_since[node], attempt.started)
        return attempt

    async def _look(self, order_id: str) -> None:
        node = self._rng.randrange(len(self._connections))
        attempt = await self._attempt(
            node, ("GET", f"{ROUTE}/{order_id}", {}, b""), meaning_of_read
        )
        if attempt is not None:
            self._scene.journal.write(read_of(self._number, order_id, attempt))

    async def _look_at_notices(self, user_id: int) -> None:
        """Ask for a page; no promise is checked by it, so it is not recorded."""
        node = self._rng.randrange(len(self._connections))
        path = f"/v1/notifications?user_id={user_id}"
        await self._attempt(node, ("GET", path, {}, b""), meaning_of_page)

    async def _attempt(
        self,
        node: int,
        request: Request,
        judge: Judge,
    ) -> Attempt | None:
        """Make one request, judge its answer, and count what is to be counted."""
        attempt = await make_attempt(
            self._connections[node],
            request,
            judge,
            node=node,
            patience_seconds=self._scene.patience_seconds,
        )
        if attempt is not None and attempt.meaning.undocumented is not None:
            self._scene.stats.undocumented += 1
            what = f"{request[0]} {request[1]} at node {node + 1}"
            told = f"{what}: {attempt.meaning.undocumented}"
            print(told, file=sys.stderr, flush=True)
        return attempt
