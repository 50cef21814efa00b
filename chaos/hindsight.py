"""What the faults ask of a closed journal."""

from collections.abc import Iterable

from orders.verification.journal import Operation


def met_by(at: float, over: float, operations: Iterable[Operation]) -> list[Operation]:
    """Return the operations that were open at some moment from ``at`` to ``over``."""
    return [op for op in operations if at < op.ended and op.started < over]


def slowest_seconds(operations: Iterable[Operation]) -> float:
    """Return how long the slowest one took; 0 without any."""
    return max((op.ended - op.started for op in operations), default=0.0)
