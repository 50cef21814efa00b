"""F3: a node stands still until others have taken its work, and then goes on."""

import time
from types import MappingProxyType
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.recovery import await_recovery
from orders.chaos.trial import Hit, Trial

FROZEN_SECONDS: Final = MappingProxyType({"8 s": 8.0, "17 s": 17.0})
"""Beyond the session timeout (6 s) and the lease (5 s) of these nodes; the longer one
also beyond what the supervisor takes for a hang (15 s)."""

_LOST_RACES = "orders_cas_lost_total"


def strike_zombie(arena: Arena, trial: Trial) -> Hit:
    """Freeze one node under load, and let it go on with what others did meanwhile."""
    node = arena.nodes[trial.node]
    time.sleep(trial.delay_seconds)
    lost = sum(each.metric(_LOST_RACES) for each in arena.nodes)
    at = time.monotonic()
    with node.frozen():
        time.sleep(FROZEN_SECONDS[trial.kind])
    woke = time.monotonic()
    node.wait_ready()
    ready = time.monotonic() - woke
    arena.await_flow()
    recovery = await_recovery(arena, woke)
    races = sum(each.metric(_LOST_RACES) for each in arena.nodes) - lost
    return Hit(
        fired=True,
        at=at,
        over=woke,
        node=trial.node,
        problems=recovery.problems,
        measured={
            "ready_seconds": ready,
            "recovered_seconds": recovery.seconds,
            "lost_races": races,
        },
    )
