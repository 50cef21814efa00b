"""F9: a PostgreSQL that answers no more, and holds on to what it has."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.database import backends_of, locked_orders, set_standby
from orders.chaos.faults.postgres import RETURN_SECONDS, judge_outage
from orders.chaos.recovery import await_recovery
from orders.chaos.trial import Hindsight, Hit, Trial
from orders.devstack.deadline import wait_until
from orders.devstack.processes import children_of
from orders.domain.errors import DatabaseUnavailableError
from orders.verification.journal import Operation

STATEMENT_SECONDS = 1.0
"""The nodes' ``statement_timeout`` for this fault; a call ends 3 s after it."""
_WATCHDOG_SECONDS = STATEMENT_SECONDS + 3.0 + 4.0
"""Until a frozen session must have been replaced; the sweeper's is asked rarely."""
_SERVER_SECONDS = 6.0
_LOCK_SECONDS = 3.0
_BACKEND = " backend"


def strike_freeze(arena: Arena, trial: Trial) -> Hit:
    """Freeze one session, or the whole server, or lock the orders, under load."""
    time.sleep(trial.delay_seconds)
    at = time.monotonic()
    purpose, is_backend, _ = trial.kind.partition(_BACKEND)
    if is_backend:
        problems = _freeze_backend(arena, f"orders {purpose}", trial.node)
    else:
        problems = _WAYS[trial.kind](arena)
    back = time.monotonic()
    returned = arena.load.await_stats(
        lambda stats: min(stats.ok_since) >= back, 2 * RETURN_SECONDS
    )
    first_ok = time.monotonic() - back
    if not returned or first_ok > RETURN_SECONDS:
        problems += (f"first 2xx of all nodes {first_ok:.1f} s after the thaw",)
    recovery = await_recovery(arena, back)
    return Hit(
        fired=True,
        at=at,
        over=back,
        problems=(*problems, *recovery.problems),
        measured={
            "frozen_seconds": back - at,
            "first_ok_seconds": first_ok,
            "recovered_seconds": recovery.seconds,
        },
        judge=partial(_judge, at, back),
    )


def _judge(at: float, back: float, operations: Sequence[Operation]) -> Hindsight:
    """Judge the answers; not every freeze is noticed by a client."""
    return replace(judge_outage(at, back, operations), fired=True)


@contextmanager
def frozen_processes(pids: Sequence[int]) -> Iterator[None]:
    """Stop processes where they stand, and let those go on that are still there."""
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            if _is_there(pid):
                os.kill(pid, signal.SIGCONT)


def _freeze_backend(arena: Arena, application: str, which: int) -> tuple[str, ...]:
    """Freeze one session's server process until its node has another session.

    It may hold a lock of the server's own just then.
    """
    url, database = arena.stack.postgres.url, arena.database
    before = backends_of(url, database, application)
    frozen = before[which % len(before)]

    def has_another() -> bool:
        return bool(set(backends_of(url, database, application)).difference(before))

    try:
        with frozen_processes([frozen]):
            replaced = wait_until(has_another, _WATCHDOG_SECONDS)
    except DatabaseUnavailableError:
        return ()  # nobody gets past it: as good as a frozen server
    if replaced:
        return ()
    return (f"{application}: no other session in {_WATCHDOG_SECONDS} s",)


def _freeze_server(arena: Arena) -> tuple[str, ...]:
    postmaster = arena.stack.postgres.pid
    with frozen_processes([postmaster, *children_of(postmaster)]):
        time.sleep(_SERVER_SECONDS)
    return ()


def _lock_orders(arena: Arena) -> tuple[str, ...]:
    with locked_orders(arena.database_url):
        time.sleep(_LOCK_SECONDS)
    return ()


def _lose_standby(arena: Arena) -> tuple[str, ...]:
    """Have every commit wait for a synchronous standby that does not exist."""
    set_standby(arena.stack.postgres.url, away=True)
    try:
        time.sleep(_SERVER_SECONDS)
    finally:
        set_standby(arena.stack.postgres.url, away=False)
    return ()


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


_WAYS: Final[MappingProxyType[str, Callable[[Arena], tuple[str, ...]]]] = (
    MappingProxyType(
        {
            "server": _freeze_server,
            "orders locked": _lock_orders,
            "standby away": _lose_standby,
        }
    )
)
"""Each freezes and thaws, and returns what was wrong meanwhile."""
