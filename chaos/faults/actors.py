"""F4: an actor raises, hangs, or raises what no ``except Exception`` stops."""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from orders.chaos.arena import Arena
from orders.chaos.node import ChaosNode
from orders.chaos.trial import Hit, Trial, as_monotonic
from orders.devstack.deadline import wait_until
from orders.failpoints.catalogue import ACTOR_PREFIX
from orders.failpoints.registry import FailpointError, FatalFailpointError

ESCALATED = 70
"""The code of a node that gave itself up, EX_SOFTWARE; see docs/operations.md."""

_HEAL_SECONDS = 40.0
_LOG_SECONDS = 2.0
_RESTARTS = "orders_actor_restarts_total"
_HANG = "sleep"


def strike_actor(arena: Arena, trial: Trial) -> Hit:
    """Let one actor of one node fail once; its supervisor must replace it.

    A node that gives itself up instead must say so by its exit code.
    """
    node = arena.nodes[trial.node]
    actor, _, kind = trial.kind.partition(" ")
    time.sleep(trial.delay_seconds)
    problems = list(arena.put_down(node))
    node.start(ORDERS_FAILPOINTS=f"{ACTOR_PREFIX}{actor}:{trial.nth}:{kind}")
    armed = time.monotonic()
    replaced = wait_until(
        lambda: not node.is_running or has_restarted(node, actor), _HEAL_SECONDS
    )
    healed = time.monotonic()
    wait_until(lambda: failed_at(node.events(), actor, kind) is not None, _LOG_SECONDS)
    failed = failed_at(node.events(), actor, kind)
    code = None if node.is_running else node.wait_exit(_HEAL_SECONDS)
    replaced = replaced and code is None
    problems += ending_problems(
        trial.kind, has_failed=failed is not None, replaced=replaced, code=code
    )
    problems += _make_sound(arena, node, has_failed=failed is not None)
    arena.await_flow()
    at = healed if failed is None else as_monotonic(failed)
    return Hit(
        fired=failed is not None,
        at=at,
        over=time.monotonic(),
        problems=tuple(problems),
        measured={"reached_seconds": at - armed, "healed_seconds": healed - at},
        node=trial.node,
    )


def ending_problems(
    kind: str, *, has_failed: bool, replaced: bool, code: int | None
) -> Iterator[str]:
    """Yield what was wrong with how a node dealt with the failure of an actor.

    Args:
        kind: which failure was asked for.
        has_failed: whether the node's log tells of it.
        replaced: whether an actor of that kind was replaced, and the node runs.
        code: the node's exit code, None while it runs.

    """
    if code is not None and code != ESCALATED:
        yield f"the node ended with {code} after {kind}, not with {ESCALATED}"
    elif has_failed and not replaced and code is None:
        yield f"{kind}: nobody replaced the actor in {_HEAL_SECONDS} s"
    elif not has_failed and (replaced or code is not None):
        yield f"{kind}: replaced or given up, but the log lacks the failure"


def failed_at(
    events: Iterable[Mapping[str, object]], actor: str, kind: str
) -> float | None:
    """Return when an actor failed as it was told to, epoch seconds; None if not.

    A hang is noticed after some silence; it began with the silence.
    """
    name = f"{ACTOR_PREFIX}{actor}"
    errors = {repr(FailpointError(name)), repr(FatalFailpointError(name))}
    for event in events:
        moment = datetime.fromisoformat(str(event["timestamp"])).timestamp()
        if kind == _HANG:
            hung = event.get("event") == "actor.hung"
            if hung and str(event.get("actor")).startswith(role_of(actor)):
                return moment - float(str(event.get("silent_seconds", 0)))
        elif event.get("event") == "actor.failed" and event.get("error") in errors:
            return moment
    return None


def has_restarted(node: ChaosNode, actor: str) -> bool:
    """Tell whether the node's supervisor has replaced an actor of this kind."""
    return node.metric(_RESTARTS, f'actor="{role_of(actor)}') > 0


def role_of(actor: str) -> str:
    """Return the role that an actor's class holds, without a number."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", actor).lower()


def _make_sound(arena: Arena, node: ChaosNode, *, has_failed: bool) -> list[str]:
    """Have the node run, and without a failpoint that is still to come."""
    problems: list[str] = []
    if node.is_running and not has_failed:
        problems = list(arena.put_down(node))
    if not node.is_running:
        arena.bring_back(node)
    return problems
