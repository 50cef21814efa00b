"""What a check asks of the two systems; adapters for both are made elsewhere."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from orders.domain.audit import (
    AuditedOrder,
    AuditedRecord,
    RecordPlace,
    StoredEvent,
)
from orders.domain.records import EventRef

MAX_ASKED = 1_000
"""The most events or places that are asked for at once."""

Progress = Callable[[str, int], None]
"""Told what is being looked at and how many were, now and then."""


class OrderAudit(Protocol):
    """The database. Errors are the adapter's and end the check."""

    def snapshot(self) -> AbstractContextManager[Iterator[AuditedOrder]]:
        """Fix one view of all that is committed; give it by order id, ascending."""

    def find_events(self, events: Sequence[EventRef]) -> Mapping[EventRef, StoredEvent]:
        """Return those that are in the history now, outside of the view."""

    def find_buried(self, places: Sequence[RecordPlace]) -> set[RecordPlace]:
        """Return those that have dead letters now."""

    def count_dead_letters(self) -> int:
        """Return how many dead letters the topic has."""


class TopicAudit(Protocol):
    """The topic. Errors are the adapter's and end the check."""

    def committed(self) -> Mapping[int, int]:
        """Return the group's committed offsets by partition, where it has any."""

    def beginnings(self) -> Mapping[int, int]:
        """Return the offsets of the first records still there, by partition."""

    def ends(self) -> Mapping[int, int]:
        """Return the offsets behind the last records now, by partition."""

    def records(self) -> Iterator[AuditedRecord]:
        """Yield all records below what ``ends`` gave last, each once."""
