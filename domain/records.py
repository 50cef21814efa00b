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


class PartitionLag(NamedTuple):
    """How far the consumer group is with one partition."""

    committed: int
    """The group's offset; the first record's where none was committed yet."""
    behind: int
    """Records from there to the end."""


class ScanResult(NamedTuple):
    """One step of the search for stuck orders."""

    scanned: int
    """Orders left behind by this step; 0 once the search caught up or must wait."""
    behind_seconds: float
    """How far the search keeps behind the present: younger orders may still appear."""


class StuckOrder(NamedTuple):
    """An order without progress whose time has come."""

    order_id: str
    age_seconds: float
