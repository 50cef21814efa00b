"""F13: partitions move all the time: members come and go, and partitions are added."""

import random
import time
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.guest import Guest
from orders.chaos.recovery import await_condition, await_recovery
from orders.chaos.topic import add_partition, committed
from orders.chaos.trial import Hit, Trial

_GUESTS = 4
_IDLES_SECONDS = 5.0
_STAY_SECONDS = (0.1, 1.0)


def strike_rebalances(arena: Arena, trial: Trial) -> Hit:
    """Have the group share its partitions anew, again and again, under load."""
    time.sleep(trial.delay_seconds)
    at = time.monotonic()
    rebalances, problems = _WAYS[trial.kind](arena, trial)
    over = time.monotonic()
    arena.await_flow()
    recovery = await_recovery(arena, over)
    return Hit(
        fired=rebalances > 0,
        at=at,
        over=over,
        problems=(*problems, *recovery.problems),
        measured={"rebalances": rebalances, "recovered_seconds": recovery.seconds},
    )


def _let_guests_in(
    arena: Arena, trial: Trial, *, leaves: bool
) -> tuple[int, tuple[str, ...]]:
    """Let guests in and out, one after the other; count what the group says."""
    rng = random.Random(f"{trial.fault}/{trial.seed}/{trial.number}/guests")
    generations: list[int] = []
    for _ in range(_GUESTS):
        guest = Guest(arena, leaves=leaves)
        try:
            guest.join()
            generations.append(guest.generation)
            time.sleep(rng.uniform(*_STAY_SECONDS))
        finally:
            guest.go()
        generations.append(guest.generation)
    return generations[-1] - generations[0] + 1, ()


def _add_partition(arena: Arena, trial: Trial) -> tuple[int, tuple[str, ...]]:
    """Add a partition, and start one node anew, which then writes to it."""
    number = add_partition(arena)
    node = arena.nodes[trial.node]
    problems = list(arena.put_down(node))
    arena.bring_back(node)
    arena.await_flow()
    read = await_condition(
        lambda: committed(arena).get(number, 0) > 0,
        time.monotonic(),
        f"nothing of the new partition {number} is read",
    )
    return 1, (*problems, *read.problems)


def _let_one_idle(arena: Arena, trial: Trial) -> tuple[int, tuple[str, ...]]:
    """Keep a member that takes partitions and does nothing until all that came
    meanwhile is settled all the same.
    """
    del trial
    guest = Guest(arena, leaves=True)
    try:
        guest.join()
        holds = await_condition(
            lambda: guest.partitions > 0, time.monotonic(), "the guest got no partition"
        )
        time.sleep(_IDLES_SECONDS)
        settled = await_recovery(arena, time.monotonic())
    finally:
        guest.go()
    return guest.partitions, (*holds.problems, *settled.problems)


_WAYS: Final[
    MappingProxyType[str, Callable[[Arena, Trial], tuple[int, tuple[str, ...]]]]
] = MappingProxyType(
    {
        "members leave": lambda arena, trial: _let_guests_in(arena, trial, leaves=True),
        "members die": lambda arena, trial: _let_guests_in(arena, trial, leaves=False),
        "partition added": _add_partition,
        "member idles": _let_one_idle,
    }
)
"""Each returns how many rebalances there were at least, and what was wrong."""
