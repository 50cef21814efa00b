"""OrderConsumer: one member of the consumer group, one slot of the pool."""

from collections.abc import Callable
from dataclasses import dataclass

from orders.actors.messages import (
    BatchDone,
    BuryRecords,
    GroupLag,
    Poll,
    Receipt,
    ResolvePayments,
    Tick,
)
from orders.actors.node_status import NodeStatus
from orders.actors.ports import RecordSource
from orders.actors.role import Role
from orders.actors.settlement_writer import SettlementWork
from orders.actors.supervised import SupervisedActor
from orders.domain.errors import BrokerFault, BrokerUnavailableError
from orders.domain.records import RecordBatch

_AWAY_SECONDS = 0.5
_LAG_SECONDS = 5.0
_UNASSIGNED_SECONDS = 0.5
_SAY_AGAIN_SECONDS = 60.0
_GRANTED_SECONDS = 15.0
_REDO_SECONDS = 30.0
_REDO_ANYWAY_SECONDS = 120.0


@dataclass(slots=True)
class _Outstanding:
    """A batch on its way: its parts not yet acknowledged, and not yet handed on."""

    batch: RecordBatch
    parts: set[str]
    unsent: set[str]
    offered_at: float


class OrderConsumer(SupervisedActor[None]):
    """Polls, hands batches to the resolver, and acknowledges what comes back.

    A batch the resolver has no room for is held, and polling goes on with every
    partition paused, so that the membership is kept. A batch not acknowledged is
    offered again once nothing was for 30 s, or after 120 s in any case: everything
    downstream may be repeated, but a slow database is not given more to do.
    """

    def __init__(
        self,
        role: Role[None],
        *,
        make_source: Callable[[], RecordSource],
        resolver: Role[ResolvePayments],
        writer: Role[SettlementWork],
        sweeper: Role[None],
        status: NodeStatus,
        reports_lag: bool,
    ) -> None:
        super().__init__(role)
        self._make_source = make_source
        self._resolver = resolver
        self._writer = writer
        self._sweeper = sweeper
        self._status = status
        self._reports_lag = reports_lag
        self._source: RecordSource | None = None
        self._outstanding: dict[int, _Outstanding] = {}
        self._held: dict[int, RecordBatch] = {}
        self._lag_at = 0.0
        self._fault: BrokerFault | None = None
        self._say_at = 0.0
        self._away_at = 0.0
        self._acknowledged_at = 0.0

    def started(self) -> None:
        """Make the source; it joins the group when it is first polled."""
        self._source = self._make_source()
        self.actor_ref.tell(Poll())

    def released(self) -> None:
        """Commit what is done and leave the group."""
        if self._source is not None:
            self._source.close()

    def unfinished(self) -> int:
        """Count the batches that are not in PostgreSQL yet."""
        return len(self._outstanding)

    def handle(self, message: object) -> None:
        """Acknowledge, or poll once and queue the next poll behind what waits."""
        assert self._source is not None  # noqa: S101 - made in started()
        if isinstance(message, BatchDone):
            self._acknowledge(self._source, message.receipt)
        elif isinstance(message, (Poll, Tick)):
            self._redo()
            self._offer_held()
            self._poll(self._source)
        else:
            self._offer_held()

    def _poll(self, source: RecordSource) -> None:
        try:
            batch = source.poll(hold=bool(self._held) or self.draining)
        except BrokerUnavailableError as error:
            self._say_away(error)
            self.tick_after(_AWAY_SECONDS)
            return
        if batch is not None:
            self._take(source, batch)
        self._report_lag(source)
        self.actor_ref.tell(Poll())

    def _take(self, source: RecordSource, batch: RecordBatch) -> None:
        found = {"orders": batch.order_ids, "letters": batch.dead_letters}
        parts = {part for part, content in found.items() if content}
        if not parts:
            source.done(batch.token)  # finished orders only: nothing to wait for
            return
        self._outstanding[batch.token] = _Outstanding(
            batch, parts, set(parts), self.role.clock()
        )
        self._offer(batch)

    def _offer(self, batch: RecordBatch) -> None:
        entry = self._outstanding[batch.token]
        entry.offered_at = self.role.clock()
        for part in sorted(entry.unsent):
            receipt = Receipt(self.role.name, batch.token, part, self._generation)
            if part == "letters":
                taken = self._writer.offer(BuryRecords(batch.dead_letters, receipt))
            else:
                taken = self._resolver.offer(ResolvePayments(batch.order_ids, receipt))
            if taken:
                entry.unsent.discard(part)
        if entry.unsent:
            self._held[batch.token] = batch

    def _offer_held(self) -> None:
        held, self._held = self._held, {}
        for token, batch in held.items():
            if token in self._outstanding:
                self._offer(batch)

    def _redo(self) -> None:
        now = self.role.clock()
        idle = self._acknowledged_at <= now - _REDO_SECONDS
        late = now - (_REDO_SECONDS if idle else _REDO_ANYWAY_SECONDS)
        for entry in list(self._outstanding.values()):
            if entry.offered_at <= late and entry.batch.token not in self._held:
                self.role.log.warning("consumer.batch_offered_again")
                entry.unsent = set(entry.parts)
                self._offer(entry.batch)

    def _acknowledge(self, source: RecordSource, receipt: Receipt) -> None:
        entry = self._outstanding.get(receipt.token)
        if entry is None or receipt.generation != self._generation:
            return
        self._acknowledged_at = self.role.clock()
        entry.parts.discard(receipt.part)
        if not entry.parts:
            del self._outstanding[receipt.token]
            source.done(receipt.token)

    def _report_lag(self, source: RecordSource) -> None:
        now = self.role.clock()
        if now < self._lag_at:
            return
        behind = dict(source.lag())
        self._status.lag_by_consumer[self.role.name] = behind
        # Without partitions: not joined yet, or more members than partitions.
        self._lag_at = now + (_LAG_SECONDS if behind else _UNASSIGNED_SECONDS)
        if not self._reports_lag:
            return
        lag = source.group_lag()
        self._sweeper.tell(GroupLag(lag))
        if lag is None:
            self._say_away(source.why_away())
        else:
            self._say_back()

    def _say_away(self, error: BrokerUnavailableError) -> None:
        """Say it once, and again for another reason, no more than once a minute."""
        if not self._reports_lag:
            return
        self._status.broker_available = False
        self._status.broker_error = str(error)
        now = self._away_at = self.role.clock()
        if error.fault is BrokerFault.UNKNOWN:
            return
        if self._fault is None or (error.fault != self._fault and now >= self._say_at):
            self.role.log.warning(
                "kafka.unavailable", fault=error.fault.value, error=str(error)
            )
            self._fault = error.fault
            self._say_at = now + _SAY_AGAIN_SECONDS

    def _say_back(self) -> None:
        """Say it once; where rights were missing only when they were not for a while,
        since much succeeds in between.
        """
        if self._fault is BrokerFault.AUTHORIZATION and (
            self.role.clock() < self._away_at + _GRANTED_SECONDS
        ):
            return
        if not self._status.broker_available:
            self.role.log.info("kafka.available")
        self._status.broker_available = True
        self._status.broker_error = ""
        self._fault = None
