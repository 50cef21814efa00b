"""``orders show``."""

from orders.cli.order_view import (
    OrderId,
    get_order,
    order_facts,
    print_like_the_api,
)
from orders.cli.output import AsJson, print_rows
from orders.cli.target import database_reads


def show(order_id: OrderId, as_json: AsJson = False) -> None:
    """Show one order; with --json as the API does.

    Example: orders show 019a8f0e-5c1b-7d2e-9f3a-4b5c6d7e8f90
    """
    with database_reads() as reads:
        order = get_order(reads, order_id)
    if as_json:
        from orders.http.rendering import render_order  # noqa: PLC0415

        print_like_the_api(render_order(order))
        return
    print_rows(order_facts(order))
