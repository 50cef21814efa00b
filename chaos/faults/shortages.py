"""F23: a node has no file descriptors left."""

import resource
import time
from pathlib import Path

from orders.chaos.arena import Arena
from orders.chaos.faults.actors import ESCALATED
from orders.chaos.limits import limited
from orders.chaos.node import ChaosNode
from orders.chaos.recovery import await_recovery
from orders.chaos.trial import Hit, Trial

_SHORT_SECONDS = 4.0
_RECONNECT_SECONDS = 0.5


def strike_shortage(arena: Arena, trial: Trial) -> Hit:
    """Let a node open nothing for some seconds, while its clients come anew.

    It may refuse, or give itself up; it may not take what it then loses.
    """
    node = arena.nodes[trial.node]
    time.sleep(trial.delay_seconds)
    at = time.monotonic()
    with limited(node.pid, resource.RLIMIT_NOFILE, _half_of_descriptors(node)):
        until = time.monotonic() + _SHORT_SECONDS
        while node.is_running and time.monotonic() < until:
            arena.stack.gates[trial.node].http.reset()  # so that clients come anew
            time.sleep(_RECONNECT_SECONDS)
    problems: tuple[str, ...] = ()
    died = not node.is_running
    if died:
        code = node.wait_exit(_SHORT_SECONDS)
        if code != ESCALATED:
            problems = (f"{node.name} ended with {code}, not with {ESCALATED}",)
        arena.bring_back(node)
    over = time.monotonic()
    arena.await_flow()
    recovery = await_recovery(arena, over)
    return Hit(
        fired=True,
        at=at,
        over=over,
        node=trial.node,
        problems=(*problems, *recovery.problems),
        measured={"gave_itself_up": died, "recovered_seconds": recovery.seconds},
    )


def _half_of_descriptors(node: ChaosNode) -> int:
    """Return a limit under which what the node closes is not to be had again."""
    return len(list(Path(f"/proc/{node.pid}/fd").iterdir())) // 2
