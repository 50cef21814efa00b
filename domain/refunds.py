"""Refunds: money of a paid order that goes back, in whole or in parts."""

from datetime import datetime
from typing import Final, NamedTuple

from orders.domain.order import Name, Order

MAX_REFUNDS: Final = 100
"""Refunds of one order; the last of them takes all that is left."""


class RefundState(Name):
    """Where a refund stands."""

    SUCCEEDED = "SUCCEEDED"
    """The money went back. The local rule approves at once: it has no other state."""


class RefundWish(NamedTuple):
    """What a client asks for besides the order and the reason."""

    refund_id: str
    """The id that the refund gets, a UUIDv7."""
    amount: str | None = None
    """A decimal string, not yet held against the order; None: all that is left."""


class Refund(NamedTuple):
    """One refund as PostgreSQL has it; it never changes."""

    refund_id: str
    order_id: str
    tenant_id: str
    version: int
    """That of the order by this refund."""
    currency: str
    amount: int
    """Minor units."""
    state: RefundState
    actor: str
    reason: str | None
    created_at: datetime


class OrderRefunds(NamedTuple):
    """An order and its refunds, oldest first."""

    order: Order
    refunds: tuple[Refund, ...]

    @property
    def refunded(self) -> int:
        """Minor units that went back so far."""
        return sum(refund.amount for refund in self.refunds)


class Refunded(NamedTuple):
    """How much of an order went back already."""

    amount: int
    """Minor units."""
    times: int
