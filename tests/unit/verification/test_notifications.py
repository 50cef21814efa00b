"""One notice for each outcome and channel, and none beside them."""

import pytest

from orders.domain.transitions import Change

REFUNDED = (Change.APPROVED, Change.REFUND_STARTED, Change.REFUNDED)


@pytest.mark.parametrize("changes", [(), (Change.APPROVED,), REFUNDED])
def test_a_notice_for_each_outcome_is_fine(world, changes) -> None:
    world.add(1, *changes, age=0.0)

    assert world.verify().ok


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda notice: [], "notice_missing"),
        (lambda notice: [notice, notice], "notice_doubled"),
        (lambda notice: [notice, notice._replace(version=1)], "notice_unfounded"),
        (lambda notice: [notice, notice._replace(channel="x")], "notice_unfounded"),
        (lambda notice: [notice._replace(user_id=8)], "notice_misaddressed"),
        (
            lambda notice: [
                notice._replace(
                    message=f"Your payment failed for order {notice.order_id}"
                )
            ],
            "notice_tells_otherwise",
        ),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_notices_that_are_not_as_the_history_asks_are_found(
    world, broken, spoil, rule: str
) -> None:
    order_id = world.paid()
    [notice] = world.orders[order_id].notices

    world.spoil(order_id, notices=spoil(notice))

    verdict = world.verify()
    assert broken(verdict) == {f"notifications/{rule}"}
    assert verdict.findings[0].order_id == order_id


def test_another_wording_is_fine(world) -> None:
    order_id = world.paid()
    [notice] = world.orders[order_id].notices

    world.spoil(order_id, notices=[notice._replace(message="Paid, thank you")])

    assert world.verify().ok
