"""F8: PostgreSQL is killed, stopped, full or read-only, and comes back."""

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.database import hold_connections, set_read_only
from orders.chaos.hindsight import met_by, slowest_seconds
from orders.chaos.proxy_rules import PASS, Rules
from orders.chaos.stack import MAX_CONNECTIONS, ChaosStack
from orders.chaos.trial import Hindsight, Hit, Trial
from orders.verification.journal import Operation

ANSWER_SECONDS = 2.0
"""Within which every request is answered while PostgreSQL is away."""
RETURN_SECONDS = 10.0
"""From the return of PostgreSQL to the first 2xx of every node."""
_AWAY_SECONDS = 2.5
_UNAVAILABLE = 503


def strike_postgres(arena: Arena, trial: Trial) -> Hit:
    """Take PostgreSQL away under load, bring it back, and time what clients saw."""
    time.sleep(trial.delay_seconds)
    at = time.monotonic()
    _WAYS[trial.kind](arena.stack)
    back = time.monotonic()
    returned = arena.load.await_stats(
        lambda stats: min(stats.ok_since) >= back, 2 * RETURN_SECONDS
    )
    first_ok = time.monotonic() - back
    problems = []
    if not returned or first_ok > RETURN_SECONDS:
        problems.append(f"first 2xx of all nodes {first_ok:.1f} s after the return")
    return Hit(
        fired=True,
        at=at,
        over=back,
        problems=tuple(problems),
        measured={"away_seconds": back - at, "first_ok_seconds": first_ok},
        judge=partial(judge_outage, at, back),
    )


def judge_outage(at: float, back: float, operations: Sequence[Operation]) -> Hindsight:
    """Judge the requests that an outage met, from ``at`` to ``back``."""
    seen = met_by(at, back, operations)
    unavailable = sum(op.http_status == _UNAVAILABLE for op in seen)
    return Hindsight(
        fired=unavailable > 0,
        problems=tuple(outage_problems(seen)),
        measured={
            "slowest_seconds": slowest_seconds(seen),
            "unavailable": unavailable,
        },
    )


def outage_problems(operations: Sequence[Operation]) -> Iterator[str]:
    """Yield what was wrong with the answers of an outage, each kind once.

    That a 503 has its ``Retry-After`` the clients check themselves.
    """
    slow = [op for op in operations if op.ended - op.started > ANSWER_SECONDS]
    if slow:
        worst = max(slow, key=lambda op: op.ended - op.started)
        took = worst.ended - worst.started
        yield f"{len(slow)} answers took over {ANSWER_SECONDS} s; {took:.2f} s: {worst}"
    silent = [op for op in operations if op.http_status is None]
    if silent:
        yield f"{len(silent)} requests without an answer: {silent[0]}"


def _kill(stack: ChaosStack) -> None:
    stack.postgres.kill(signal.SIGKILL)
    time.sleep(_AWAY_SECONDS)
    stack.postgres.start()


def _stop_immediately(stack: ChaosStack) -> None:
    """Do what ``pg_ctl stop -m immediate`` does."""
    stack.postgres.kill(signal.SIGQUIT)
    stack.postgres.stop()
    time.sleep(_AWAY_SECONDS)
    stack.postgres.start()


def _restart(stack: ChaosStack) -> None:
    stack.postgres.stop()
    stack.postgres.start()


def _fill(stack: ChaosStack) -> None:
    """Take every connection, the nodes' own included."""
    for gates in stack.gates:
        gates.postgres.set_rules(Rules(refuse=True))
        gates.postgres.reset()
    held = hold_connections(stack.postgres.url, 2 * MAX_CONNECTIONS)
    try:
        for gates in stack.gates:
            gates.postgres.set_rules(PASS)
        time.sleep(_AWAY_SECONDS)
    finally:
        for holder in held:
            holder.close()


def _make_read_only(stack: ChaosStack) -> None:
    set_read_only(stack.postgres.url, read_only=True)
    try:
        time.sleep(_AWAY_SECONDS)
    finally:
        set_read_only(stack.postgres.url, read_only=False)


_WAYS: Final[Mapping[str, Callable[[ChaosStack], None]]] = MappingProxyType(
    {
        "kill -9": _kill,
        "immediate": _stop_immediately,
        "restart": _restart,
        "connections": _fill,
        "read-only": _make_read_only,
    }
)
"""Each takes the server away, and returns when it is back."""
