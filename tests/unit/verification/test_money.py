"""One outcome for each payment attempt, and the one that the rule asks for."""

from decimal import Decimal

import pytest

from orders.domain.payment import PaymentRule
from orders.domain.transitions import Change

RETRIED = (Change.DECLINED, Change.PAYMENT_RETRIED, Change.DECLINED)


@pytest.mark.parametrize(
    ("changes", "total"),
    [
        ((Change.APPROVED,), 999_99),
        ((Change.DECLINED,), 1000_00),
        (RETRIED, 1000_00),
        ((*RETRIED[:2], Change.CANCELLED), 1000_00),
        ((Change.CANCELLED,), 1000_00),
        ((Change.APPROVED, Change.REFUND_STARTED, Change.REFUNDED), 1_00),
    ],
)
def test_each_attempt_may_have_its_outcome(world, changes, total: int) -> None:
    world.add(1, *changes, total=total)

    assert world.verify().ok


def test_two_outcomes_of_one_attempt_are_found(world, broken) -> None:
    order_id = world.add(1, Change.DECLINED, total=1000_00)
    history = world.orders[order_id].history

    world.spoil(order_id, history=[*history, history[1]._replace(version=3)])

    verdict = world.verify(without_topic=True)
    assert "money/decided_twice" in broken(verdict)
    assert {it.order_id for it in verdict.findings} == {order_id}


@pytest.mark.parametrize(
    ("change", "total"), [(Change.APPROVED, 1000_00), (Change.DECLINED, 999_99)]
)
def test_a_decision_against_the_limit_is_found(
    world, broken, change: Change, total: int
) -> None:
    world.add(1, change, total=total)

    assert broken(world.verify()) == {"money/decision_breaks_limit"}


def test_a_retried_payment_may_be_approved_by_a_raised_limit(world) -> None:
    world.add(1, *RETRIED[:2], Change.APPROVED, total=1000_00)

    assert world.verify(payment=PaymentRule(Decimal(2000))).ok
    assert world.verify(payment=None).ok


def test_the_limit_is_the_one_of_the_rules(world) -> None:
    world.add(1, Change.APPROVED, total=1000_00)

    assert world.verify(payment=PaymentRule(Decimal(2000))).ok
    assert world.verify(payment=None).ok


@pytest.mark.parametrize("status", ["PAID", "REFUNDED"])
def test_paid_without_an_approval_is_found(world, broken, status: str) -> None:
    order_id = world.add(1, age=0.0)

    world.spoil_row(order_id, status=status)

    assert "money/paid_without_approval" in broken(world.verify())


@pytest.mark.parametrize("status", ["PENDING", "FAILED", "CANCELLED", "EXPIRED"])
def test_approved_and_not_paid_is_found(world, broken, status: str) -> None:
    order_id = world.paid()

    world.spoil_row(order_id, status=status)

    assert "money/approved_and_not_paid" in broken(world.verify())


def test_failed_without_a_decline_is_found(world, broken) -> None:
    order_id = world.add(1, age=0.0)

    world.spoil_row(order_id, status="FAILED", payment_status="FAILED")

    assert "money/failed_without_decline" in broken(world.verify())


@pytest.mark.parametrize(
    ("status", "payment_status"),
    [("PAID", "PENDING"), ("FAILED", "SUCCESS"), ("PENDING", "SUCCESS")],
)
def test_a_state_that_no_move_leads_to_is_found(
    world, broken, status: str, payment_status: str
) -> None:
    order_id = world.paid()

    world.spoil_row(order_id, status=status, payment_status=payment_status)

    assert "money/state_impossible" in broken(world.verify())


def test_an_outcome_may_be_unknown_for_a_while_only(world, broken) -> None:
    world.add(1, Change.ATTEMPT_STARTED, Change.OUTCOME_LOST, age=50.0)

    assert world.verify(grace_seconds=60.0).ok
    assert "money/outcome_left_unknown" in broken(world.verify(grace_seconds=40.0))


def test_a_currency_without_a_limit_is_found(world, broken) -> None:
    world.spoil_row(world.paid(), currency="XXX")

    assert broken(world.verify()) == {"money/currency_unknown"}
