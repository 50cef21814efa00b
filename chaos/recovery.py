"""Waits until the work that a fault met is done, and says when it is late."""

import time
from collections.abc import Callable
from typing import NamedTuple

from orders.chaos.arena import Arena
from orders.chaos.database import unsettled_of
from orders.chaos.trial import as_epoch
from orders.devstack.deadline import wait_until
from orders.domain.errors import DatabaseUnavailableError

RECOVERED_SECONDS = 60.0
"""From the end of a fault until all orders that it met must be settled."""


class Recovery(NamedTuple):
    """How long it took, and what is wrong with that."""

    seconds: float
    problems: tuple[str, ...] = ()


def await_recovery(arena: Arena, over: float) -> Recovery:
    """Wait until every order that was stored by ``over``, monotonic, is settled."""
    moment = as_epoch(over)
    left = -1

    def is_settled() -> bool:
        nonlocal left
        try:
            left = unsettled_of(arena.database_url, moment)
        except DatabaseUnavailableError:
            return False
        return left == 0

    return _timed(is_settled, over, lambda: f"{left} orders are unsettled")


def await_condition(condition: Callable[[], bool], over: float, what: str) -> Recovery:
    """Wait for ``condition``; ``what`` says what is wrong without it."""
    return _timed(condition, over, lambda: what)


def _timed(
    condition: Callable[[], bool], over: float, describe: Callable[[], str]
) -> Recovery:
    came = wait_until(condition, max(0.0, over + RECOVERED_SECONDS - time.monotonic()))
    seconds = time.monotonic() - over
    if came:
        return Recovery(seconds)
    return Recovery(seconds, (f"{describe()} {seconds:.0f} s after the fault",))
