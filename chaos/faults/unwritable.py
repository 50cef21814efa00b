"""F6P: one partition of six has too few replicas in sync; the others are complete."""

import signal
import time
from functools import partial
from typing import Final

from orders.chaos import topic
from orders.chaos.arena import Arena
from orders.chaos.database import settled_between
from orders.chaos.faults.brokers import judge_intake
from orders.chaos.plan import BROKERS_OF_THREE
from orders.chaos.recovery import await_recovery
from orders.chaos.trial import Hit, Trial, as_epoch
from orders.messaging.partitioning import partition_of

_SICK: Final = 0
_AWAY_SECONDS = 20.0
_MOST_SECONDS = 2.0
"""Within which 99 of 100 orders of the other partitions must be settled."""


def strike_unwritable(arena: Arena, trial: Trial) -> Hit:
    """Put one partition on two brokers and take one of them away under load.

    The group has its coordinator on another one: to find a new coordinator takes its
    own time, and is no matter of partitions.
    """
    numbers = range(topic.PARTITIONS)
    topic.place(arena, {n: (2, 3) if n == _SICK else (1, 2) for n in numbers})
    time.sleep(trial.delay_seconds)
    third = arena.stack.brokers[BROKERS_OF_THREE - 1]
    frozen = trial.kind == "frozen"
    at = time.monotonic()
    try:
        third.kill(signal.SIGSTOP if frozen else signal.SIGKILL)
        time.sleep(_AWAY_SECONDS)
        in_sync = topic.in_sync(arena, _SICK)
    finally:
        arena.stack.bring_back()
    back = time.monotonic()
    arena.await_flow()
    recovery = await_recovery(arena, back)
    rows = settled_between(arena.database_url, as_epoch(at), as_epoch(back))
    others = sorted(seconds for order, seconds in rows if _place(order) != _SICK)
    p99 = _p99(others)
    late = f"99 of 100 orders of other partitions took up to {p99:.1f} s"
    topic.place(arena, dict.fromkeys(numbers, (1, 2, 3)))
    return Hit(
        fired=in_sync == 1,
        at=at,
        over=back,
        problems=(*recovery.problems, *((late,) if p99 > _MOST_SECONDS else ())),
        measured={
            "others": len(others),
            "others_p99_seconds": p99,
            "slowest_settled_seconds": max((s for _, s in rows), default=0.0),
            "recovered_seconds": recovery.seconds,
        },
        judge=partial(judge_intake, at, back),
    )


def _place(order_id: str) -> int:
    return partition_of(order_id.encode(), topic.PARTITIONS)


def _p99(sorted_seconds: list[float]) -> float:
    return sorted_seconds[len(sorted_seconds) * 99 // 100] if sorted_seconds else 0.0
