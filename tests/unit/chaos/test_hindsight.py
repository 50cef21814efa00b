"""What the faults ask of a closed journal."""

import pytest

from orders.chaos.hindsight import met_by, slowest_seconds
from orders.verification.journal import Operation, Outcome


def read(started: float, ended: float) -> Operation:
    return Operation("read", 1, None, "/v1/orders", "", started, ended, Outcome.OK, 200)


@pytest.mark.parametrize(
    ("started", "ended", "met"),
    [(1, 5, False), (1, 6, True), (6, 7, True), (7, 20, True), (8, 9, False)],
)
def test_a_fault_met_what_was_open_meanwhile(
    started: float, ended: float, met: bool
) -> None:
    assert bool(met_by(5, 8, [read(started, ended)])) is met


def test_the_slowest_one_counts() -> None:
    assert slowest_seconds([read(1, 2), read(1, 4), read(3, 4)]) == 3
    assert slowest_seconds([]) == 0
