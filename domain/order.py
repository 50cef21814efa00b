"""Orders, their lines and the two axes of their state."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Self

MAX_LINES = 100
MAX_ID = 2**63 - 1
"""The largest ``user_id`` or ``product_id``: PostgreSQL's bigint."""
MAX_VERSION = 2**31 - 1
"""The largest version of an order: PostgreSQL's integer."""
MAX_QUANTITY = 1_000_000
MAX_REFERENCE_LENGTH = 200
MAX_METADATA_BYTES = 8192
DEFAULT_TENANT = "default"


class Name(StrEnum):
    """A member of a closed set of names; hashed as the text that it equals.

    ``Enum`` hashes a member by a call of Python, which a table that is asked for each
    order pays for each time.
    """

    __hash__ = str.__hash__

    @classmethod
    def told(cls, text: str) -> Self:
        """Return the member called ``text``, or a stand-in that no set contains.

        For what is stored: another release may have written names of its own.
        """
        try:
            return cls(text)
        except ValueError:
            stand_in = str.__new__(cls, text)
            stand_in._name_ = stand_in._value_ = text
            return stand_in


class OrderStatus(Name):
    """Where an order stands."""

    PENDING = "PENDING"
    """Stored, its payment not yet tried."""
    PROCESSING = "PROCESSING"
    """A payment attempt is under way at an external gateway."""
    UNRESOLVED = "UNRESOLVED"
    """The attempt's outcome is not known; it is being asked for."""
    PAID = "PAID"
    FAILED = "FAILED"
    """The payment was declined; the reason is in the history."""
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    REFUNDED = "REFUNDED"


class PaymentStatus(Name):
    """Where an order's money stands."""

    NONE = "NONE"
    PENDING = "PENDING"
    UNKNOWN = "UNKNOWN"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    REFUNDING = "REFUNDING"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"


SETTLED = frozenset(
    {
        OrderStatus.PAID,
        OrderStatus.FAILED,
        OrderStatus.CANCELLED,
        OrderStatus.EXPIRED,
        OrderStatus.REFUNDED,
    }
)
"""The states that end a wait."""

UNSETTLED = frozenset(OrderStatus) - SETTLED


class OrderLine(NamedTuple):
    """One line; ``line_total`` is the whole line's price in minor units."""

    product_id: int
    quantity: int
    line_total: int


class OrderRequest(NamedTuple):
    """What a client asks for, already checked; money in minor units."""

    user_id: int
    currency: str
    total: int
    lines: tuple[OrderLine, ...]
    reference: str | None = None
    metadata: str | None = None
    """JSON text, kept as it came."""


class Order(NamedTuple):
    """An order as PostgreSQL has it."""

    order_id: str
    tenant_id: str
    request: OrderRequest
    status: OrderStatus
    payment_status: PaymentStatus
    version: int
    created_at: datetime
    updated_at: datetime
    unreadable: str | None = None
    """Why its lines are missing here, None where its row is as it should be."""
