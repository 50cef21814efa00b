"""From hits and a verdict to the lines of the results."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orders.chaos.trial import FAILED, OK, VIOLATED, Hit, Trial, TrialResult
from orders.verification.journal import Operation
from orders.verification.verdict import Group, Verdict

_DOUBLED = (Group.DUPLICATES, Group.TRANSITIONS, Group.MONEY)
_JUST_SECONDS = 0.1
_NAMED = {Group.LOST, *_DOUBLED, Group.NOTIFICATIONS}


@dataclass(frozen=True, slots=True)
class BatchEnd:
    """What is the same for all trials of a batch.

    ``problems`` are those that belong to no trial alone.
    """

    verdict: Verdict
    undocumented: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Traffic:
    """The creates of a batch, in the order they began."""

    begun: Sequence[float]
    """When the first request of each order was sent, ascending."""
    creates: Sequence[Operation]

    def open_at(self, moment: float) -> int:
        """Count the creates that waited for an answer, or lost theirs just then.

        A death is noticed here a little later than by the clients it breaks.
        """
        return sum(
            op.started <= moment <= op.ended
            or (op.http_status is None and abs(op.ended - moment) < _JUST_SECONDS)
            for op in self.creates
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
    in_flight: int,
    orders: int,
    settle_seconds: float,
) -> TrialResult:
    """Return the line of one trial.

    A violation is held against every trial of the batch: which of them brought it
    about, its witnesses have to tell.
    """
    counts = end.verdict.violations
    problems = (*hit.problems, *end.problems)
    if not hit.fired:
        problems = ("NOT REACHED: the fault did not happen", *problems)
    return TrialResult(
        fault=trial.fault,
        seed=trial.seed,
        number=trial.number,
        kind=trial.kind,
        fired=hit.fired,
        in_flight=in_flight,
        orders=orders,
        lost=counts[Group.LOST],
        doubled=sum(counts[group] for group in _DOUBLED),
        notifications=counts[Group.NOTIFICATIONS],
        other=sum(counts[group] for group in Group if group not in _NAMED),
        settle_seconds=round(settle_seconds, 3),
        undocumented=end.undocumented,
        verdict=_verdict(end, problems),
        problems=problems,
        measured=_rounded(hit.measured),
    )


def _verdict(end: BatchEnd, problems: Sequence[str]) -> str:
    if not end.verdict.ok:
        return VIOLATED
    return FAILED if problems or end.undocumented else OK


def _rounded(measured: Mapping[str, float]) -> Mapping[str, float]:
    return {name: round(value, 3) for name, value in measured.items()}
