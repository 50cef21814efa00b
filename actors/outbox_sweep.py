"""Publishes what the fast path missed: a node's own events, and those of others."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from orders.actors.messages import PublishEvents
from orders.actors.ports import SweepStore
from orders.actors.role import Role
from orders.actors.sweep_rules import SweepRules
from orders.domain.events import OrderEvent
from orders.domain.records import EventRef, OutboxState

PAGE = 500
SETTLE_SECONDS = 1.0
_PAGES_A_TICK = 20
_REST_SECONDS = 5.0
"""From one round for others to the next: Kafka confirms, and the rows are deleted."""
_NEVER_SECONDS = 1e9
_SAME_ROW_SECONDS = 1.0
"""Two looks at the oldest row's age differ by less from the time between them."""
_CAUGHT_UP = 1 / 20
"""Of the producer's lane: so little waits there that hardly a row is in it twice."""

ReadPage = Callable[[EventRef | None], list[OrderEvent]]


@dataclass(slots=True)
class _Round:
    """One way through the rows, over as many sweeps as it takes."""

    began: float
    cursor: EventRef | None = None
    found: int = 0


class OutboxSweep:
    """Pages through outbox rows until the producer is full or all were seen.

    A round goes on where the last sweep stopped, and begins only when the producer
    has caught up: it has the rows of the round before, which would be sent twice.
    """

    def __init__(
        self,
        *,
        producer: Role[PublishEvents],
        owner: Role[None],
        show_life: Callable[[], None],
        rules: SweepRules,
    ) -> None:
        self._producer = producer
        self._owner = owner
        self._show_life = show_life
        self._rules = rules
        self._suspected_at: float | None = owner.clock()
        self._own: _Round | None = None
        self._others: _Round | None = None
        self._others_at = 0.0
        self._oldest_row_at = -math.inf
        self._progress_at = owner.clock()
        self._takes_over = False

    def suspect(self) -> None:
        """Look through this node's own rows soon."""
        self._suspected_at = self._owner.clock()

    def excuse_all(self) -> None:
        """Hold it against no node that its rows stay: a server is away."""
        self._progress_at = self._owner.clock()
        self._takes_over = False

    def leave_others(self) -> None:
        """Another node publishes what is abandoned."""
        self._takes_over = False
        self._others = None

    def note_oldest(self, outbox: OutboxState) -> None:
        """See whether the oldest row is still the one it was."""
        now = self._owner.clock()
        oldest_at = now - outbox.oldest_age_seconds
        if not outbox.pending or oldest_at > self._oldest_row_at + _SAME_ROW_SECONDS:
            self._oldest_row_at = oldest_at
            self._progress_at = now

    def publish_own(self, store: SweepStore) -> None:
        """Go on with this node's rows, where there is a suspicion."""
        if self._suspected_at is None:
            return
        now = self._owner.clock()
        if self._own is None:
            if not self._producer_caught_up():
                return
            self._own = _Round(now)
        # Later rows are the fast path's, or another round's.
        began = self._own.began
        age = now - began + SETTLE_SECONDS
        ended, count = self._publish(
            self._own, lambda cursor: store.own_outbox(cursor, age, PAGE)
        )
        if count:
            self._owner.log.info("sweeper.published", count=count)
        if ended:
            self._own = None
            # It is settled if every row it was about was old enough to be seen.
            if began > self._suspected_at + SETTLE_SECONDS:
                self._suspected_at = None

    def publish_abandoned(self, store: SweepStore) -> None:
        """Publish for nodes that are gone, and for all where nothing moves."""
        now = self._owner.clock()
        if self._others is None:
            if now < self._others_at or not self._producer_caught_up():
                return
            self._others = _Round(now)
        others = self._others
        after = self._rules.abandoned_after_seconds
        stands_still = self._takes_over or now - self._progress_at >= after
        age = after if stands_still else _NEVER_SECONDS
        # Once begun it goes on: the oldest row moves now, but not by its node's doing.
        self._takes_over = stands_still
        ended, count = self._publish(
            others, lambda cursor: store.abandoned_outbox(cursor, age, PAGE)
        )
        if count:
            self._owner.log.info("sweeper.published_for_others", count=count)
        others.found += count
        if ended:
            self._others = None
            self._others_at = now + _REST_SECONDS if others.found else now
            self._takes_over = stands_still and others.found > 0

    def _publish(self, under_way: _Round, read: ReadPage) -> tuple[bool, int]:
        """Page on while the producer has room; tell whether all was seen, and how
        many events were handed on.
        """
        count = 0
        for _ in range(_PAGES_A_TICK):
            if not self._producer.lane.has_room(PAGE):
                break
            events = read(under_way.cursor)
            self._show_life()
            if events and not self._producer.offer(PublishEvents(tuple(events))):
                break
            count += len(events)
            if len(events) < PAGE:
                return True, count
            under_way.cursor = EventRef(events[-1].order_id, events[-1].version)
        return False, count

    def _producer_caught_up(self) -> bool:
        lane = self._producer.lane
        return lane.depth <= _CAUGHT_UP * lane.capacity and lane.has_room(PAGE)
