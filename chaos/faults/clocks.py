"""F17: the time of day of one node jumps by hours, or drifts."""

import time
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import cycle, islice
from pathlib import Path
from types import MappingProxyType
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.recovery import await_recovery
from orders.chaos.trial import Hit, Trial

_STEP_SECONDS = 0.5
_STEPS = 20
"""Ten seconds in all: longer than a lease lasts, and than an order is stuck."""
_TWO_HOURS = 7_200
_SEEN_SECONDS = 3.0
"""An answer tells whole seconds, and comes a moment later."""
_LIBRARY = "vendor/libfaketime/src/libfaketime.so.1"

OFFSETS: Final = MappingProxyType(
    {
        "2 h ahead": (_TWO_HOURS,),
        "2 h back": (-_TWO_HOURS,),
        "to and fro": (_TWO_HOURS, -_TWO_HOURS),
        "drifts": tuple(range(1, _STEPS + 1)),
    }
)
"""Seconds by which the clock is wrong, a step each, and again from the first."""


class NoClockError(Exception):
    """There is no library that a node's clock could be set with."""


def strike_clock(arena: Arena, trial: Trial) -> Hit:
    """Start a node anew with a clock of its own, set it wrong under load, then right.

    Only the time of day: what intervals are measured by never jumps on Linux.
    """
    clock = arena.directory / f"clock-{trial.number}"
    _set(clock, 0)
    node = arena.nodes[trial.node]
    problems = [*arena.put_down(node)]
    node.start(
        LD_PRELOAD=str(_library()),
        FAKETIME_TIMESTAMP_FILE=str(clock),
        FAKETIME_NO_CACHE="1",
        DONT_FAKE_MONOTONIC="1",
    )
    node.wait_ready()
    arena.await_flow()
    time.sleep(trial.delay_seconds)
    at = time.monotonic()
    _stray(clock, OFFSETS[trial.kind])
    error = node.time_of_day() - time.time()
    arena.await_flow()
    _set(clock, 0)
    over = time.monotonic()
    arena.await_flow()
    recovery = await_recovery(arena, over)
    return Hit(
        fired=abs(error) > _SEEN_SECONDS,
        at=at,
        over=over,
        problems=(*problems, *recovery.problems),
        measured={"wrong_by_seconds": error, "recovered_seconds": recovery.seconds},
        node=trial.node,
    )


def _stray(clock: Path, offsets: Sequence[int]) -> None:
    for offset in islice(cycle(offsets), _STEPS):
        _set(clock, offset)
        time.sleep(_STEP_SECONDS)


def _set(clock: Path, offset: int) -> None:
    """Change the file whole: a node reads it with every look at its clock."""
    new = clock.with_suffix(".new")
    new.write_text(f"{offset:+d}", "ascii")
    new.replace(clock)


def _library() -> Path:
    """Return the library that stands between a process and the time of day.

    Raises:
        NoClockError: it is not installed.

    """
    found = find_spec("libfaketime")
    if found is None or found.origin is None:
        raise NoClockError("libfaketime is not installed: make install")
    return Path(found.origin).parent / _LIBRARY
