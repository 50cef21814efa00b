"""``orders refund``."""

from typing import Annotated

import typer

from orders.cli.order_change import Reason, make_change
from orders.cli.order_view import (
    OrderId,
    money_text,
    order_facts,
    print_like_the_api,
)
from orders.cli.output import AsJson, print_rows
from orders.domain.changing import Action
from orders.domain.identifiers import IdFactory
from orders.domain.intake import Replayed
from orders.domain.refunds import RefundWish

Amount = Annotated[
    str | None,
    typer.Option(metavar="AMOUNT", help='Such as "12.50"; all that is left if absent.'),
]


def refund(
    order_id: OrderId,
    amount: Amount = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Give money of a paid order back, in whole or in part, and show the order.

    With --json the refund is shown as the API does.

    Example: orders refund 019a8f0e-5c1b-7d2e-9f3a-4b5c6d7e8f90 --amount 12.50
    """
    wish = RefundWish(IdFactory()(), amount)
    done = make_change(Action.REFUND, order_id, reason, wish)
    made = None if isinstance(done, Replayed) else done.refund
    assert made is not None  # noqa: S101 - what was asked for was a refund
    if as_json:
        from orders.http.refund_rendering import render_refund  # noqa: PLC0415

        print_like_the_api(render_refund(made))
        return
    money = money_text(made.amount, made.currency)
    print_rows([*order_facts(done.order), ("refund", made.refund_id), ("back", money)])
