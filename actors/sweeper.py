"""Sweeper: closes the holes that a crash or a lost topic leaves."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from orders.actors.messages import (
    ActorRestarted,
    GroupLag,
    OutboxSuspect,
    PublishEvents,
    ResolvePayments,
)
from orders.actors.node_status import NodeStatus
from orders.actors.ports import SweepStore
from orders.actors.role import Role
from orders.actors.supervised import SupervisedActor
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.records import EventRef
from orders.failpoints.registry import failpoint

LEASE_NAME = "sweeper"
_PAGE = 500
_PAGES_A_TICK = 20
_SETTLE_SECONDS = 1.0
_LAG_VALID_SECONDS = 15.0
_GAUGE_SECONDS = 5.0
_KEYS_SECONDS = 60.0
_KEYS_STEP = 1000
_DEAD_LETTERS_COUNTED = 10_000
_NEVER_SECONDS = 1e9
_SAME_ROW_SECONDS = 1.0
"""Two looks at the oldest row's age differ by less from the time between them."""
_CAUGHT_UP = 1 / 20
"""Of the producer's lane: so little waits there that hardly a row is in it twice."""


@dataclass(frozen=True, slots=True)
class SweepRules:
    """When something counts as left behind; ages in seconds of database time.

    Attributes:
        interval_seconds: time between sweeps.
        lease_seconds: how long a node counts as alive after its last sign.
        abandoned_after_seconds: age at which any node's outbox rows are published, if
            the oldest has stayed the same for as long with Kafka there; must exceed
            the time after which a producer gives up by itself.
        stuck_after_seconds: age at which an unsettled order is looked at.
        stuck_backoff_seconds: first pause before it is looked at again.
        max_stuck: stuck orders looked at in one sweep.
        tolerated_lag: records; with a larger lag the group explains itself why
            orders are old, and a backlog must not be copied into a bigger one.
        max_unpublished: how far outbox rows are counted.
        key_retention_seconds: age at which idempotency keys are deleted.
    """

    interval_seconds: float = 1.0
    lease_seconds: float = 15.0
    abandoned_after_seconds: float = 120.0
    stuck_after_seconds: float = 30.0
    stuck_backoff_seconds: float = 5.0
    max_stuck: int = 500
    tolerated_lag: int = 5000
    max_unpublished: int = 1_000_000
    key_retention_seconds: float = 86_400.0


class Sweeper(SupervisedActor[None]):
    """Publishes what the fast path missed and hands stuck orders to the resolver.

    Every node sweeps its own outbox rows; the holder of the lease sweeps for all.
    """

    def __init__(
        self,
        role: Role[None],
        *,
        make_store: Callable[[], SweepStore],
        producer: Role[PublishEvents],
        resolver: Role[ResolvePayments],
        status: NodeStatus,
        rules: SweepRules,
    ) -> None:
        super().__init__(role)
        self._make_store = make_store
        self._producer = producer
        self._resolver = resolver
        self._status = status
        self._rules = rules
        self._store: SweepStore | None = None
        self._suspected_at: float | None = role.clock()
        self._round_began = 0.0
        self._cursor: EventRef | None = None
        self._lag: int | None = None
        self._lag_seen = 0.0
        self._gauges_at = 0.0
        self._oldest_row_at = -math.inf
        self._progress_at = role.clock()
        self._takes_over = False
        self._keys_at = 0.0
        self._sweep_at = 0.0
        self._before_tick = failpoint("sweep.before_tick")
        self._after_tick = failpoint("sweep.after_tick")

    def started(self) -> None:
        """Make the store; it connects when it is first used."""
        self._store = self._make_store()
        self.tick_after(self._rules.interval_seconds)

    def released(self) -> None:
        """Give up the leases, so that other nodes take over at once."""
        if self._store is None:
            return
        try:
            self._store.release()
        except DatabaseUnavailableError as error:
            self.role.log.debug("sweeper.leases_left", error=str(error))
        self._store.close()

    def handle(self, message: object) -> None:
        """Take note of a message, or sweep."""
        if isinstance(message, (OutboxSuspect, ActorRestarted)):
            self._suspected_at = self.role.clock()
        elif isinstance(message, GroupLag):
            self._lag = message.records
            self._lag_seen = self.role.clock()
        elif self.role.clock() >= self._sweep_at and not self.draining:
            self._sweep_at = self.role.clock() + self._rules.interval_seconds / 2
            self._sweep_safely()
        self.tick_after(self._rules.interval_seconds)

    def _sweep_safely(self) -> None:
        if not self._status.database_available:
            self._excuse_all()
            return
        assert self._store is not None  # noqa: S101 - made in started()
        if self._before_tick is not None:
            self._before_tick()
        try:
            self._sweep(self._store)
        except DatabaseUnavailableError as error:
            self.role.log.warning("sweeper.delayed", error=str(error))
            return
        if self._after_tick is not None:
            self._after_tick()

    def _sweep(self, store: SweepStore) -> None:
        rules = self._rules
        try:
            store.renew_node(rules.lease_seconds)
        except DatabaseUnavailableError:
            self._excuse_all()  # a later statement may just be slow
            raise
        self.show_life()
        if self._suspected_at is not None:
            self._publish_own(store)
        if not self._knows_lag():
            self._excuse_all()
            # Without Kafka it could sweep for nobody: the lease is for those who can.
            self._scan(store, _NEVER_SECONDS)
        elif store.hold_lease(LEASE_NAME, rules.lease_seconds):
            for step in (
                self._publish_abandoned,
                self._resolve_stuck,
                self._delete_keys,
            ):
                self.show_life()
                step(store)
        else:
            self._takes_over = False
            self._status.unsettled_oldest_age_seconds = 0.0
        self.show_life()
        self._refresh_gauges(store)

    def _publish_own(self, store: SweepStore) -> None:
        """Page through this node's rows until the producer is full or all were seen."""
        now = self.role.clock()
        if self._cursor is None:
            if not self._producer_caught_up():
                return  # it has some of the rows; they would be sent twice
            self._round_began = now
        # Later rows are the fast path's, or another round's.
        age = now - self._round_began + _SETTLE_SECONDS
        for _ in range(_PAGES_A_TICK):
            if not self._producer.lane.has_room(_PAGE):
                return
            events = store.own_outbox(self._cursor, age, _PAGE)
            self.show_life()
            if events and not self._producer.offer(PublishEvents(tuple(events))):
                return
            if events:
                self.role.log.info("sweeper.published", count=len(events))
            if len(events) < _PAGE:
                self._end_round()
                return
            self._cursor = EventRef(events[-1].order_id, events[-1].version)

    def _end_round(self) -> None:
        """Drop the suspicion if every row it was about was old enough to be seen."""
        self._cursor = None
        suspected_at = self._suspected_at
        if suspected_at is None or self._round_began > suspected_at + _SETTLE_SECONDS:
            self._suspected_at = None

    def _producer_caught_up(self) -> bool:
        lane = self._producer.lane
        return lane.depth <= _CAUGHT_UP * lane.capacity and lane.has_room(_PAGE)

    def _publish_abandoned(self, store: SweepStore) -> None:
        """Publish for nodes that are gone, and for all where nothing moves."""
        if not self._producer_caught_up():
            return
        after = self._rules.abandoned_after_seconds
        silent = self.role.clock() - self._progress_at
        stands_still = self._takes_over or silent >= after
        events = store.abandoned_outbox(
            after if stands_still else _NEVER_SECONDS, _PAGE
        )
        # Once begun it goes on: the oldest row moves now, but not by its node's doing.
        self._takes_over = stands_still and bool(events)
        if events and self._producer.offer(PublishEvents(tuple(events))):
            self.role.log.info("sweeper.published_for_others", count=len(events))

    def _excuse_all(self) -> None:
        """Hold it against no node that its rows stay: a server is away."""
        self._progress_at = self.role.clock()
        self._takes_over = False

    def _resolve_stuck(self, store: SweepStore) -> None:
        rules = self._rules
        explained = self._lag_explains_age()
        # The scan goes on either way: it also finds the oldest unsettled order.
        self._scan(store, _NEVER_SECONDS if explained else rules.stuck_after_seconds)
        if explained or not self._resolver.lane.has_room(rules.max_stuck):
            return
        due = store.due_stuck(rules.max_stuck, rules.stuck_backoff_seconds)
        if due and self._resolver.offer(ResolvePayments(tuple(due))):
            self.role.log.warning("sweeper.stuck_orders", count=len(due))

    def _scan(self, store: SweepStore, stuck_after_seconds: float) -> None:
        """Find the oldest unsettled order; nodes may scan beside each other."""
        for _ in range(_PAGES_A_TICK):
            scan = store.scan_unsettled(stuck_after_seconds, _PAGE * 10)
            self.show_life()
            self._status.unsettled_oldest_age_seconds = (
                scan.oldest_unsettled_age_seconds
            )
            if scan.scanned < _PAGE * 10:
                return

    def _knows_lag(self) -> bool:
        """Tell whether Kafka answered lately how far the group is behind."""
        fresh = self.role.clock() - self._lag_seen <= _LAG_VALID_SECONDS
        return fresh and self._lag is not None

    def _lag_explains_age(self) -> bool:
        """Tell whether orders are old because the group is behind."""
        return self._lag is None or self._lag > self._rules.tolerated_lag

    def _delete_keys(self, store: SweepStore) -> None:
        now = self.role.clock()
        if now < self._keys_at:
            return
        deleted = store.delete_expired_keys(
            self._rules.key_retention_seconds, _KEYS_STEP
        )
        # A full step means there is more: go on with the next sweep.
        self._keys_at = now if deleted == _KEYS_STEP else now + _KEYS_SECONDS

    def _refresh_gauges(self, store: SweepStore) -> None:
        now = self.role.clock()
        if now < self._gauges_at:
            return
        self._gauges_at = now + _GAUGE_SECONDS
        outbox = store.outbox_state(self._rules.max_unpublished)
        self.show_life()
        self._status.unpublished = outbox.pending
        self._status.outbox_oldest_age_seconds = outbox.oldest_age_seconds
        oldest_at = now - outbox.oldest_age_seconds
        if not outbox.pending or oldest_at > self._oldest_row_at + _SAME_ROW_SECONDS:
            self._oldest_row_at = oldest_at
            self._progress_at = now
        self._status.dead_letters = store.dead_letter_count(_DEAD_LETTERS_COUNTED)
