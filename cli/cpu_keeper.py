"""Decides which CPU a busy node runs on, and when it is let go."""

import random
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from orders.actors.ports import Log

_BUSY = 0.3
"""The share of a CPU's time from which on we are worth a CPU."""
_QUIET = 0.1
_QUIET_SECONDS = 10.0
"""With less than this share for this long we are let go."""
_WORTH_MOVING = 0.3
"""So much less must others use of another CPU before we move there."""

Used = Mapping[int, float]
"""Seconds in use since the start of the machine, by CPU."""


class _Reading(NamedTuple):
    moment: float
    own_seconds: float
    used: Used


def choose_cpu(shares: Mapping[int, float], own: float, current: int | None) -> int:
    """Return the CPU that others use least; ``current`` unless another is much better.

    Args:
        shares: how much of each CPU's time was in use, from 0 to 1.
        own: how much CPU time we used, 1 being all of one CPU.
        current: the one that all of that was on; None when we ran on any.

    """
    others = dict(shares)
    if current not in others:
        current = None  # it is gone, or never was
    if current is not None:
        others[current] = max(0.0, others[current] - own)
    # Nodes that look at the same time should not all find the same.
    idlest = min(others, key=lambda cpu: (round(others[cpu], 1), random.random()))  # noqa: S311 - no secret
    if current is not None and others[current] - others[idlest] <= _WORTH_MOVING:
        return current
    return idlest


class CpuKeeper:
    """Keeps a busy process on one CPU: that which others use least.

    Python lets one thread run at a time. Where the turn passes from one CPU to
    another, time is lost over waking that one up and over its cold caches. With little
    to do nothing is kept, so that processes that start or idle do not gather on one
    CPU. Owned by one thread.

    Args:
        allowed: the CPUs that the process may use.
        used: reads the time for which each CPU was in use.
        own_seconds: CPU seconds of this process.
        clock: monotonic seconds.
        run_on: has all threads of the process run on some CPUs alone.

    """

    def __init__(
        self,
        allowed: Collection[int],
        log: Log,
        *,
        used: Callable[[], Used],
        own_seconds: Callable[[], float],
        clock: Callable[[], float],
        run_on: Callable[[Collection[int]], None],
    ) -> None:
        self._allowed = frozenset(allowed)
        self._log = log
        self._used = used
        self._own_seconds = own_seconds
        self._clock = clock
        self._run_on = run_on
        self._cpu: int | None = None
        self._before = self._read()
        self._busy_at = self._before.moment

    def look(self) -> None:
        """Decide by what happened since the last look.

        Raises:
            OSError: the system does not tell, or does not let us.

        """
        before, now = self._before, self._read()
        self._before = now
        span = now.moment - before.moment
        shares = {
            cpu: (now.used[cpu] - before.used.get(cpu, 0.0)) / span
            for cpu in self._allowed.intersection(now.used)
        }
        if not shares:
            return  # a container may see other CPUs than it runs on
        own = (now.own_seconds - before.own_seconds) / span
        if not self._is_worth_it(own, now.moment):
            if self._cpu is not None:
                self._move(None, self._allowed)
            return
        chosen = choose_cpu(shares, own, self._cpu)
        self._move(chosen, {chosen})  # each time: threads may have begun elsewhere

    def _is_worth_it(self, own: float, moment: float) -> bool:
        if own >= _QUIET:
            self._busy_at = moment
        if self._cpu is None:
            return own >= _BUSY
        return moment - self._busy_at <= _QUIET_SECONDS

    def _move(self, cpu: int | None, allowed: Collection[int]) -> None:
        self._run_on(allowed)
        if cpu != self._cpu:
            self._cpu = cpu
            self._log.info("cpu.chosen", cpu="any" if cpu is None else cpu)

    def _read(self) -> _Reading:
        return _Reading(self._clock(), self._own_seconds(), self._used())
