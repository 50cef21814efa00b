"""A trial: what is to be done to the stack, and what came of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from orders.verification.journal import Operation


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
class Hindsight:
    """What the whole journal shows of a fault, when the batch is over.

    Attributes:
        fired: whether clients noticed the fault, where they must have.
        problems: what was not as it must be, in sentences.
        measured: what was measured, by name.

    """

    fired: bool = True
    problems: tuple[str, ...] = ()
    measured: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A fault that was carried out.

    Attributes:
        fired: whether it happened at all.
        at: when, in seconds of CLOCK_MONOTONIC.
        over: when everything was running again, on the same clock.
        problems: what was not as it must be, in sentences.
        measured: what was measured, by name.
        node: the index of the node it was done to, None for all of them.
        judge: looks at the closed journal; a request that hangs has no line before.

    """

    fired: bool
    at: float
    over: float
    problems: tuple[str, ...] = ()
    measured: Mapping[str, float] = field(default_factory=dict)
    node: int | None = None
    judge: Callable[[Sequence[Operation]], Hindsight] | None = None

    def in_hindsight(self, operations: Sequence[Operation]) -> "Hit":
        """Return the hit with what the whole journal shows of it."""
        if self.judge is None:
            return self
        seen = self.judge(operations)
        return replace(
            self,
            fired=self.fired and seen.fired,
            problems=(*self.problems, *seen.problems),
            measured={**self.measured, **seen.measured},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialResult:
    """One line of the results; counts of the batch's check stand in each of them.

    Attributes:
        batch: names the database that the trial shared with others.
        rate: orders a second that were asked for.
        clients: how many there were.
        in_flight: creates that waited for an answer of the struck node, or of any
            where all were struck, at the moment of the fault.
        orders: orders whose first request was sent in this trial.
        lost: findings of the check's group of that name, in the trial's batch.
        doubled: findings about duplicates, and attempts that were decided twice.
        unsettled: orders that never got an outcome.
        notifications: findings about notices missing or doubled.
        other: all other findings.
        settle_seconds: from the end of the batch's last fault until nothing was left
            to do, the end of the load included.
        undocumented: answers that no document promises, in the trial's batch.
        verdict: ``ok``, or in a word what was wrong.

    """

    fault: str
    seed: int
    number: int
    kind: str
    batch: str
    rate: float
    clients: int
    fired: bool
    in_flight: int
    orders: int
    lost: int
    doubled: int
    unsettled: int
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
"""The check found nothing or was not made, but something was not as it must be."""
NOT_REACHED = "not reached"
"""All was well, but the fault did not happen: the only trial that is made again."""


def as_epoch(moment: float) -> float:
    """Return a moment of CLOCK_MONOTONIC as seconds since the epoch."""
    return moment + time.time() - time.monotonic()


def as_monotonic(moment: float) -> float:
    """Return a moment since the epoch as seconds of CLOCK_MONOTONIC."""
    return moment - time.time() + time.monotonic()
