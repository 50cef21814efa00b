"""What is told to the world: one event for each row of an order's history."""

from datetime import datetime
from typing import NamedTuple

from orders.domain.money import format_amount
from orders.domain.order import SETTLED
from orders.domain.transitions import TRANSITIONS, Change, State


class OrderEvent(NamedTuple):
    """One history row, and the record that is published for it."""

    order_id: str
    version: int
    type: str
    data: str
    """JSON text, published byte for byte; holds no items and no metadata."""
    occurred_at: datetime
    traceparent: str | None = None


def event_type(change: Change) -> str:
    """Return the CloudEvents type of ``change``."""
    return _TYPES[change]


_TYPES = {change: f"orders.order.{change}.v1" for change in Change}

EVENT_TYPES = frozenset(_TYPES.values())

FINAL_EVENT_TYPES = frozenset(
    event_type(change)
    for change in Change
    if all(t.target.status in SETTLED for t in TRANSITIONS if t.change is change)
)
"""Types after which an order asks for no work."""


def event_data(
    order_id: str,
    tenant_id: str,
    user_id: int,
    total: int,
    currency: str,
    state: State,
    version: int,
    reason: str | None = None,
) -> str:
    """Return the JSON text of an event.

    Every value is a number or comes from a closed alphabet, so that nothing needs
    escaping; a test holds this text against ``json.loads``.
    """
    why = "" if reason is None else f',"reason":"{reason}"'
    return (
        f'{{"order_id":"{order_id}","tenant_id":"{tenant_id}","version":{version},'
        f'"status":"{state.status}","payment_status":"{state.payment_status}",'
        f'"user_id":{user_id},"currency":"{currency}",'
        f'"total":"{format_amount(total, currency)}"{why}}}'
    )


def with_refund(data: str, refund_id: str, amount: int, currency: str) -> str:
    """Return the JSON text of an event's ``data`` with the refund it is about."""
    told = f'{{"refund_id":"{refund_id}","amount":"{format_amount(amount, currency)}"}}'
    return f'{data[:-1]},"refund":{told}}}'
