"""F2: a node dies at a failpoint, between two steps that belong together."""

import time

from orders.chaos.arena import Arena
from orders.chaos.node import NodeFailedError
from orders.chaos.trial import Hit, Trial
from orders.failpoints.registry import KILLED

_REACHED_SECONDS = 40.0
"""Dead members keep their partitions for six seconds; then others read them."""


def strike_failpoint(arena: Arena, trial: Trial) -> Hit:
    """Start one node so that it ends by itself, and leave it so.

    The next trial starts it for its own failpoint, and gets there only if the node
    recovers; the end of the batch starts it as it should be.
    """
    node = arena.nodes[trial.node]
    for other in arena.nodes:
        if other is not node and not other.is_running:
            arena.bring_back(other)
    time.sleep(trial.delay_seconds)
    problems = list(arena.put_down(node))
    node.start(ORDERS_FAILPOINTS=f"{trial.kind}:{trial.nth}:exit")
    armed = time.monotonic()
    try:
        code = node.wait_exit(_REACHED_SECONDS)
    except NodeFailedError:
        node.end()
        code = None
    at = time.monotonic()
    if code is not None and code != KILLED:
        problems.append(f"{node.name} ended with {code} at {trial.kind}, not {KILLED}")
    return Hit(
        fired=code == KILLED,
        at=at,
        over=at,
        node=trial.node,
        problems=tuple(problems),
        measured={"reached_seconds": at - armed},
    )
