"""F24: nodes of the release before run beside nodes of this one, on one database."""

import time
from types import MappingProxyType
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.node import ChaosNode
from orders.chaos.recovery import await_recovery
from orders.chaos.releases import THIS, Release
from orders.chaos.trial import Hit, Trial
from orders.persistence.migrations import pending

_TOGETHER_SECONDS = 5.0

STEPS: Final = MappingProxyType({"upgrade": 0, "upgrade, back, upgrade": 1})
"""How often the first node goes back to the release before, by kind."""


def strike_upgrade(arena: Arena, trial: Trial) -> Hit:
    """Upgrade one node under load, which brings the schema up to date, then the other.

    Between two steps both releases take, settle and publish orders side by side.
    """
    first = arena.nodes[trial.node]
    before = first.release
    lacking = pending(arena.database_url)
    plan = [(first, THIS)]
    plan += [(first, before), (first, THIS)] * STEPS[trial.kind]
    plan += [(node, THIS) for node in arena.nodes if node is not first]
    time.sleep(trial.delay_seconds)
    at = time.monotonic()
    problems: list[str] = []
    for node, release in plan:
        problems += _change(arena, node, release)
    over = time.monotonic()
    recovery = await_recovery(arena, over)
    return Hit(
        # Only nodes of the release before leave a schema that lacks something.
        fired=bool(lacking) and not pending(arena.database_url),
        at=at,
        over=over,
        problems=(*problems, *recovery.problems),
        measured={"recovered_seconds": recovery.seconds},
    )


def _change(arena: Arena, node: ChaosNode, release: Release) -> list[str]:
    """Replace one node under load; say what was wrong with how the old one ended."""
    problems = list(arena.put_down(node))
    node.release = release
    arena.bring_back(node)
    arena.await_flow()
    time.sleep(_TOGETHER_SECONDS)
    return problems
