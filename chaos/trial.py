"""A trial: what is to be done to the stack, and what came of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One planned fault.

    Attributes:
        fault: the row it belongs to, such as ``F1``.
        seed: the seed of the run.
        number: from 0; fault, seed and number decide everything else.
        kind: what is done, one of the fault's kinds.
        node: the index of the node it is done to.
        delay_seconds: how long the load runs before.
        nth: which pass or match is meant, for faults that count.
        await_reply: for cuts, see ``proxy_rules.Cut``.

    """

    fault: str
    seed: int
    number: int
    kind: str
    node: int
    delay_seconds: float
    nth: int = 1
    await_reply: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A fault that was carried out.

    Attributes:
        fired: whether it happened at all.
        at: when, in seconds of CLOCK_MONOTONIC.
        over: when everything was running again, on the same clock.
        problems: what was not as it must be, in sentences.
        measured: what was measured, by name.

    """

    fired: bool
    at: float
    over: float
    problems: tuple[str, ...] = ()
    measured: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """One line of the results; counts of the batch's check stand in each of them.

    Attributes:
        in_flight: creates that waited for an answer when the fault hit, and orders
            that were stored and not settled.
        orders: orders whose first request was sent in this trial.
        lost: findings of the check's group of that name, in the trial's batch.
        doubled: findings about duplicates, transitions and money.
        notifications: findings about notices missing or doubled.
        other: findings of the other groups.
        settle_seconds: from the end of the batch's last fault until nothing was left
            to do, the end of the load included.
        undocumented: answers that no document promises, in the trial's batch.
        verdict: ``ok``, or in a word what was wrong.

    """

    fault: str
    seed: int
    number: int
    kind: str
    fired: bool
    in_flight: int
    orders: int
    lost: int
    doubled: int
    notifications: int
    other: int
    settle_seconds: float
    undocumented: int
    verdict: str
    problems: tuple[str, ...] = ()
    measured: Mapping[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether nothing was wrong."""
        return self.verdict == OK


OK = "ok"
VIOLATED = "violated"
"""The check found something."""
FAILED = "failed"
"""The check found nothing, but a node, an answer or the fault was not as it must be."""


def as_epoch(moment: float) -> float:
    """Return a moment of CLOCK_MONOTONIC as seconds since the epoch."""
    return moment + time.time() - time.monotonic()
