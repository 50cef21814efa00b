"""F14: events come again: the whole topic, in other orders, or from the start."""

import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.database import effects_until
from orders.chaos.recovery import await_condition, await_recovery
from orders.chaos.topic import (
    Written,
    all_records,
    ends,
    has_read,
    partition_count,
    rewind,
    write,
)
from orders.chaos.trial import Hit, Trial, as_epoch
from orders.messaging.codec import RawRecord

_SURELY_COMMITTED_SECONDS = 3.0
"""No transaction of these nodes takes longer from its time stamp to its COMMIT."""


def strike_replay(arena: Arena, trial: Trial) -> Hit:
    """Have every event read again, and see that what was settled stays as it is."""
    time.sleep(trial.delay_seconds)
    at = time.monotonic()
    moment = as_epoch(at) - _SURELY_COMMITTED_SECONDS
    before = effects_until(arena.database_url, moment)
    places = _WAYS[trial.kind](arena, trial)
    over = time.monotonic()
    arena.await_flow()
    read = await_condition(
        lambda: has_read(arena, places), over, "the group has not read all again"
    )
    recovery = await_recovery(arena, over)
    problems = [*read.problems, *recovery.problems]
    after = effects_until(arena.database_url, moment)
    if after != before:
        problems.append(f"settled orders were {before} and are {after}")
    return Hit(
        fired=before.orders > 0 and not read.problems,
        at=at,
        over=over,
        problems=tuple(problems),
        measured={
            "settled_before": before.orders,
            "read_seconds": read.seconds,
            "recovered_seconds": recovery.seconds,
        },
    )


def once_each(records: Iterable[RawRecord]) -> list[RawRecord]:
    """Return the first record of each event: a replay is not replayed again."""
    first: dict[tuple[object, ...], RawRecord] = {}
    for record in records:
        first.setdefault((record.key, record.value, tuple(record.headers)), record)
    return list(first.values())


def elsewhere(records: Iterable[RawRecord], partitions: int) -> list[Written]:
    """Return copies for the next partition, the last event first."""
    return [
        _copy(record, (record.partition + 1) % partitions)
        for record in reversed(list(records))
    ]


def _copy(record: RawRecord, partition: int) -> Written:
    headers = [(name, value or b"") for name, value in record.headers]
    return Written(partition, record.key, record.value, headers)


def _write_again(arena: Arena, _trial: Trial) -> Mapping[int, int]:
    events = once_each(all_records(arena))
    return write(arena, [_copy(event, event.partition) for event in events])


def _write_elsewhere(arena: Arena, _trial: Trial) -> Mapping[int, int]:
    events = once_each(all_records(arena))
    return write(arena, elsewhere(events, partition_count(arena)))


def _rewind_group(arena: Arena, _trial: Trial) -> Mapping[int, int]:
    """Stop the nodes, which Kafka asks for, and set the group's offsets to 0."""
    problems = list(arena.stop_nodes())
    if problems:
        raise RuntimeError("; ".join(problems))
    places = ends(arena)
    rewind(arena)
    arena.start_nodes()
    return places


_WAYS: Final[Mapping[str, Callable[[Arena, Trial], Mapping[int, int]]]] = (
    MappingProxyType(
        {
            "topic replayed": _write_again,
            "replayed backwards": _write_elsewhere,
            "group rewound": _rewind_group,
        }
    )
)
"""Each returns the offsets by partition that the group must come to."""
