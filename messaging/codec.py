"""Bytes of the topic: CloudEvents 1.0 in binary mode, both ways.

Header names follow the CloudEvents Kafka protocol binding, version 1.0.2, section
3.2 (https://github.com/cloudevents/spec). ``traceparent`` travels under its W3C
name, as tracing tools look for it. No Kafka client is imported here.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from orders.domain.events import OrderEvent
from orders.domain.identifiers import is_order_id
from orders.domain.records import DeadLetter

KEY_MISSING = "key_missing"
"""A record without a key names no order."""
ORDER_ID_MALFORMED = "order_id_malformed"
"""The key is not an order id in canonical form."""
VALUE_MISSING = "value_missing"
"""A tombstone: this topic is never compacted, so nobody of ours wrote it."""
RECORD_UNREADABLE = "record_unreadable"
"""The client could not take the record apart; its bytes are only in the topic."""

TYPE_HEADER = "ce_type"
DEFAULT_SOURCE = "/orders"

Header = tuple[str, bytes]
Headers = list[Header]

_CONTENT_TYPE = ("content-type", b"application/json")
_SPEC_VERSION = ("ce_specversion", b"1.0")
_Shared = tuple[datetime, tuple[Header, ...], int]


class EncodedEvent(NamedTuple):
    """One event as it is handed to a Kafka client."""

    key: bytes
    value: bytes
    shared_headers: tuple[Header, ...]
    """The first headers: the same for all events of a type and a transaction."""
    own_headers: Headers
    time_ms: int
    """The record's: when it happened, by the database's clock, since 1970."""

    @property
    def headers(self) -> Headers:
        """Every header, in the order they are written."""
        return [*self.shared_headers, *self.own_headers]


class RawRecord(Protocol):
    """The part of a Kafka client's record that is read here."""

    @property
    def topic(self) -> str:
        """Name of the topic."""

    @property
    def partition(self) -> int:
        """Number of the partition."""

    @property
    def offset(self) -> int:
        """Place in the partition."""

    @property
    def key(self) -> bytes | None:
        """The order id, if it is a record of ours."""

    @property
    def value(self) -> bytes | None:
        """JSON text, never looked into."""

    @property
    def headers(self) -> Iterable[tuple[str, bytes | None]]:
        """CloudEvents attributes."""


class OrderRecord(NamedTuple):
    """A record that names an order; ``type`` is "" where it does not say."""

    order_id: str
    type: str


class EventEncoder:
    """Encodes events; ``source`` becomes ``ce_source``, a URI reference.

    Owned by one thread.
    """

    def __init__(self, source: str = DEFAULT_SOURCE) -> None:
        self._source = ("ce_source", source.encode())
        self._shared: dict[str, _Shared] = {}

    def __call__(self, event: OrderEvent) -> EncodedEvent:
        """Return the record of ``event``; its time must be aware.

        ``ce_id`` is the order id and the version, so that source and id name the
        event uniquely and a repeated one can be told.
        """
        order_id, version, kind, data, occurred_at, traceparent = event
        key = order_id.encode()
        own = [("ce_id", f"{order_id}.{version}".encode()), ("ce_subject", key)]
        if traceparent is not None:
            own.append(("traceparent", traceparent.encode()))
        shared = self._shared.get(kind)
        # The events of one transaction have one time.
        if shared is None or shared[0] is not occurred_at:
            shared = self._share(kind, occurred_at)
        _, headers, time_ms = shared
        return EncodedEvent(key, data.encode(), headers, own, time_ms)

    def _share(self, kind: str, occurred_at: datetime) -> _Shared:
        # isoformat ends in "+00:00"; RFC 3339 allows it, "Z" is what most parse.
        time = occurred_at.astimezone(UTC).isoformat()[:-6] + "Z"
        headers = (
            (TYPE_HEADER, kind.encode()),
            self._source,
            _SPEC_VERSION,
            _CONTENT_TYPE,
            ("ce_time", time.encode()),
        )
        shared = (occurred_at, headers, int(occurred_at.timestamp() * 1000))
        self._shared[kind] = shared
        return shared


def decode(record: RawRecord) -> OrderRecord | DeadLetter:
    """Return the order that ``record`` is about, or why there is none.

    Only the key is needed and nothing is trusted: the order is read again from the
    database. So an unknown type, a value that is not JSON or missing attributes do
    not make a record a dead letter; a key that names no order does, and so does a
    tombstone.
    """
    key = record.key
    if key is None:
        return dead_letter(record, KEY_MISSING)
    order_id = key.decode("ascii", "replace")
    if not is_order_id(order_id):
        return dead_letter(record, ORDER_ID_MALFORMED)
    if record.value is None:
        return dead_letter(record, VALUE_MISSING)
    for name, value in record.headers:
        if name == TYPE_HEADER:
            kind = b"" if value is None else value
            return OrderRecord(order_id, kind.decode("utf-8", "replace"))
    return OrderRecord(order_id, "")


def dead_letter(record: RawRecord, reason: str) -> DeadLetter:
    """Keep ``record`` whole, with a constant ``reason``."""
    return DeadLetter(
        record.topic,
        record.partition,
        record.offset,
        record.key,
        tuple(record.headers),
        record.value,
        reason,
    )
