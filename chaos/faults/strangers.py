"""F28: somebody's open transaction locks an order that is not settled yet."""

import time
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.database import held_order, unsettled_of
from orders.chaos.recovery import await_recovery
from orders.chaos.trial import Hit, Trial, as_epoch
from orders.devstack.deadline import wait_until

_HELD_SECONDS: Final = 8.0
_SETTLED_SECONDS: Final = 2.0
"""From acceptance to settlement, of every order but the one that is held."""
_FOUND_SECONDS: Final = 10.0


def strike_stranger(arena: Arena, trial: Trial) -> Hit:
    """Hold an order for some seconds under load; see that all others are settled."""
    time.sleep(trial.delay_seconds)
    at = time.monotonic()
    late = 0
    with held_order(arena.database_url, _FOUND_SECONDS) as order_id:
        fired = order_id is not None
        until = time.monotonic() + _HELD_SECONDS
        while fired and time.monotonic() < until:
            # A batch that came with the held order waits for it for a moment.
            late = max(late, _late_beside_the_held_one(arena))
            time.sleep(0.5)
    over = time.monotonic()
    problems = (f"{late} orders were unsettled beside the held one",) if late else ()
    recovery = await_recovery(arena, over)
    return Hit(
        fired=fired,
        at=at,
        over=over,
        problems=(*problems, *recovery.problems),
        measured={"late": late, "recovered_seconds": recovery.seconds},
    )


def _late_beside_the_held_one(arena: Arena) -> int:
    """Count what is not settled a moment after it should be."""
    moment = as_epoch(time.monotonic())
    left = 0

    def is_settled() -> bool:
        nonlocal left
        left = max(0, unsettled_of(arena.database_url, moment) - 1)
        return left == 0

    wait_until(is_settled, _SETTLED_SECONDS)
    return left
