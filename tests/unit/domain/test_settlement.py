"""A settlement carries everything that its transaction writes."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from orders.domain.errors import IllegalMoveError
from orders.domain.events import OrderEvent
from orders.domain.order import OrderStatus, PaymentStatus
from orders.domain.payment import AMOUNT_LIMIT, Decision, PaymentRule
from orders.domain.settlement import OpenOrder, resolve, settle
from orders.domain.transitions import Change, State

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PENDING = State(OrderStatus.PENDING, PaymentStatus.PENDING)
RULE = PaymentRule(Decimal(1000))
APPROVAL = Decision(Change.APPROVED, None)


def open_order(
    total: int = 9980, state: State = PENDING, version: int = 1
) -> OpenOrder:
    return OpenOrder("a", "default", 7, "USD", total, state, version, NOON)


def test_total_below_the_limit_is_paid() -> None:
    assert resolve(open_order(99_999), RULE).target == State(
        OrderStatus.PAID, PaymentStatus.SUCCESS
    )


def test_total_at_the_limit_fails_with_a_reason() -> None:
    settled = resolve(open_order(100_000), RULE)

    assert settled.target == State(OrderStatus.FAILED, PaymentStatus.FAILED)
    assert settled.reason == AMOUNT_LIMIT


def test_versions_have_no_gap() -> None:
    assert settle(open_order(version=3), APPROVAL).version == 4


def test_event_says_what_the_order_becomes() -> None:
    settled = resolve(open_order(100_000), RULE)

    assert json.loads(settled.event_data) == {
        "order_id": "a",
        "tenant_id": "default",
        "version": 2,
        "status": "FAILED",
        "payment_status": "FAILED",
        "user_id": 7,
        "currency": "USD",
        "total": "1000.00",
        "reason": "amount_limit",
    }


def test_event_has_the_time_of_its_transaction() -> None:
    settled = settle(open_order(), APPROVAL)

    assert settled.event(NOON) == OrderEvent(
        "a", 2, "orders.order.paid.v1", settled.event_data, NOON
    )


def test_notice_belongs_to_the_new_version() -> None:
    notice = settle(open_order(), APPROVAL).notice

    assert notice is not None
    assert (notice.order_id, notice.version, notice.user_id) == ("a", 2, 7)


def test_settled_order_cannot_be_settled_again() -> None:
    paid = State(OrderStatus.PAID, PaymentStatus.SUCCESS)

    with pytest.raises(IllegalMoveError):
        settle(open_order(state=paid), APPROVAL)
