"""F4: an actor raises, hangs, or raises what no ``except Exception`` stops."""

import re
import time

from orders.chaos.arena import Arena, stop_problem
from orders.chaos.node import ChaosNode
from orders.chaos.trial import Hit, Trial
from orders.devstack.deadline import wait_until
from orders.failpoints.catalogue import ACTOR_PREFIX

_HEAL_SECONDS = 40.0
_RESTARTS = "orders_actor_restarts_total"


def strike_actor(arena: Arena, trial: Trial) -> Hit:
    """Let one actor of one node fail once; its supervisor must replace it.

    A node that gives itself up instead must say so by its exit code.
    """
    node = arena.nodes[trial.node]
    actor, _, kind = trial.kind.partition(" ")
    time.sleep(trial.delay_seconds)
    node.terminate()
    problem = stop_problem(node)
    problems = [problem] if problem else []
    node.start(ORDERS_FAILPOINTS=f"{ACTOR_PREFIX}{actor}:{trial.nth}:{kind}")
    at = time.monotonic()
    fired = wait_until(
        lambda: not node.is_running or has_restarted(node, actor), _HEAL_SECONDS
    )
    healed = time.monotonic()
    if not node.is_running:
        code = node.wait_exit(_HEAL_SECONDS)
        if code == 0:
            problems.append(f"{node.name} gave itself up with 0 after {trial.kind}")
        arena.bring_back(node)
    arena.await_flow()
    return Hit(
        fired=fired,
        at=healed,
        over=time.monotonic(),
        problems=tuple(problems),
        measured={"healed_seconds": healed - at},
    )


def has_restarted(node: ChaosNode, actor: str) -> bool:
    """Tell whether the node's supervisor has replaced an actor of this kind."""
    return node.metric(_RESTARTS, f'actor="{role_of(actor)}') > 0


def role_of(actor: str) -> str:
    """Return the role that an actor's class holds, without a number."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", actor).lower()
