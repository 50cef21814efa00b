"""What API keys cost: a node that asks for them, beside one that does not."""

import os

from benchmarks.bench import Bench
from benchmarks.figures import Report
from benchmarks.plot import Bars, document
from benchmarks.servers import Place
from orders.domain.api_keys import Scope, mint_key
from orders.domain.order import DEFAULT_TENANT
from orders.persistence.api_keys import operator_keys

_CONNECTIONS = 64
_CAN_CHOOSE = hasattr(os, "sched_getaffinity")
_SAME_CPU = {"ORDERS_CPU": str(max(os.sched_getaffinity(0))) if _CAN_CHOOSE else "any"}
"""A busy node keeps to one CPU; left to themselves the two would choose different ones,
and that of one node may be the slower for long."""
_ASKS = {**_SAME_CPU, "ORDERS_AUTH__MODE": "keys"}


def run(bench: Bench) -> Report:
    """Load a node that asks for keys and one that does not, in turn."""
    report = Report("guarded", "What does asking for API keys cost?")
    opened: list[float] = []
    guarded: list[float] = []
    with (
        bench.place("open", schema=True) as free_place,
        bench.place("guarded", schema=True) as guarded_place,
    ):
        api_key = _key_for(guarded_place)
        with (
            bench.service(free_place, _SAME_CPU) as free,
            bench.service(guarded_place, _ASKS) as guard,
        ):
            loads = {
                free: (free.load(), opened),
                guard: (guard.load(api_key=api_key), guarded),
            }

            def one_round(number: int) -> None:
                turns = list(loads.items())
                for node, (load, rates) in reversed(turns) if number % 2 else turns:
                    rates.append(bench.closed(load, _CONNECTIONS).rate)
                    node.wait_settled()

            one_round(0)  # unmeasured: connections, caches, group
            opened.clear()
            guarded.clear()
            bench.rounds(one_round)
    report.add("open, accepted", "1/s", opened)
    report.add("with API keys, accepted", "1/s", guarded, opened, "open")
    report.plot = document(
        Bars(
            "Orders accepted a second, POST /Orders, 64 connections",
            "orders/s",
            "",
            ("open", "with API keys"),
            {"service": [opened, guarded]},
        )
    )
    return report


def _key_for(place: Place) -> str:
    """Make a key that may place orders there, and return it."""
    key = mint_key()
    with operator_keys(place.database_url) as keys:
        keys.create(
            key,
            tenant_id=DEFAULT_TENANT,
            scopes=[Scope.WRITE],
            name="benchmark",
            seconds=None,
            limit=None,
        )
    return key.text
