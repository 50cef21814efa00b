"""Notifier: tells those who wait for an outcome once it is committed."""

from orders.actors.messages import NotifyCustomers, OrdersSettled, ReadOrder
from orders.actors.node_status import NodeStatus
from orders.actors.ports import Telemetry
from orders.actors.role import Role
from orders.actors.supervised import SupervisedActor
from orders.domain.order import OrderStatus
from orders.domain.settlement import Settlement
from orders.failpoints.registry import failpoint

_BATCH = 1000


class Notifier(SupervisedActor[NotifyCustomers]):
    """Wakes waiting clients and leaves one log line for each settled order.

    The customer's notification itself is a row of the settling transaction; nothing
    that must not be lost passes through here.
    """

    def __init__(
        self,
        role: Role[NotifyCustomers],
        *,
        order_reader: Role[ReadOrder],
        status: NodeStatus,
        telemetry: Telemetry,
    ) -> None:
        super().__init__(role)
        self._order_reader = order_reader
        self._status = status
        self._telemetry = telemetry
        self._before = failpoint("notify.before")
        self._after = failpoint("notify.after")

    def handle(self, message: object) -> None:
        """Tell of one batch."""
        del message
        hand = self.take(_BATCH)
        if hand is None:
            return
        if self._before is not None:
            self._before()
        if self._status.waiters:
            ids = [s.order.order_id for m in hand.messages for s in m.settlements]
            self._order_reader.tell(OrdersSettled(tuple(ids)))
        for notify in hand.messages:
            self._record(notify)
        if self._after is not None:
            self._after()
        hand.done()
        if self.role.lane.waiting:
            self.role.wake()

    def _record(self, notify: NotifyCustomers) -> None:
        ages: dict[OrderStatus, list[float]] = {}
        for settlement in notify.settlements:
            age = (notify.occurred_at - settlement.order.created_at).total_seconds()
            ages.setdefault(settlement.target.status, []).append(age)
            self._log(settlement, age)
        for status, seconds in ages.items():
            self._telemetry.settled(status, seconds)

    def _log(self, settlement: Settlement, age: float) -> None:
        self.role.log.info(
            "order.settled",
            order_id=settlement.order.order_id,
            status=settlement.target.status,
            reason=settlement.reason,
            version=settlement.version,
            duration_ms=round(age * 1000, 1),
        )
