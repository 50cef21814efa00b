"""Sweeper: closes the holes that a crash or a lost topic leaves."""

from collections.abc import Callable, Iterator

from orders.actors.healing import Healing
from orders.actors.lag_watch import LagWatch, PartitionOf
from orders.actors.messages import (
    ActorRestarted,
    GroupLag,
    OutboxSuspect,
    PublishEvents,
    ResolvePayments,
)
from orders.actors.node_status import NodeStatus
from orders.actors.outbox_sweep import OutboxSweep
from orders.actors.ports import SweepStore
from orders.actors.role import Role
from orders.actors.supervised import SupervisedActor
from orders.actors.sweep_rules import SweepRules
from orders.domain.errors import DatabaseUnavailableError
from orders.failpoints.registry import failpoint

PUBLISHER_LEASE = "sweeper"
"""Who holds it publishes for others; a node without Kafka must not have it."""

_GAUGE_SECONDS = 5.0
_HURRY = 0.1
"""Of the time between two sweeps, while healing has more to do."""
_KEYS_SECONDS = 60.0
_KEYS_STEP = 1000
_MOST_KEY_STEPS = 50
_KEYS_SECONDS_A_TICK = 0.3
_DEAD_LETTERS_COUNTED = 10_000

Step = Callable[[SweepStore], None]


class Sweeper(SupervisedActor[None]):
    """Publishes what the fast path missed and hands stuck orders to the resolver.

    Every node heals stuck orders and deletes old keys, each skipping what another has
    locked; the holder of the lease publishes for nodes that are gone. No step waits
    for the one before it: what fails is left for the next sweep.
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
        partition_of: PartitionOf,
    ) -> None:
        super().__init__(role)
        self._make_store = make_store
        self._status = status
        self._rules = rules
        self._store: SweepStore | None = None
        self._lag = LagWatch(
            partition_of,
            tolerated=rules.tolerated_lag,
            advances_within=rules.advances_within_seconds,
        )
        self._outbox = OutboxSweep(
            producer=producer, owner=role, show_life=self.show_life, rules=rules
        )
        self._healing = Healing(
            lag=self._lag,
            resolver=resolver,
            owner=role,
            show_life=self.show_life,
            status=status,
            rules=rules,
        )
        self._more_to_heal = False
        self._more_to_forget = False
        self._gauges_at = 0.0
        self._keys_at = 0.0
        self._sweep_at = 0.0
        self._heal_at = 0.0
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
        now, interval = self.role.clock(), self._rules.interval_seconds
        if isinstance(message, (OutboxSuspect, ActorRestarted)):
            self._outbox.suspect()
        elif isinstance(message, GroupLag):
            self._lag.heard(message.partitions, now)
        elif now >= self._sweep_at and not self.draining:
            self._sweep_at = now + interval / 2
            self._sweep()
        elif self._in_hurry and now >= self._heal_at and not self.draining:
            for step in (self._forget_settled, self._heal_more):
                self._take(step)
        if self._in_hurry:
            self._heal_at = now + interval * _HURRY / 2
        self.tick_after(interval * _HURRY if self._in_hurry else interval)

    @property
    def _in_hurry(self) -> bool:
        return self._more_to_heal or self._more_to_forget

    def _sweep(self) -> None:
        if not self._status.database_available:
            self._outbox.excuse_all()
            return
        if self._before_tick is not None:
            self._before_tick()
        all_taken = [self._take(step) for step in self._steps()]
        if self._after_tick is not None and all(all_taken):
            self._after_tick()

    def _steps(self) -> Iterator[Step]:
        """Yield the steps of a sweep while PostgreSQL is there."""
        every: tuple[Step, ...] = (
            self._renew_node,
            self._outbox.publish_own,
            self._healing.search,
            self._forget_settled,
            self._heal,
            self._healing.look_at_oldest,
            self._publish_abandoned,
            self._refresh_gauges,
            self._delete_keys,
        )
        yield from (step for step in every if self._status.database_available)

    def _take(self, step: Step) -> bool:
        """Take one step; what fails must not keep the others from their turn."""
        assert self._store is not None  # noqa: S101 - made in started()
        self.show_life()
        try:
            step(self._store)
        except DatabaseUnavailableError as error:
            self.role.log.warning("sweeper.delayed", error=str(error))
            return False
        return True

    def _renew_node(self, store: SweepStore) -> None:
        try:
            store.renew_node(self._rules.lease_seconds)
        except DatabaseUnavailableError:
            self._outbox.excuse_all()  # a later statement may just be slow
            raise

    def _forget_settled(self, store: SweepStore) -> None:
        self._more_to_forget = False
        self._more_to_forget = self._healing.forget_settled(store)

    def _heal(self, store: SweepStore, owed_pages: int = 1) -> None:
        self._more_to_heal = False
        self._more_to_heal = self._healing.heal(store, owed_pages=owed_pages)

    def _heal_more(self, store: SweepStore) -> None:
        self._heal(store, owed_pages=0)

    def _publish_abandoned(self, store: SweepStore) -> None:
        if not self._lag.has_news(self.role.clock()):
            self._outbox.excuse_all()
        elif store.hold_lease(PUBLISHER_LEASE, self._rules.lease_seconds):
            self._outbox.publish_abandoned(store)
        else:
            self._outbox.leave_others()

    def _delete_keys(self, store: SweepStore) -> None:
        """Delete old keys for a while; what is left has its turn in the next sweep."""
        now = self.role.clock()
        if now < self._keys_at:
            return
        for _ in range(_MOST_KEY_STEPS):
            deleted = store.delete_expired_keys(
                self._rules.key_retention_seconds, _KEYS_STEP
            )
            self.show_life()
            if deleted < _KEYS_STEP:
                self._keys_at = now + _KEYS_SECONDS
                return
            if self.role.clock() >= now + _KEYS_SECONDS_A_TICK:
                return

    def _refresh_gauges(self, store: SweepStore) -> None:
        now = self.role.clock()
        if now < self._gauges_at:
            return
        self._gauges_at = now + _GAUGE_SECONDS
        outbox = store.outbox_state(self._rules.max_unpublished)
        self.show_life()
        self._status.unpublished = outbox.pending
        self._status.outbox_oldest_age_seconds = outbox.oldest_age_seconds
        self._outbox.note_oldest(outbox)
        self._status.dead_letters = store.dead_letter_count(_DEAD_LETTERS_COUNTED)
