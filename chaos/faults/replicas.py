"""F6 with three brokers: a leader moves, or too few replicas are in sync."""

import signal
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import Final

from orders.chaos import topic
from orders.chaos.arena import Arena
from orders.chaos.faults.brokers import judge_intake
from orders.chaos.node import NodeFailedError
from orders.chaos.plan import BROKERS_OF_THREE
from orders.chaos.recovery import await_condition, await_recovery
from orders.chaos.trial import Hit, Trial

_AWAY_SECONDS = 8.0
_FIRST = 1
_SECOND = 2


def strike_replicas(arena: Arena, trial: Trial) -> Hit:
    """Take brokers away under load; orders go on, and all is settled at the end."""
    time.sleep(trial.delay_seconds)
    before = topic.leaders(arena)
    if topic.fewest_replicas(arena) < BROKERS_OF_THREE:
        raise NodeFailedError("the topic is not on three brokers")
    struck = _STRUCK[trial.kind](before)
    signal_number = signal.SIGSTOP if "frozen" in trial.kind else signal.SIGKILL
    at = time.monotonic()
    try:
        for number in struck:
            arena.stack.brokers[number - _FIRST].kill(signal_number)
        time.sleep(_AWAY_SECONDS)
        meanwhile = topic.leaders(arena) if _FIRST not in struck else {}
    finally:
        arena.stack.bring_back()
    back = time.monotonic()
    arena.await_flow()
    recovery = await_recovery(arena, back)
    in_sync = await_condition(
        lambda: topic.is_in_sync(arena), back, "not every replica is in sync again"
    )
    moved = sum(before[number] != leader for number, leader in meanwhile.items())
    return Hit(
        fired=moved > 0 if meanwhile else _FIRST in before.values(),
        at=at,
        over=back,
        problems=(*recovery.problems, *in_sync.problems),
        measured={
            "leaders_moved": moved,
            "recovered_seconds": recovery.seconds,
            "in_sync_seconds": in_sync.seconds,
        },
        judge=partial(judge_intake, at, back),
    )


def _leader_that_may_go(leaders: dict[int, int]) -> tuple[int, ...]:
    """Return the broker that leads most, other than the controller."""
    counted = Counter(leader for leader in leaders.values() if leader != _FIRST)
    return (counted.most_common(1)[0][0] if counted else _SECOND,)


_STRUCK: Final = MappingProxyType[str, Callable[[dict[int, int]], tuple[int, ...]]](
    {
        "leader killed": _leader_that_may_go,
        "leader frozen": _leader_that_may_go,
        "replicas lost": lambda _: (_SECOND, BROKERS_OF_THREE),
        "controller killed": lambda _: (_FIRST,),
    }
)
"""By kind: which brokers, given who leads each partition."""
