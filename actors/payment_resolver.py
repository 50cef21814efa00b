"""PaymentResolver: reads what is open, decides, hands the outcomes to the writer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from orders.actors.lane import Hand
from orders.actors.messages import BatchDone, Receipt, ResolvePayments, SettleOrders
from orders.actors.node_status import NodeStatus
from orders.actors.ports import SettlementStore, Telemetry
from orders.actors.role import Role
from orders.actors.settlement_writer import SettlementWork
from orders.actors.supervised import SupervisedActor
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.order import OrderStatus
from orders.domain.payment import PaymentRule
from orders.domain.settlement import OpenOrder, Settlement, resolve

_RETRY_SECONDS = 0.25


class PaymentResolver(SupervisedActor[ResolvePayments]):
    """Acts on the state it finds in PostgreSQL, never on what a record says.

    Takes a batch only when the writer has room for its outcomes: that is how a slow
    database holds the consumers back.
    """

    def __init__(
        self,
        role: Role[ResolvePayments],
        *,
        make_store: Callable[[], SettlementStore],
        rule: PaymentRule,
        writer: Role[SettlementWork],
        consumers: Mapping[str, Role[Any]],
        status: NodeStatus,
        telemetry: Telemetry,
        max_batch_orders: int,
    ) -> None:
        super().__init__(role)
        self._make_store = make_store
        self._rule = rule
        self._writer = writer
        self._consumers = consumers
        self._status = status
        self._telemetry = telemetry
        self._max_batch_orders = max_batch_orders
        self._store: SettlementStore | None = None

    def started(self) -> None:
        """Make the store; it connects when it is first used."""
        self._store = self._make_store()

    def released(self) -> None:
        """Close the connection."""
        if self._store is not None:
            self._store.close()

    def handle(self, message: object) -> None:
        """Resolve one batch, if there is one and the writer has room."""
        del message
        if not self._status.database_available:
            self.tick_after(_RETRY_SECONDS)
            return
        hand = self.take(self._max_batch_orders)
        if hand is None:
            return
        ids = _ids_in(hand)
        if not self._writer.lane.has_room(len(ids)):
            hand.give_back()
            return  # the writer wakes this actor after each batch
        try:
            settled = self._resolve(hand, ids)
        except DatabaseUnavailableError as error:
            self.role.log.warning("settlement.delayed", error=str(error))
            settled = False
            self.tick_after(_RETRY_SECONDS)
        if not settled:
            hand.give_back()
            return
        hand.done()
        for consumer in self._consumers.values():
            consumer.wake()
        if self.role.lane.waiting:
            self.role.wake()

    def _resolve(self, hand: Hand[ResolvePayments], ids: list[str]) -> bool:
        """Tell whether the batch's outcomes were handed on."""
        assert self._store is not None  # noqa: S101 - made in started()
        receipts = tuple(w.receipt for w in hand.messages if w.receipt is not None)
        found, unknown = self._store.read_open(ids) if ids else ([], 0)
        settlements = tuple(self._decided(found))
        if not settlements:
            self._acknowledge(receipts)
        elif not self._writer.offer(SettleOrders(settlements, receipts)):
            return False
        if unknown:
            self._telemetry.unknown_orders(unknown)
            self.role.log.warning("settlement.unknown_orders", count=unknown)
        return True

    def _decided(self, found: Sequence[OpenOrder]) -> Iterator[Settlement]:
        """Decide on what can be decided; the sweeper brings the rest again."""
        for order in found:
            # Others belong to a gateway that must be asked, not judged.
            if order.state.status is not OrderStatus.PENDING:
                continue
            try:
                yield resolve(order, self._rule)
            except Exception:
                self.role.log.exception(
                    "settlement.undecidable", order_id=order.order_id
                )

    def _acknowledge(self, receipts: tuple[Receipt, ...]) -> None:
        for receipt in receipts:
            self._consumers[receipt.role].tell(BatchDone(receipt))


def _ids_in(hand: Hand[ResolvePayments]) -> list[str]:
    return list(dict.fromkeys(i for work in hand.messages for i in work.order_ids))
