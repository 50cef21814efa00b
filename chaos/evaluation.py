"""From hits and a verdict to the lines of the results."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from orders.chaos.trial import (
    FAILED,
    NOT_REACHED,
    OK,
    VIOLATED,
    Hit,
    Trial,
    TrialResult,
)
from orders.verification.journal import Operation
from orders.verification.verdict import Findings, Group, Verdict

_JUST_SECONDS = 0.1
_DECIDED_TWICE = "decided_twice"
_UNSETTLED = "order_not_settled"


@dataclass(frozen=True, slots=True)
class BatchEnd:
    """What is the same for all trials of a batch.

    ``problems`` are those that belong to no trial alone.
    """

    batch: str
    rate: float
    clients: int
    verdict: Verdict = field(default_factory=lambda: Findings().verdict())
    undocumented: int = 0
    problems: tuple[str, ...] = ()
    settle_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """The creates of a batch, in the order they began."""

    begun: Sequence[float]
    """When the first request of each order was sent, ascending."""
    creates: Sequence[Operation]

    def open_at(self, moment: float, node: int | None) -> int:
        """Count the creates that waited for a node, or lost its answer just then.

        ``node`` is its index, None for all. A death is noticed here a little later
        than by the clients it breaks.
        """
        return sum(
            op.started <= moment <= op.ended
            or (op.http_status is None and abs(op.ended - moment) < _JUST_SECONDS)
            for op in self.creates
            if node is None or op.node == node
        )

    def orders_between(self, start: float, end: float) -> int:
        """Count the orders that were first sent after ``start``, up to ``end``."""
        return bisect_right(self.begun, end) - bisect_right(self.begun, start)


def traffic_of(operations: Sequence[Operation]) -> Traffic:
    """Return the traffic that a journal tells of."""
    creates = [op for op in operations if op.kind == "create"]
    first: dict[tuple[str, str | None], float] = {}
    for op in creates:
        key = (op.route, op.key)
        first[key] = min(op.started, first.get(key, op.started))
    return Traffic(sorted(first.values()), creates)


def result_of(
    trial: Trial,
    hit: Hit,
    *,
    end: BatchEnd,
    in_flight: int = 0,
    orders: int = 0,
) -> TrialResult:
    """Return the line of one trial.

    A violation is held against every trial of the batch: which of them brought it
    about, its witnesses have to tell.
    """
    problems = (*hit.problems, *end.problems)
    verdict = _verdict(end, problems, fired=hit.fired)
    if not hit.fired:
        problems = ("NOT REACHED: the fault did not happen", *problems)
    counts = _counts(end.verdict)
    return TrialResult(
        fault=trial.fault,
        seed=trial.seed,
        number=trial.number,
        kind=trial.kind,
        batch=end.batch,
        rate=end.rate,
        clients=end.clients,
        fired=hit.fired,
        in_flight=in_flight,
        orders=orders,
        lost=counts.lost,
        doubled=counts.doubled,
        unsettled=counts.unsettled,
        notifications=counts.notifications,
        other=counts.other,
        settle_seconds=round(end.settle_seconds, 3),
        undocumented=end.undocumented,
        verdict=verdict,
        problems=problems,
        measured=_rounded(hit.measured),
    )


class _Counts(NamedTuple):
    lost: int
    doubled: int
    unsettled: int
    notifications: int
    other: int


def _counts(verdict: Verdict) -> _Counts:
    groups, rules = verdict.violations, verdict.rules
    doubled = groups[Group.DUPLICATES] + rules.get(_DECIDED_TWICE, 0)
    named = (
        groups[Group.LOST],
        doubled,
        rules.get(_UNSETTLED, 0),
        groups[Group.NOTIFICATIONS],
    )
    return _Counts(*named, sum(groups.values()) - sum(named))


def _verdict(end: BatchEnd, problems: Sequence[str], *, fired: bool) -> str:
    if not end.verdict.ok:
        return VIOLATED
    if problems or end.undocumented:
        return FAILED
    return OK if fired else NOT_REACHED


def _rounded(measured: Mapping[str, float]) -> Mapping[str, float]:
    return {name: round(value, 3) for name, value in measured.items()}
