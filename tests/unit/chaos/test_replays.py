"""What a replay writes."""

from typing import NamedTuple

from orders.chaos.faults.replays import elsewhere, once_each


class Record(NamedTuple):
    partition: int
    offset: int
    key: bytes | None = b"k"
    value: bytes | None = b"v"
    headers: tuple[tuple[str, bytes | None], ...] = ()
    topic: str = "t"


def test_an_event_that_is_there_twice_is_replayed_once() -> None:
    first, again = Record(0, 1), Record(3, 9)
    other = Record(0, 2, headers=(("ce_id", b"k.2"),))

    assert once_each([first, again, other]) == [first, other]


def test_events_come_backwards_and_in_the_next_partition() -> None:
    copies = elsewhere([Record(0, 1, b"a"), Record(2, 1, b"b")], partitions=3)

    assert [(copy.partition, copy.key) for copy in copies] == [(0, b"b"), (1, b"a")]
