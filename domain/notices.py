"""What a customer is told once something about an order is decided."""

from datetime import datetime
from typing import NamedTuple

from orders.domain.transitions import Change

INBOX = "inbox"
"""The channel that is read over ``GET /v1/notifications``."""

_TEXTS = {
    Change.APPROVED: "Your payment was successful for order {order_id}",
    Change.DECLINED: "Your payment failed for order {order_id}",
    Change.CANCELLED: "Your order {order_id} was cancelled",
    Change.EXPIRED: "Your order {order_id} expired before it was paid",
    Change.PARTIALLY_REFUNDED: "Your order {order_id} was refunded in part",
    Change.REFUNDED: "Your order {order_id} was refunded",
}


class Notice(NamedTuple):
    """One message to one customer on one channel, as it is written."""

    order_id: str
    version: int
    user_id: int
    channel: str
    message: str


class Notification(NamedTuple):
    """A notice as PostgreSQL has it."""

    notice: Notice
    created_at: datetime


def notice_of(
    change: Change, order_id: str, version: int, user_id: int
) -> Notice | None:
    """Return the notice that ``change`` is worth, or None for one that is not told."""
    text = _TEXTS.get(change)
    if text is None:
        return None
    return Notice(order_id, version, user_id, INBOX, text.format(order_id=order_id))
