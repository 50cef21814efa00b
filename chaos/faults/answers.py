"""F10: a request takes effect and its answer is lost, on each of the ways."""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.proxy import FaultProxy
from orders.chaos.proxy_rules import Cut
from orders.chaos.stack import Gates
from orders.chaos.trial import Hit, Trial
from orders.devstack.deadline import wait_until

_REACHED_SECONDS = 20.0

# A batch of orders with keys is one statement that commits by itself; its rows name
# the route. A settlement's rows go with the last statement before COMMIT.
MARKS: Final[Mapping[str, tuple[bytes, int]]] = MappingProxyType(
    {
        "intake COMMIT": (b'"route":"POST /v1/orders"', 0),
        "settle COMMIT": (b'"type":"orders.order.paid.v1"', 1),
        "HTTP answer": (b"POST /v1/orders HTTP/1.1", 0),
        "produce answer": (b"orders.order.", 0),
    }
)
"""What marks the request, and how many more requests pass before the cut."""


def strike_answer(arena: Arena, trial: Trial) -> Hit:
    """Cut one connection between a request and its answer."""
    time.sleep(trial.delay_seconds)
    proxy = proxy_of(arena.stack.gates[trial.node], trial.kind)
    pattern, later = MARKS[trial.kind]
    armed = proxy.arm(Cut(pattern, trial.nth, later, trial.await_reply))
    armed_at = time.monotonic()
    wait_until(lambda: armed.fired_at is not None, _REACHED_SECONDS)
    proxy.disarm()
    now = time.monotonic()
    at = armed.fired_at
    return Hit(
        fired=at is not None,
        at=now if at is None else at,
        over=now,
        node=trial.node,
        measured={"matches": armed.matches, "reached_seconds": (at or now) - armed_at},
    )


def proxy_of(gates: Gates, kind: str) -> FaultProxy:
    """Return the proxy on whose way the answer is lost."""
    if kind == "HTTP answer":
        return gates.http
    return gates.kafka[0] if kind == "produce answer" else gates.postgres
