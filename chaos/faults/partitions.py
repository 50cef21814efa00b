"""F12: one node alone is cut off from Kafka, from PostgreSQL, or from both."""

import time
from types import MappingProxyType
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.faults.links import GATES
from orders.chaos.node import ChaosNode
from orders.chaos.proxy import FaultProxy
from orders.chaos.proxy_rules import PASS, Direction, Rules
from orders.chaos.recovery import await_recovery
from orders.chaos.trial import Hit, Trial
from orders.devstack.deadline import wait_until

_CUT_SECONDS = 9.0
"""Beyond the session timeout (6 s) and the lease (5 s) of these nodes."""
_POSTGRES = "PostgreSQL"

_RULES: Final = MappingProxyType(
    {
        "refused": Rules(refuse=True),
        "silent": Rules(blackhole=True),
        "deaf": Rules(drop=Direction.TO_CLIENT),
        "mute": Rules(drop=Direction.TO_SERVER),
    }
)
"""How a node is cut off: at once, without a word, or one way alone."""


def strike_partition(arena: Arena, trial: Trial) -> Hit:
    """Cut one node off, and let it back in when others have taken its work."""
    node = arena.nodes[trial.node]
    way, _, ends = trial.kind.partition(" ")
    gates = arena.stack.gates[trial.node]
    proxies = [proxy for end in ends.split("+") for proxy in GATES[end](gates)]
    time.sleep(trial.delay_seconds)
    at = time.monotonic()
    for proxy in proxies:
        _cut(proxy, _RULES[way])
    try:
        problems = _watch(node, at, must_say_so=_POSTGRES in ends)
    finally:
        for proxy in proxies:
            _heal(proxy, _RULES[way])
    over = time.monotonic()
    ready = node.wait_ready()
    arena.await_flow()
    recovery = await_recovery(arena, over)
    return Hit(
        fired=True,
        at=at,
        over=over,
        node=trial.node,
        problems=(*problems, *recovery.problems),
        measured={"ready_seconds": ready, "recovered_seconds": recovery.seconds},
    )


def _watch(node: ChaosNode, at: float, *, must_say_so: bool) -> list[str]:
    """See whether readiness tells: it must without PostgreSQL, and not else."""
    was_unready = wait_until(
        lambda: not node.is_ready(), max(0.0, at + _CUT_SECONDS - time.monotonic())
    )
    left = at + _CUT_SECONDS - time.monotonic()
    time.sleep(max(0.0, left))
    if was_unready and not must_say_so:
        return [f"{node.name} was not ready, though it reached {_POSTGRES}"]
    if not was_unready and must_say_so:
        return [f"{node.name} said that it is ready, cut off from {_POSTGRES}"]
    return []


def _cut(proxy: FaultProxy, rules: Rules) -> None:
    proxy.set_rules(rules)
    if rules.refuse:
        proxy.reset()


def _heal(proxy: FaultProxy, rules: Rules) -> None:
    """Let everything through again.

    What one-way rules threw away TCP would have sent again, or given the connection
    up: so those connections end, instead of going on with bytes missing.
    """
    if rules.drop is not None:
        proxy.set_rules(Rules(refuse=True, drop=rules.drop))
        proxy.reset()
    proxy.set_rules(PASS)
