import random
import uuid

import pytest

from orders.domain.records import EventRef
from orders.verification.event_table import (
    PUBLISHED,
    WAITING,
    EventTable,
    event_digest,
)

FIRST = EventRef("018f0000-0000-7000-8000-000000000001", 1)
SECOND = EventRef("018f0000-0000-7000-8000-000000000001", 2)
NEIGHBOUR = EventRef("018f0000-0000-7000-8000-000000000002", 1)


def table_of(*events: EventRef, state: int = PUBLISHED) -> EventTable:
    table = EventTable()
    for event in events:
        table.add(event, 7, state)
    return table


def test_an_event_is_known_by_id_and_version() -> None:
    table = table_of(FIRST, SECOND, NEIGHBOUR)

    assert [table.see(event, 7) for event in (NEIGHBOUR, SECOND, FIRST)] == [True] * 3
    assert table.seen == 3


@pytest.mark.parametrize(
    "unknown",
    [
        SECOND,
        NEIGHBOUR,
        EventRef(FIRST.order_id, 0),
        EventRef(FIRST.order_id, 2**40),
        EventRef("ffffffff-ffff-ffff-ffff-ffffffffffff", 1),
    ],
)
def test_other_events_are_unknown(unknown: EventRef) -> None:
    assert table_of(FIRST).see(unknown, 7) is None


def test_other_bytes_are_told_apart() -> None:
    assert table_of(FIRST).see(FIRST, 8) is False


def test_events_that_were_not_seen_are_named() -> None:
    table = table_of(FIRST, SECOND, NEIGHBOUR)
    table.see(SECOND, 7)

    assert list(table.unseen()) == [FIRST, NEIGHBOUR]


def test_events_that_wait_need_not_be_seen() -> None:
    assert list(table_of(FIRST, state=WAITING).unseen()) == []


@pytest.mark.parametrize("event", [FIRST, SECOND])
def test_events_come_in_order(event: EventRef) -> None:
    table = table_of(SECOND)

    with pytest.raises(ValueError, match="order"):
        table.add(event, 7, PUBLISHED)


def test_a_crowd_of_random_ids_is_found_again() -> None:
    source = random.Random(5)  # noqa: S311 - no secret
    # Few high halves, many low ones: what orders of one millisecond look like.
    ids = {
        str(uuid.UUID(int=source.randrange(8) << 64 | source.getrandbits(64)))
        for _ in range(300)
    }
    events = [EventRef(order_id, 1) for order_id in sorted(ids)]
    table = table_of(*events)

    assert all(table.see(event, 7) for event in events)
    assert list(table.unseen()) == []


def test_a_digest_is_of_type_and_text() -> None:
    digests = {
        event_digest("a", b"bc"),
        event_digest("ab", b"c"),
        event_digest("a", b"b"),
    }

    assert len(digests) == 3
    assert max(digests) < 2**64
