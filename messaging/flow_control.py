"""Which partitions to pause, so that records outstanding stay bounded."""

from collections.abc import Callable, Collection
from typing import NamedTuple


class FlowChange(NamedTuple):
    """Partitions to pause and to resume, by number."""

    pause: frozenset[int]
    resume: frozenset[int]


def flow_change(
    assigned: Collection[int],
    paused: Collection[int],
    outstanding_records: Callable[[int], int],
    most_records: int,
    *,
    hold: bool,
    waiting: Collection[int] = (),
) -> FlowChange:
    """Decide for one poll.

    The partitions share ``most_records`` evenly, so that one that is stuck does not
    stop the others. One that reached its share is paused and resumed at half of it:
    the other half keeps the lanes busy until the resumed fetch arrives. With
    ``hold`` everything is paused, and so are those ``waiting``.
    """
    share = max(1, most_records // max(1, len(assigned)))
    wanted = {
        partition
        for partition in assigned
        if hold
        or partition in waiting
        or outstanding_records(partition)
        >= (share // 2 + 1 if partition in paused else share)
    }
    return FlowChange(
        pause=frozenset(wanted.difference(paused)),
        resume=frozenset(p for p in paused if p in assigned and p not in wanted),
    )
