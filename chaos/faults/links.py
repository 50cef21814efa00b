"""F11: a node's connections are slow, narrow, reset or stand still."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.proxy import FaultProxy
from orders.chaos.proxy_rules import PASS, Rules
from orders.chaos.recovery import await_recovery
from orders.chaos.stack import Gates
from orders.chaos.trial import Hit, Trial

_BAD_SECONDS = 5.0
_RESET_EVERY_SECONDS = 0.4

Proxies = Sequence[FaultProxy]

GATES: Final[MappingProxyType[str, Callable[[Gates], Proxies]]] = MappingProxyType(
    {
        "PostgreSQL": lambda gates: (gates.postgres,),
        "Kafka": lambda gates: gates.kafka,
        "HTTP": lambda gates: (gates.http,),
    }
)
"""The ways of a node, by who is at the other end."""


def strike_link(arena: Arena, trial: Trial) -> Hit:
    """Make one of a node's ways bad for some seconds."""
    end, _, way = trial.kind.partition(" ")
    proxies = GATES[end](arena.stack.gates[trial.node])
    time.sleep(trial.delay_seconds)
    at = time.monotonic()
    carried = sum(proxy.connections for proxy in proxies)
    _WAYS[way](proxies)
    over = time.monotonic()
    arena.await_flow()
    recovery = await_recovery(arena, over)
    return Hit(
        fired=carried > 0,
        at=at,
        over=over,
        node=trial.node,
        problems=recovery.problems,
        measured={"bad_seconds": over - at, "recovered_seconds": recovery.seconds},
    )


def _under_rules(rules: Rules, proxies: Proxies) -> None:
    for proxy in proxies:
        proxy.set_rules(rules)
    try:
        time.sleep(_BAD_SECONDS)
    finally:
        for proxy in proxies:
            proxy.set_rules(PASS)


def _reset_often(proxies: Proxies) -> None:
    until = time.monotonic() + _BAD_SECONDS
    while time.monotonic() < until:
        for proxy in proxies:
            proxy.reset()
        time.sleep(_RESET_EVERY_SECONDS)


_WAYS: Final[MappingProxyType[str, Callable[[Proxies], None]]] = MappingProxyType(
    {
        "late": partial(_under_rules, Rules(latency_seconds=0.1, jitter_seconds=0.1)),
        "very late": partial(
            _under_rules, Rules(latency_seconds=0.8, jitter_seconds=0.4)
        ),
        "narrow": partial(_under_rules, Rules(bytes_per_second=1_024)),
        "resets": _reset_often,
        "still": partial(_under_rules, Rules(blackhole=True)),
    }
)
"""Each makes the connections of proxies bad, and returns when they are good again."""
