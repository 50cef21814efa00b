"""F22: both nodes are told to stop, one after the other, and started again."""

import time

from orders.chaos.arena import Arena, stop_problem
from orders.chaos.trial import Hit, Trial


def strike_rolling_restart(arena: Arena, trial: Trial) -> Hit:
    """Restart one node by SIGTERM under load, then the other one."""
    time.sleep(trial.delay_seconds)
    at = time.monotonic()
    broken = arena.load.stats.broken
    slowest = 0.0
    problems = []
    for turn in range(len(arena.nodes)):
        node = arena.nodes[(trial.node + turn) % len(arena.nodes)]
        told = time.monotonic()
        node.terminate()
        problem = stop_problem(node)
        slowest = max(slowest, time.monotonic() - told)
        if problem is not None:
            problems.append(problem)
        arena.bring_back(node)
        arena.await_flow()
    return Hit(
        fired=True,
        at=at,
        over=time.monotonic(),
        problems=tuple(problems),
        measured={
            "slowest_stop_seconds": slowest,
            "broken": arena.load.stats.broken - broken,
        },
    )
