"""What a client was told once is never taken back.

Versions make an order a register that only moves forward, so that no search over
interleavings is needed: an answer may not show less than any answer that had ended
before its request began, whoever got it.
"""

from collections.abc import Iterator, Sequence

from orders.domain.transitions import State
from orders.verification.journal import Operation, Outcome
from orders.verification.path import Path
from orders.verification.verdict import Finding, Group

_NOT_FOUND = 404
_ABSENT = 0
_EXISTS = 1


def is_absence(operation: Operation) -> bool:
    """Tell whether its client was told that there is no such order."""
    return operation.kind == "read" and operation.http_status == _NOT_FOUND


def check_answers(
    order_id: str, answers: Sequence[Operation], path: Path
) -> Iterator[Finding]:
    """Yield what is wrong with all the answers about one stored order."""
    for rule, detail in (*_backward(answers), *_unlike_history(answers, path)):
        yield Finding(Group.REAL_TIME, rule, order_id, detail)


def _backward(answers: Sequence[Operation]) -> Iterator[tuple[str, str]]:
    """Sweep along the time: what had ended, and what began after it."""
    ended = sorted(answers, key=lambda it: it.ended)
    known, latest, reached = _ABSENT, -1, 0
    for operation in sorted(answers, key=lambda it: it.started):
        while reached < len(ended) and ended[reached].ended <= operation.started:
            if _at_least(ended[reached]) > known:
                known, latest = _at_least(ended[reached]), ended[reached].client
            reached += 1
        shown = _shown(operation)
        if shown is None or shown >= known:
            continue
        told = f"after client {latest} was shown version {known}"
        if shown == _ABSENT:
            yield "order_not_found", f"client {operation.client} got 404 {told}"
        else:
            yield (
                "version_went_back",
                f"client {operation.client} was shown version {shown} {told}",
            )


def _at_least(operation: Operation) -> int:
    """Return the version that the order certainly has after this answer."""
    return _ABSENT if is_absence(operation) else operation.version or _EXISTS


def _shown(operation: Operation) -> int | None:
    """Return the version an answer shows, None where it shows none."""
    return _ABSENT if is_absence(operation) else operation.version


def _unlike_history(
    answers: Sequence[Operation], path: Path
) -> Iterator[tuple[str, str]]:
    if path.rule is not None:
        return  # without a path nothing can be said
    states = path.states
    for operation in answers:
        if operation.outcome is not Outcome.OK or operation.status is None:
            continue
        if operation.version is None:
            possible = list(states.values())
        else:
            possible = [states[it] for it in (operation.version,) if it in states]
        if not any(_fits(operation, state) for state in possible):
            shown = f"{operation.status} at version {operation.version}"
            detail = f"client {operation.client} was shown {shown}"
            yield "answer_unlike_history", detail


def _fits(operation: Operation, state: State) -> bool:
    return operation.status == state.status and (
        operation.payment_status in (None, state.payment_status)
    )
