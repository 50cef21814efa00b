"""F5 at length: Kafka is away for minutes, and orders go on as if it were there."""

import time
from collections.abc import Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

from orders.chaos import topic
from orders.chaos.arena import Arena
from orders.chaos.database import published_of, unpublished_of
from orders.chaos.faults.brokers import judge_intake, take_away
from orders.chaos.recovery import await_condition, await_recovery
from orders.chaos.trial import Hindsight, Hit, Trial, as_epoch
from orders.domain.errors import DatabaseUnavailableError
from orders.verification.journal import Operation

ABSENCES: Final = MappingProxyType({"away 1 min": 60.0, "away 5 min": 300.0})
LEAST_SHARE: Final = 0.8
"""Of the orders accepted a second before, the least while Kafka is away."""
MOST_RECORDS: Final = 1.2
"""For an event, the most on the topic: a backlog is published, not copied."""
_BEFORE_SECONDS = 10.0
"""No longer than the load runs before."""
_OK = range(200, 300)


def strike_absence(arena: Arena, trial: Trial) -> Hit:
    """Take Kafka away for minutes; nothing is told to catch up when it is back."""
    time.sleep(trial.delay_seconds)
    at = time.monotonic()
    take_away(arena.stack, ABSENCES[trial.kind])
    back = time.monotonic()
    arena.await_flow()
    settled = await_recovery(arena, back)
    published = await_condition(
        lambda: _is_published(arena, back), back, "events are not on the topic"
    )
    copies = _records_of(arena) / max(published_of(arena.database_url), 1)
    problems = [*settled.problems, *published.problems]
    if copies > MOST_RECORDS:
        problems.append(f"the topic has {copies:.2f} records for each event")
    return Hit(
        fired=True,
        at=at,
        over=back,
        problems=tuple(problems),
        measured={
            "away_seconds": back - at,
            "recovered_seconds": settled.seconds,
            "published_seconds": published.seconds,
            "records_per_event": copies,
        },
        judge=partial(judge_absence, at, back),
    )


def judge_absence(at: float, back: float, operations: Sequence[Operation]) -> Hindsight:
    """Compare the orders accepted a second while Kafka was away with those before."""
    seen = judge_intake(at, back, operations)
    taken = [op.ended for op in operations if _is_accepted(op)]
    before = sum(at - _BEFORE_SECONDS <= ended < at for ended in taken)
    meanwhile = sum(at <= ended < back for ended in taken)
    share = meanwhile / (back - at) / max(before / _BEFORE_SECONDS, 1.0)
    problems = list(seen.problems)
    if share < LEAST_SHARE:
        problems.append(f"intake fell to {share:.0%} of what it was")
    return Hindsight(
        fired=seen.fired and before > 0,
        problems=tuple(problems),
        measured={**seen.measured, "share_of_before": share},
    )


def _is_accepted(operation: Operation) -> bool:
    return operation.kind == "create" and operation.http_status in _OK


def _is_published(arena: Arena, moment: float) -> bool:
    try:
        return unpublished_of(arena.database_url, as_epoch(moment)) == 0
    except DatabaseUnavailableError:
        return False


def _records_of(arena: Arena) -> int:
    return sum(topic.ends(arena).values())
