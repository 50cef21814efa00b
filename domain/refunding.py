"""Which refunds an order allows, and the steps that each one takes."""

from typing import NamedTuple

from orders.domain.changing import (
    AmountRefused,
    Attempts,
    MoveRefused,
    OrderChange,
    VersionDiffers,
    after,
    decide_change,
    settlement_of,
)
from orders.domain.errors import MoneyError
from orders.domain.events import with_refund
from orders.domain.money import format_amount, parse_amount
from orders.domain.order import Order
from orders.domain.refunds import MAX_REFUNDS, Refunded, RefundWish
from orders.domain.settlement import Settlement
from orders.domain.transitions import Change


class RefundSteps(NamedTuple):
    """A refund as two moves of its order, for one transaction."""

    started: Settlement
    finished: Settlement
    amount: int
    """Minor units."""


def decide_refund(
    order: Order,
    wanted: OrderChange,
    wish: RefundWish,
    refunded: Refunded,
    attempts: Attempts,
) -> RefundSteps | VersionDiffers | MoveRefused | AmountRefused:
    """Return the moves that refund what ``wish`` asks for, or why there are none.

    The local rule approves every refund that the order has the money for. ``refunded``
    must belong to the order's version, which the first move compares. A version that
    differs is told first, then a state that allows no refund, then the amount.
    """
    started = decide_change(order, wanted, attempts)
    if not isinstance(started, Settlement):
        return started
    left = order.request.total - refunded.amount
    amount = _amount(wish, order.request.currency, left, refunded.times)
    if isinstance(amount, AmountRefused):
        return amount
    outcome = Change.REFUNDED if amount == left else Change.PARTIALLY_REFUNDED
    finished = settlement_of(after(order, started, order.updated_at), outcome)
    return RefundSteps(
        _telling(started, wish, amount), _telling(finished, wish, amount), amount
    )


def _amount(
    wish: RefundWish, currency: str, left: int, times: int
) -> int | AmountRefused:
    try:
        amount = left if wish.amount is None else parse_amount(wish.amount, currency)
    except MoneyError as error:
        return AmountRefused("invalid_amount", str(error))
    most = f"{format_amount(left, currency)} {currency}"
    if amount > left:
        return AmountRefused("more_than_left", f"no more than {most} is left")
    if amount == 0:
        return AmountRefused("out_of_range", "send more than nothing")
    if times + 1 >= MAX_REFUNDS and amount != left:
        only = f"refund {MAX_REFUNDS} of an order is its last: send {most}"
        return AmountRefused("last_refund", only)
    return amount


def _telling(step: Settlement, wish: RefundWish, amount: int) -> Settlement:
    currency = step.order.currency
    return step._replace(
        event_data=with_refund(step.event_data, wish.refund_id, amount, currency)
    )
