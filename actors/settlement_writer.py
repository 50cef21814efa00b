"""The settlement's DatabaseWriter: outcomes, dead letters and outbox clean-up."""

from collections.abc import Callable, Mapping, Sequence
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
from orders.actors.ports import SettlementStore, Telemetry
from orders.actors.role import Role
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.records import DeadLetter, EventRef
from orders.domain.settlement import Settlement

SettlementWork = SettleOrders | ForgetPublished | BuryRecords


def weigh_settlement_work(work: SettlementWork) -> int:
    """Return how many rows a message is about."""
    if isinstance(work, SettleOrders):
        return len(work.settlements)
    if isinstance(work, ForgetPublished):
        return len(work.events)
    return len(work.letters)


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
    ) -> None:
        super().__init__(
            role, status=status, upstream=upstream, max_batch=max_batch_orders
        )
        self._make_store = make_store
        self._producer = producer
        self._notifier = notifier
        self._sweeper = sweeper
        self._consumers = consumers
        self._telemetry = telemetry
        self._store: SettlementStore | None = None

    def started(self) -> None:
        """Make the store; it connects when it is first used."""
        self._store = self._make_store()

    def released(self) -> None:
        """Close the connection."""
        if self._store is not None:
            self._store.close()

    def write(self, hand: Hand[SettlementWork]) -> bool:
        """Write everything in hand; acknowledge what is written."""
        letters: list[DeadLetter] = []
        settlements: dict[str, Settlement] = {}
        published: list[EventRef] = []
        receipts: list[Receipt] = []
        for work in hand.messages:
            if isinstance(work, SettleOrders):
                # One outcome an order and batch: a repeated record is no second try.
                for settlement in work.settlements:
                    settlements.setdefault(settlement.order.order_id, settlement)
                receipts.extend(work.receipts)
            elif isinstance(work, BuryRecords):
                letters.extend(work.letters)
                if work.receipt is not None:
                    receipts.append(work.receipt)
            else:
                published.extend(work.events)
        try:
            self._write(letters, list(settlements.values()), published)
        except DatabaseUnavailableError as error:
            self.role.log.warning("settlement.delayed", error=str(error))
            if error.outcome_unknown:
                # If it was committed after all, nobody passed its events on.
                self._sweeper.tell(OutboxSuspect())
            return False
        for receipt in receipts:
            self._consumers[receipt.role].tell(BatchDone(receipt))
        return True

    def _write(
        self,
        letters: list[DeadLetter],
        settlements: list[Settlement],
        published: list[EventRef],
    ) -> None:
        assert self._store is not None  # noqa: S101 - made in started()
        if letters:
            self._store.bury(letters)
            self.role.log.warning(
                "consumer.dead_letters",
                count=len(letters),
                reason=letters[0].reason,
                partition=letters[0].partition,
                offset=letters[0].offset,
            )
        if settlements:
            self._settle(self._store, settlements)
        if published:
            self._store.forget_published(published)

    def _settle(self, store: SettlementStore, settlements: list[Settlement]) -> None:
        settled = store.settle(settlements)
        lost = len(settlements) - len(settled.won)
        if lost:
            self._telemetry.compare_and_set_lost(lost)
        if not settled.won:
            return
        events = tuple(s.event(settled.occurred_at) for s in settled.won)
        if not self._producer.offer(PublishEvents(events)):
            self._sweeper.tell(OutboxSuspect())
        if not self._notifier.offer(NotifyCustomers(settled.won, settled.occurred_at)):
            self.role.log.warning("notifier.overloaded", count=len(settled.won))
