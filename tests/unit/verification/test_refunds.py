"""No more goes back than was paid, and all that is stored agrees on how much did."""

import pytest

from orders.domain.transitions import Change

PART = (Change.REFUND_STARTED, Change.PARTIALLY_REFUNDED)
REST = (Change.REFUND_STARTED, Change.REFUNDED)


def refunds_of(world, order_id: str):
    return world.orders[order_id].refunds


@pytest.mark.parametrize("changes", [PART, REST, PART + PART, PART + PART + REST])
def test_refunds_that_agree_are_sound(world, changes: tuple[Change, ...]) -> None:
    world.add(1, Change.APPROVED, *changes)

    verdict = world.verify()

    assert verdict.ok
    assert verdict.counts["refunds"] == len(changes) // 2


def test_more_back_than_was_paid_is_found(world, broken) -> None:
    order_id = world.add(1, Change.APPROVED, *REST)
    [refund] = refunds_of(world, order_id)

    world.spoil(order_id, refunds=[refund._replace(amount=99_01)])

    assert "money/refunded_too_much" in broken(world.verify())


def test_a_refund_of_another_amount_than_its_event_is_found(world, broken) -> None:
    order_id = world.add(1, Change.APPROVED, *PART)
    [refund] = refunds_of(world, order_id)

    world.spoil(order_id, refunds=[refund._replace(amount=refund.amount + 1)])

    assert broken(world.verify()) == {"money/refund_event_misstates"}


def test_a_lost_refund_row_is_found(world, broken) -> None:
    order_id = world.add(1, Change.APPROVED, *PART, *PART)

    world.spoil(order_id, refunds=refunds_of(world, order_id)[:1])

    assert broken(world.verify()) == {"money/refund_missing"}


def test_a_refund_without_its_event_is_found(world, broken) -> None:
    order_id = world.add(1, Change.APPROVED, *PART)
    [refund] = refunds_of(world, order_id)

    world.spoil(order_id, refunds=[refund, refund._replace(version=9)])

    assert broken(world.verify()) == {"money/refund_without_event"}


def test_an_order_refunded_before_all_is_back_is_found(world, broken) -> None:
    order_id = world.add(1, Change.APPROVED, *REST)
    [refund] = refunds_of(world, order_id)

    world.spoil(order_id, refunds=[refund._replace(amount=1)])

    assert broken(world.verify()) == {
        "money/refund_event_misstates",
        "money/state_differs_from_refunds",
    }


@pytest.mark.parametrize(
    "changed", [{"currency": "USD"}, {"tenant_id": "stranger"}], ids=str
)
def test_a_refund_in_anothers_name_is_found(world, broken, changed) -> None:
    order_id = world.add(1, Change.APPROVED, *REST)
    [refund] = refunds_of(world, order_id)

    world.spoil(order_id, refunds=[refund._replace(**changed)])

    assert broken(world.verify()) == {"money/refund_of_another"}


def test_a_refund_of_no_order_is_found(world, broken) -> None:
    order_id = world.add(1, Change.APPROVED, *REST)

    world.spoil(order_id, order=None)

    assert "lost/order_row_missing" in broken(world.verify())
