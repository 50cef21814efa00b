"""F26: somebody gives two nodes the same name."""

import time

from orders.chaos.arena import Arena
from orders.chaos.recovery import await_recovery
from orders.chaos.trial import Hit, Trial

_TOGETHER_SECONDS = 3.0


def strike_name(arena: Arena, trial: Trial) -> Hit:
    """Start one node anew under the other one's name, and let that one die."""
    node = arena.nodes[trial.node]
    [other] = [each for each in arena.nodes if each is not node]
    time.sleep(trial.delay_seconds)
    problems = list(arena.put_down(node))
    at = time.monotonic()
    node.start(ORDERS_NODE_NAME=other.name)
    node.wait_ready()
    arena.await_flow()
    time.sleep(_TOGETHER_SECONDS)
    other.kill()
    arena.bring_back(other)
    problems += arena.put_down(node)
    arena.bring_back(node)
    over = time.monotonic()
    arena.await_flow()
    recovery = await_recovery(arena, over)
    return Hit(
        fired=True,
        at=at,
        over=over,
        problems=(*problems, *recovery.problems),
        measured={"recovered_seconds": recovery.seconds},
    )
