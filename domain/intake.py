"""What is written when an order is accepted, and what can come of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from orders.domain.order import Order, OrderRequest


class IdempotencyKey(NamedTuple):
    """A client's key, unique within its tenant and route.

    ``fingerprint`` is a digest of the request's meaning: the same key with
    another fingerprint is refused.
    """

    route: str
    key: str
    fingerprint: bytes


class NewOrder(NamedTuple):
    """One accepted request on its way into PostgreSQL, as version 1."""

    order_id: str
    tenant_id: str
    request: OrderRequest
    event_data: str
    key: IdempotencyKey | None = None
    traceparent: str | None = None


class Stored(NamedTuple):
    """Committed now, by this call."""

    created_at: datetime


class Replayed(NamedTuple):
    """The key was used before with the same body; ``order`` is as it now is."""

    order: Order


# Without a field, a NamedTuple would be false and equal to any other empty one.
@dataclass(frozen=True, slots=True)
class KeyReused:
    """The key was used before with another body; nothing was stored."""


@dataclass(frozen=True, slots=True)
class KeyBusy:
    """The key's first request is still under way; nothing was stored."""


class RowRefused(NamedTuple):
    """PostgreSQL refused this row alone; nothing was stored of it."""

    detail: str


StoreOutcome = Stored | Replayed | KeyReused | KeyBusy | RowRefused

Outcomes = dict[str, StoreOutcome]
"""By order id."""
