"""F22: both nodes are told to stop, one after the other, and started again."""

import time
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from orders.chaos.arena import Arena
from orders.chaos.trial import Hindsight, Hit, Trial
from orders.verification.journal import Operation

_SURELY_THERE_SECONDS = 0.1
"""A request that was sent so long before SIGTERM is not one that met the closing of
an idle connection, which RFC 9112, 9.3.1 and 9.5, leaves to the client."""
_JUST_SECONDS = 0.1


class Stop(NamedTuple):
    """A node, by its index, was told to stop and was gone; CLOCK_MONOTONIC."""

    node: int
    told: float
    gone: float


def strike_rolling_restart(arena: Arena, trial: Trial) -> Hit:
    """Restart one node by SIGTERM under load, then the other one."""
    time.sleep(trial.delay_seconds)
    problems: list[str] = []
    stops: list[Stop] = []
    for turn in range(len(arena.nodes)):
        index = (trial.node + turn) % len(arena.nodes)
        told = time.monotonic()
        problems += arena.put_down(arena.nodes[index])
        stops.append(Stop(index, told, time.monotonic()))
        arena.bring_back(arena.nodes[index])
        arena.await_flow()
    return Hit(
        fired=True,
        at=stops[0].told,
        over=time.monotonic(),
        problems=tuple(problems),
        measured={"slowest_stop_seconds": max(stop.gone - stop.told for stop in stops)},
        node=trial.node,
        judge=partial(judge_stops, stops),
    )


def judge_stops(stops: Sequence[Stop], operations: Sequence[Operation]) -> Hindsight:
    """Count the requests that a stopping node took and left without an answer."""
    unanswered = [op for op in operations if op.http_status is None]
    broken = [op for stop in stops for op in unanswered if _met(stop, op)]
    cut_off = [
        op
        for stop in stops
        for op in unanswered
        if _met(stop, op) and op.started < stop.told - _SURELY_THERE_SECONDS
    ]
    problem = f"{len(cut_off)} requests of before SIGTERM were left without an answer"
    return Hindsight(
        problems=(f"{problem}: {cut_off[0]}",) if cut_off else (),
        measured={"broken": len(broken), "cut_off": len(cut_off)},
    )


def _met(stop: Stop, operation: Operation) -> bool:
    return (
        operation.node == stop.node
        and operation.started <= stop.gone
        and stop.told <= operation.ended <= stop.gone + _JUST_SECONDS
    )
