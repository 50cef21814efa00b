"""Lists of orders: what may be asked for, and what comes back."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from orders.domain.identifiers import first_id_of
from orders.domain.order import Order, OrderStatus, PaymentStatus

CLOCK_SLACK: Final = timedelta(seconds=60)
"""How far an id's time may be from ``created_at``.

The node's clock mints the id; the database's clock gives the time of the
transaction, which begins at most a client's patience later.
"""

FIRST_ID: Final = "00000000-0000-0000-0000-000000000000"
LAST_ID: Final = "ffffffff-ffff-ffff-ffff-ffffffffffff"


class OrderFilters(NamedTuple):
    """Which orders are listed; None does not filter.

    ``user_id`` and ``reference`` are looked up in an index, one of them at a time.
    The states change, and no index has them: orders are examined for them, newest
    first. The times become a range of ids that is a little too wide, and are then
    compared exactly.
    """

    status: OrderStatus | None = None
    payment_status: PaymentStatus | None = None
    user_id: int | None = None
    reference: str | None = None
    created_gte: datetime | None = None
    """UTC, included."""
    created_lt: datetime | None = None
    """UTC, not included."""

    def id_range(self) -> tuple[str, str]:
        """Return the first id and the one behind the last that may be listed."""
        first, behind = FIRST_ID, LAST_ID
        if self.created_gte is not None:
            first = first_id_of(self.created_gte, -CLOCK_SLACK)
        if self.created_lt is not None:
            behind = first_id_of(self.created_lt, CLOCK_SLACK)
        return first, behind


class OrderPage(NamedTuple):
    """Orders, newest first.

    ``next_before`` is the id below which the next page begins, None at the end. A
    page may be short, or empty, and still have a next one: what is examined for one
    page is bounded.
    """

    orders: tuple[Order, ...]
    next_before: str | None
