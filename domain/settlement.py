"""A payment's outcome on its way into PostgreSQL."""

from datetime import datetime
from typing import NamedTuple

from orders.domain.events import OrderEvent, event_data, event_type
from orders.domain.notices import Notice, notice_of
from orders.domain.payment import Decision, PaymentRule
from orders.domain.transitions import Change, State, move

_EXPIRED = Decision(Change.EXPIRED, None)


class OpenOrder(NamedTuple):
    """The part of an unsettled order that a decision needs."""

    order_id: str
    tenant_id: str
    user_id: int
    currency: str
    total: int
    state: State
    version: int
    created_at: datetime
    expired: bool = False
    """It has waited for its payment for longer than it may."""


class Settlement(NamedTuple):
    """One compare-and-set: applies only while the order is as it was read."""

    order: OpenOrder
    change: Change
    target: State
    reason: str | None
    event_data: str
    notice: Notice | None

    @property
    def version(self) -> int:
        """The version the order has once this is applied."""
        return self.order.version + 1

    def event(self, occurred_at: datetime) -> OrderEvent:
        """Return the event of this change, given the time of its transaction."""
        return OrderEvent(
            self.order.order_id,
            self.version,
            event_type(self.change),
            self.event_data,
            occurred_at,
        )


class Settled(NamedTuple):
    """What a batch of settlements came to: those that won, and when."""

    won: tuple[Settlement, ...]
    occurred_at: datetime
    refused: tuple[Settlement, ...] = ()
    """Those that PostgreSQL refused to store, whatever their order's state."""
    held: tuple[Settlement, ...] = ()
    """Those whose order another transaction held: left to the sweeper."""


def settle(order: OpenOrder, decision: Decision) -> Settlement:
    """Return the settlement of ``order`` that ``decision`` asks for.

    Raises:
        IllegalMoveError: the order's state does not allow the change.

    """
    target = move(order.state, decision.change)
    version = order.version + 1
    return Settlement(
        order,
        decision.change,
        target,
        decision.reason,
        event_data(
            order.order_id,
            order.tenant_id,
            order.user_id,
            order.total,
            order.currency,
            target,
            version,
            decision.reason,
        ),
        notice_of(decision.change, order.order_id, version, order.user_id),
    )


def resolve(order: OpenOrder, rule: PaymentRule) -> Settlement:
    """Apply the payment rule to ``order``, unless it has expired."""
    if order.expired:
        return settle(order, _EXPIRED)
    return settle(order, rule.decide(order.total, order.currency))
