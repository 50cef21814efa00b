"""What a customer is told, and about what."""

import pytest

from orders.domain.notices import INBOX, Notice, notice_of
from orders.domain.order import SETTLED
from orders.domain.transitions import TRANSITIONS, Change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (Change.APPROVED, "Your payment was successful for order a"),
        (Change.DECLINED, "Your payment failed for order a"),
        (Change.CANCELLED, "Your order a was cancelled"),
    ],
)
def test_outcome_is_told(change: Change, message: str) -> None:
    assert notice_of(change, "a", 2, 7) == Notice("a", 2, 7, INBOX, message)


@pytest.mark.parametrize(
    "change", [Change.ACCEPTED, Change.ATTEMPT_STARTED, Change.OUTCOME_LOST]
)
def test_step_on_the_way_is_not_told(change: Change) -> None:
    assert notice_of(change, "a", 2, 7) is None


def test_every_change_that_settles_an_order_is_told() -> None:
    settling = {
        t.change
        for t in TRANSITIONS
        if t.target.status in SETTLED
        and (t.source is None or t.source.status not in SETTLED)
    }

    assert all(notice_of(change, "a", 2, 7) is not None for change in settling)
