"""Partitions whose records were parked get their turn."""

from types import SimpleNamespace

import pytest

from orders.messaging.parked_records import take_turns


class Records:
    """Records of one partition, some or none left."""

    def __init__(self, partition: int, left: int) -> None:
        self.topic_partition = partition
        self.left = left

    def __bool__(self) -> bool:
        return self.left > 0


def client(in_line: Records | None, *parked: int, paused: tuple[int, ...] = ()):
    fetcher = SimpleNamespace(
        _next_partition_records=in_line,
        _paused_partition_records={number: Records(number, 5) for number in parked},
    )
    return SimpleNamespace(_fetcher=fetcher, paused=lambda: set(paused))


def in_line_of(consumer) -> int:
    return consumer._fetcher._next_partition_records.topic_partition


@pytest.mark.parametrize("in_line", [None, Records(1, 0)], ids=["nothing", "used up"])
def test_what_is_parked_comes_in_line_once_resumed(in_line: Records | None) -> None:
    consumer = client(in_line, 2)

    take_turns(consumer)

    assert in_line_of(consumer) == 2
    assert consumer._fetcher._paused_partition_records == {}


def test_what_is_paused_stays_parked() -> None:
    consumer = client(Records(1, 5), 2, paused=(2,))

    take_turns(consumer)

    assert in_line_of(consumer) == 1
    assert list(consumer._fetcher._paused_partition_records) == [2]


def test_each_gets_a_poll_and_nothing_is_dropped() -> None:
    consumer = client(Records(1, 5), 2, 3)

    turns = []
    for _ in range(6):
        take_turns(consumer)
        turns.append(in_line_of(consumer))

    assert turns == [2, 3, 1, 2, 3, 1]
