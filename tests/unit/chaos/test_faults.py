"""The judgement of single faults."""

import pytest

from orders.chaos.faults.actors import role_of
from orders.chaos.faults.postgres import outage_problems
from orders.verification.journal import Operation, Outcome


def read(seconds: float, status: int | None = 503) -> Operation:
    return Operation(
        "read", 1, None, "/v1/orders", "", 5.0, 5.0 + seconds, Outcome.UNKNOWN, status
    )


def test_quick_refusals_are_as_promised() -> None:
    assert list(outage_problems([read(0.1), read(1.9)])) == []


def test_a_slow_answer_is_a_problem() -> None:
    [problem] = outage_problems([read(0.1), read(2.1)])

    assert problem.startswith("1 answers took over 2.0 s")


def test_no_answer_is_a_problem() -> None:
    [problem] = outage_problems([read(0.1, None)])

    assert problem.startswith("1 requests without an answer")


@pytest.mark.parametrize(
    ("actor", "role"),
    [("OrderIntake", "order-intake"), ("Sweeper", "sweeper")],
)
def test_an_actor_is_known_by_its_role(actor: str, role: str) -> None:
    assert role_of(actor) == role
