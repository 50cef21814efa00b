"""What is read back: records of the topic, and pages of what is stored."""

from datetime import datetime
from typing import NamedTuple

from orders.domain.events import OrderEvent


class EventRef(NamedTuple):
    """Names one event: the key of the outbox."""

    order_id: str
    version: int


class PublishResults(NamedTuple):
    """What became of events handed to the publisher."""

    confirmed: list[EventRef]
    failed: list[OrderEvent]
    """Not confirmed and no longer in flight: to be published again."""
    turned_away: tuple[EventRef, ...] = ()
    """Their partition is not written to: their place is in the outbox for now."""
    reopened: bool = False
    """A partition that turned events away takes some again."""


class DeadLetter(NamedTuple):
    """A record that cannot be processed, kept whole for a person to look at."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes | None
    reason: str
    """A constant such as ``order_id_malformed``."""


class RecordBatch(NamedTuple):
    """Records of one poll, already decoded.

    ``token`` is given back once every one of them is settled in PostgreSQL; the
    offsets behind it are committed after that, never before.
    """

    token: int
    order_ids: tuple[str, ...]
    """Orders that may have work, without repeats; records of finished orders and
    dead letters are not among them."""
    dead_letters: tuple[DeadLetter, ...]


class HistoryEntry(NamedTuple):
    """One row of an order's append-only history."""

    version: int
    type: str
    data: str
    occurred_at: datetime
    actor: str
    reason: str | None


class OutboxState(NamedTuple):
    """How far publishing is behind."""

    pending: int
    """Rows, counted up to the limit asked for."""
    oldest_age_seconds: float


class ScanResult(NamedTuple):
    """One step of the scan for stuck orders."""

    scanned: int
    """Orders left behind by this step; 0 once the scan has caught up or must wait."""
    oldest_unsettled_age_seconds: float
    """Age of the oldest unsettled order known, 0.0 where there is none."""
