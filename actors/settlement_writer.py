"""The settlement's DatabaseWriter: outcomes, dead letters and outbox clean-up."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from orders.actors.database_writer import DatabaseWriter
from orders.actors.lane import Hand
from orders.actors.messages import (
    BatchDone,
    BuryRecords,
    ForgetPublished,
    NotifyCustomers,
    OutboxSuspect,
    PublishEvents,
    Receipt,
    SettleOrders,
)
from orders.actors.node_status import NodeStatus
from orders.actors.pace import Pace
from orders.actors.ports import SettlementStore, Telemetry
from orders.actors.role import Role
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.records import EventRef
from orders.domain.settlement import Settled, Settlement

_IDS_LOGGED = 20
_FEWEST_AT_ONCE, _MOST_AT_ONCE = 10, 5_000
"""Of one transaction: the fewest on a server that could not do more in its time."""

SettlementWork = SettleOrders | ForgetPublished | BuryRecords


def weigh_settlement_work(work: SettlementWork) -> int:
    """Return how many rows a message is about."""
    if isinstance(work, SettleOrders):
        return len(work.settlements)
    if isinstance(work, ForgetPublished):
        return len(work.events)
    return len(work.letters)


class _Batch:
    """A hand's work by its kind; each part is emptied once it is written."""

    def __init__(self, messages: Sequence[SettlementWork]) -> None:
        self.burials: list[BuryRecords] = []
        self.settlements: dict[str, Settlement] = {}
        self.settlement_receipts: list[Receipt] = []
        self.published: list[EventRef] = []
        for work in messages:
            self._add(work)

    def _add(self, work: SettlementWork) -> None:
        if isinstance(work, SettleOrders):
            # One outcome an order and batch: a repeated record is no second try.
            for settlement in work.settlements:
                self.settlements.setdefault(settlement.order.order_id, settlement)
            self.settlement_receipts.extend(work.receipts)
        elif isinstance(work, BuryRecords):
            self.burials.append(work)
        else:
            self.published.extend(work.events)


class SettlementWriter(DatabaseWriter[SettlementWork]):
    """Writes with a connection of its own, so that it cannot hold up the intake.

    Everything here may be repeated: settling is a compare-and-set, a dead letter is
    kept once, and deleting twice deletes once.
    """

    def __init__(
        self,
        role: Role[SettlementWork],
        *,
        make_store: Callable[[], SettlementStore],
        producer: Role[PublishEvents],
        notifier: Role[NotifyCustomers],
        sweeper: Role[None],
        consumers: Mapping[str, Role[Any]],
        upstream: Sequence[Role[Any]],
        status: NodeStatus,
        telemetry: Telemetry,
        max_batch_orders: int,
        pace: Pace,
    ) -> None:
        super().__init__(
            role,
            status=status,
            upstream=upstream,
            max_batch=max_batch_orders,
            pace=pace,
        )
        self._make_store = make_store
        self._producer = producer
        self._notifier = notifier
        self._sweeper = sweeper
        self._consumers = consumers
        self._telemetry = telemetry
        self._store: SettlementStore | None = None
        self._batch: _Batch | None = None
        self._most_at_once = _MOST_AT_ONCE

    def started(self) -> None:
        """Make the store; it connects when it is first used."""
        self._store = self._make_store()

    def released(self) -> None:
        """Close the connection."""
        if self._store is not None:
            self._store.close()

    def write(self, hand: Hand[SettlementWork]) -> bool:
        """Write what is in hand; a part that is written is not written again."""
        assert self._store is not None  # noqa: S101 - made in started()
        if self._batch is None:
            self._batch = _Batch(hand.messages)
        parts = (self._bury, self._settle, self._forget)
        written = [self._is_written(part, self._store, self._batch) for part in parts]
        if not all(written):
            return False
        self._batch = None
        return True

    def _is_written(
        self,
        part: Callable[[SettlementStore, _Batch], None],
        store: SettlementStore,
        batch: _Batch,
    ) -> bool:
        self.show_life()
        try:
            part(store, batch)
        except DatabaseUnavailableError as error:
            self.role.log.warning("settlement.delayed", error=str(error))
            if error.outcome_unknown:
                # If it was committed after all, nobody passed its events on.
                self._sweeper.tell(OutboxSuspect())
            return False
        return True

    def _bury(self, store: SettlementStore, batch: _Batch) -> None:
        letters = [letter for work in batch.burials for letter in work.letters]
        if letters:
            try:
                store.bury(letters)
            except DatabaseUnavailableError as error:
                # Others may hold their table alone: no order is to wait for that.
                if error.server_is_away or not self._is_put_off(batch.burials):
                    raise
                self.role.log.warning("settlement.delayed", error=str(error))
                return
            self.role.log.warning(
                "consumer.dead_letters",
                count=len(letters),
                reason=letters[0].reason,
                partition=letters[0].partition,
                offset=letters[0].offset,
            )
        self._acknowledge(w.receipt for w in batch.burials if w.receipt is not None)
        batch.burials = []

    def _is_put_off(self, burials: list[BuryRecords]) -> bool:
        """Put them behind all other work, in a full lane too: they are counted there
        already, by the hand that they came in.
        """
        while burials and self.role.lane.offer(
            burials[0], weigh_settlement_work(burials[0])
        ):
            del burials[0]
        return not burials

    def _settle(self, store: SettlementStore, batch: _Batch) -> None:
        """Settle the batch in as few transactions as PostgreSQL is quick enough for."""
        waiting = batch.settlements
        while waiting:  # each round settles some, or raises
            part = list(islice(waiting.values(), self._most_at_once))
            try:
                settled = store.settle(part)
            except DatabaseUnavailableError:
                self._most_at_once = max(_FEWEST_AT_ONCE, len(part) // 2)
                raise
            self._most_at_once = min(_MOST_AT_ONCE, 2 * self._most_at_once)
            for settlement in part:
                del waiting[settlement.order.order_id]
            self._count(len(part), settled)
            self._pass_on(settled)
            self.show_life()
        self._acknowledge(batch.settlement_receipts)
        batch.settlement_receipts = []

    def _forget(self, store: SettlementStore, batch: _Batch) -> None:
        if batch.published:
            store.forget_published(batch.published)
        batch.published = []

    def _count(self, tried: int, settled: Settled) -> None:
        lost = tried - sum(map(len, (settled.won, settled.refused, settled.held)))
        if lost:
            self._telemetry.compare_and_set_lost(lost)
        if settled.refused:
            # They count as seen to: the sweeper tries again, more and more rarely.
            ids = _ids_of(settled.refused)
            self.role.log.error(
                "settlement.refused", count=len(ids), order_ids=ids[:_IDS_LOGGED]
            )
        if settled.held:
            # So do these: they are noted for the sweeper.
            ids = _ids_of(settled.held)
            self._telemetry.settlements_held(len(ids))
            self.role.log.warning(
                "settlement.held", count=len(ids), order_ids=ids[:_IDS_LOGGED]
            )

    def _pass_on(self, settled: Settled) -> None:
        if not settled.won:
            return
        events = tuple(s.event(settled.occurred_at) for s in settled.won)
        if not self._producer.offer(PublishEvents(events)):
            self._sweeper.tell(OutboxSuspect())
        if not self._notifier.offer(NotifyCustomers(settled.won, settled.occurred_at)):
            self.role.log.warning("notifier.overloaded", count=len(settled.won))

    def _acknowledge(self, receipts: Iterable[Receipt]) -> None:
        for receipt in receipts:
            self._consumers[receipt.role].tell(BatchDone(receipt))


def _ids_of(settlements: Sequence[Settlement]) -> list[str]:
    return [settlement.order.order_id for settlement in settlements]
