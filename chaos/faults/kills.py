"""F1: a node dies by SIGKILL at a random time."""

import time

from orders.chaos.arena import Arena
from orders.chaos.trial import Hit, Trial


def strike_kill(arena: Arena, trial: Trial) -> Hit:
    """Kill one node under load, start it again, and wait until it takes orders."""
    node = arena.nodes[trial.node]
    time.sleep(trial.delay_seconds)
    at = time.monotonic()
    node.kill()
    ready = arena.bring_back(node)
    over = time.monotonic()
    arena.await_flow()
    return Hit(
        fired=True,
        at=at,
        over=over,
        measured={"ready_seconds": ready},
        node=trial.node,
    )
