from collections import Counter

import pytest

from orders.cli.demo.plan import USERS, plan_orders
from orders.config.settings import Settings, load_settings
from orders.domain.money import parse_amount
from orders.domain.order import OrderStatus


def settings(**more: str) -> Settings:
    return load_settings(
        {
            "ORDERS_DATABASE__URL": "embedded",
            "ORDERS_KAFKA__BOOTSTRAP_SERVERS": "embedded",
            **more,
        }
    )


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"ORDERS_PAYMENT__LIMIT": "20.01"},
        {"ORDERS_CURRENCY": "JPY"},
        {"ORDERS_CURRENCY": "KWD", "ORDERS_PAYMENT__LIMITS__KWD": "300"},
    ],
    ids=str,
)
def test_one_order_in_five_is_to_fail(more: dict[str, str]) -> None:
    plan = plan_orders(100, settings(**more))

    assert Counter(order.expected for order in plan) == {
        OrderStatus.PAID: 80,
        OrderStatus.FAILED: 20,
    }


def test_one_order_is_exactly_at_the_limit() -> None:
    plan = plan_orders(100, settings())

    totals = [parse_amount(o.total, "USD") for o in plan if o.expected == "FAILED"]

    assert min(totals) == 100_000


def test_no_customer_gets_more_notifications_than_a_page_shows() -> None:
    plan = plan_orders(100, settings())

    by_user = Counter(order.user_id for order in plan)

    assert len(by_user) == USERS
    assert max(by_user.values()) < 100


def test_a_second_run_repeats_no_key_and_no_customer() -> None:
    first, second = plan_orders(100, settings()), plan_orders(100, settings())

    assert not {o.key for o in first} & {o.key for o in second}
    assert not {o.user_id for o in first} & {o.user_id for o in second}
