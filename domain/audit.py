"""What a check reads of PostgreSQL and Kafka, row by row and record by record."""

from collections.abc import Sequence
from typing import NamedTuple

from orders.domain.notices import Notice


class StoredOrder(NamedTuple):
    """An order as its row says."""

    order_id: str
    tenant_id: str
    user_id: int
    currency: str
    total: int
    items: str
    """JSON text: product_id, quantity and line_total of each line."""
    reference: str | None
    status: str
    payment_status: str
    version: int
    age_seconds: float
    """Since it was accepted, by the database's clock."""
    idle_seconds: float
    """Since its last change."""


class StoredEvent(NamedTuple):
    """One row of an order's history."""

    order_id: str
    version: int
    type: str
    data: str
    reason: str | None


class WaitingEvent(NamedTuple):
    """One row of the outbox: an event that Kafka has not confirmed."""

    order_id: str
    version: int
    age_seconds: float


class StoredKey(NamedTuple):
    """A client's key and the order it stands for."""

    order_id: str
    route: str
    key: str


class StoredRefund(NamedTuple):
    """A refund as its row says."""

    order_id: str
    version: int
    """That of the order by it."""
    tenant_id: str
    currency: str
    amount: int
    """Minor units."""
    state: str


class AuditedOrder(NamedTuple):
    """All that is stored under one order id; ``order`` is None without its row."""

    order_id: str
    order: StoredOrder | None
    history: Sequence[StoredEvent]
    """By version."""
    notices: Sequence[Notice]
    waiting: Sequence[WaitingEvent]
    keys: Sequence[StoredKey]
    refunds: Sequence[StoredRefund] = ()
    """By version."""


class AuditedRecord(NamedTuple):
    """One record of the topic, as far as it says what it is."""

    partition: int
    offset: int
    order_id: str | None
    """None where it names no order: a dead letter is to be kept of it."""
    version: int | None
    """None where it does not name an event."""
    type: str
    value: bytes


class RecordPlace(NamedTuple):
    """Where a record is."""

    partition: int
    offset: int
