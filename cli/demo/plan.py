"""Which orders the demo sends, and what should become of each."""

import secrets
from typing import NamedTuple

from orders.config.settings import Settings
from orders.domain.money import format_amount
from orders.domain.order import OrderStatus
from orders.domain.payment import PaymentRule
from orders.domain.transitions import Change

USERS = 4
"""The customers of one run: a page of notifications shows a hundred, and each of
them gets fewer, so that no repeated one can hide behind the end of the page."""

_EVERY_NTH_FAILS = 5
_STEPS = 120
_STATUS = {Change.APPROVED: OrderStatus.PAID, Change.DECLINED: OrderStatus.FAILED}


class PlannedOrder(NamedTuple):
    """One order to send; ``total`` is a decimal string."""

    key: str
    user_id: int
    currency: str
    total: str
    expected: OrderStatus

    @property
    def body(self) -> dict[str, object]:
        """The order as it is posted."""
        line = {"product_id": 3, "quantity": 2, "line_total": self.total}
        return {
            "user_id": self.user_id,
            "currency": self.currency,
            "items": [line],
            "total": self.total,
            "reference": "demo",
        }


def plan_orders(count: int, settings: Settings) -> tuple[PlannedOrder, ...]:
    """Return orders of which one in five reaches the payment limit.

    Their customers are drawn anew for each run.
    """
    rule = PaymentRule(settings.payment.limit, settings.payment.limits)
    currency = settings.currency
    run, first_user = secrets.token_hex(8), secrets.randbelow(2**52)
    limit = _limit_minor(rule, currency)
    orders = []
    for number in range(count):
        total = max(1, _total(number, limit))
        orders.append(
            PlannedOrder(
                key=f"demo-{run}-{number}",
                user_id=first_user + number % USERS,
                currency=currency,
                total=format_amount(total, currency),
                expected=_STATUS[rule.decide(total, currency).change],
            )
        )
    return tuple(orders)


def _total(number: int, limit: int) -> int:
    """Return minor units: at the limit and above for one in five, else below."""
    if number % _EVERY_NTH_FAILS == _EVERY_NTH_FAILS - 1:
        return limit + limit * (number // _EVERY_NTH_FAILS) // _STEPS
    return limit * (number % _STEPS + 1) // (_STEPS + 1)


def _limit_minor(rule: PaymentRule, currency: str) -> int:
    """Return the smallest total, in minor units, that the rule declines."""
    low, high = 0, 10**15
    while low < high:
        middle = (low + high) // 2
        if rule.decide(middle, currency).change is Change.DECLINED:
            high = middle
        else:
            low = middle + 1
    return low
