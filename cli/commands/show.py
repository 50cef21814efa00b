"""``orders show``."""

from orders.cli.order_view import (
    OrderId,
    get_order,
    order_facts,
    print_like_the_api,
)
from orders.cli.output import AsJson, print_rows
from orders.cli.target import database_reads
from orders.domain.order import OrderStatus


def show(order_id: OrderId, as_json: AsJson = False) -> None:
    """Show one order, and why it failed; with --json as the API does.

    Example: orders show 019a8f0e-5c1b-7d2e-9f3a-4b5c6d7e8f90
    """
    with database_reads() as reads:
        order = get_order(reads, order_id)
        has_failed = order.status is OrderStatus.FAILED
        entries = reads.history(order) if has_failed and not as_json else ()
    if as_json:
        from orders.http.rendering import render_listed  # noqa: PLC0415

        print_like_the_api(render_listed(order))
        return
    why = [("reason", it.reason) for it in entries[-1:] if it.reason]
    print_rows([*order_facts(order), *why])
