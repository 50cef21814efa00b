"""F20: many more clients order at once, as fast as they can."""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from orders.chaos.arena import Arena
from orders.chaos.hindsight import met_by, slowest_seconds
from orders.chaos.load_process import LoadProcess
from orders.chaos.load_stats import LoadStats
from orders.chaos.node import ChaosNode
from orders.chaos.recovery import await_recovery
from orders.chaos.trial import Hindsight, Hit, Trial
from orders.verification.journal import Operation

RETURN_SECONDS = 10.0
"""From the end of a flood until each node takes orders as before."""
GROWTH_BYTES = 256 << 20
"""The most that a node may grow by in a flood: its queues are bounded."""
_UNAVAILABLE = 503
_START_SECONDS = 20.0
_ENDLESS = 10_000.0
"""Orders a second, of all: more than nodes and clients get through here."""


class Flood(NamedTuple):
    """How many clients order, for how long, from their first order on."""

    clients: int
    seconds: float


FLOODS: Final = MappingProxyType(
    {
        "512 more clients": Flood(512, 6.0),
        "2,000 more clients": Flood(2_000, 6.0),
    }
)


def strike_flood(arena: Arena, trial: Trial) -> Hit:
    """Send far more than usual; all that is answered must be documented, and kept."""
    flood = FLOODS[trial.kind]
    time.sleep(trial.delay_seconds)
    before = [resident_bytes(node) for node in arena.nodes]
    at = time.monotonic()
    load = arena.start_flood(flood.clients, _ENDLESS)
    load.await_stats(lambda stats: stats.acknowledged > 0, _START_SECONDS)
    time.sleep(flood.seconds)
    stats = load.finish()
    over = time.monotonic()
    arena.await_flow(RETURN_SECONDS)
    recovery = await_recovery(arena, over)
    grown = max(
        resident_bytes(node) - was
        for node, was in zip(arena.nodes, before, strict=True)
    )
    problems = [*recovery.problems, *answer_problems(load, stats)]
    if grown > GROWTH_BYTES:
        problems.append(f"a node grew by {grown >> 20} MiB")
    return Hit(
        fired=stats.acknowledged > 0,
        at=at,
        over=over,
        problems=tuple(problems),
        measured={
            "taken": stats.acknowledged,
            "grown_bytes": grown,
            "recovered_seconds": recovery.seconds,
        },
        judge=partial(judge_flood, at, over),
    )


def answer_problems(load: LoadProcess, stats: LoadStats) -> Iterator[str]:
    """Yield what was wrong with the answers that a load got to its end."""
    if stats.undocumented:
        yield f"{stats.undocumented} answers: {load.undocumented}"
    if stats.given_up:
        yield f"{stats.given_up} orders were never answered"


def judge_flood(at: float, over: float, operations: Sequence[Operation]) -> Hindsight:
    """Measure what clients saw while the flood lasted."""
    seen = met_by(at, over, operations)
    return Hindsight(
        measured={
            "refused": sum(op.http_status == _UNAVAILABLE for op in seen),
            "slowest_seconds": slowest_seconds(seen),
        }
    )


def resident_bytes(node: ChaosNode) -> int:
    """Return how much of a node is in memory now."""
    for line in Path(f"/proc/{node.pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0
