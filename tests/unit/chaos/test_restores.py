"""Which records a restored database cannot know."""

from collections.abc import Sequence

from orders.chaos.faults.restores import strangers
from orders.domain.audit import AuditedRecord, StoredEvent
from orders.domain.records import EventRef

STORED = {
    EventRef("a", 1): StoredEvent("a", 1, "accepted", "a1", None),
    EventRef("a", 2): StoredEvent("a", 2, "paid", "a2 anew", None),
}


def find(events: Sequence[EventRef]) -> dict[EventRef, StoredEvent]:
    return {event: STORED[event] for event in events if event in STORED}


def record(
    offset: int, order_id: str | None, version: int, value: str
) -> AuditedRecord:
    return AuditedRecord(0, offset, order_id, version, "", value.encode())


def test_events_that_are_not_stored_so_are_strangers() -> None:
    records = [
        record(0, "a", 1, "a1"),
        record(1, "a", 2, "a2"),
        record(2, "b", 1, "b1"),
        record(3, None, 1, "noise"),
    ]

    assert [it.offset for it in strangers(records, find)] == [1, 2, 3]


def test_every_record_is_looked_at() -> None:
    records = [record(number, "b", 1, "b1") for number in range(2_500)]

    assert len(list(strangers(records, find))) == 2_500
