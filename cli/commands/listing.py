"""``orders list``."""

import sys
from typing import Annotated

import typer

from orders.cli.order_view import parse_order_id, total_text
from orders.cli.output import AsJson, print_json, print_table
from orders.cli.target import database_reads
from orders.domain.order import OrderStatus


def list_orders(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Orders to show.")] = 20,
    status: Annotated[
        OrderStatus | None,
        typer.Option(case_sensitive=False, help="Only orders in this state."),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Go on below this order.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List orders, newest first.

    With --status the newest 100000 orders are looked at; what the list ends with
    leads to the older ones.

    Example: orders list --status FAILED --limit 50
    """
    place = None if before is None else parse_order_id(before)
    with database_reads() as reads:
        page = reads.newest_orders(limit, status=status, before=place)
    if as_json:
        import msgspec  # noqa: PLC0415

        from orders.http.rendering import render_listed  # noqa: PLC0415

        orders = [msgspec.Raw(render_listed(order)) for order in page.orders]
        print_json({"orders": orders, "next_before": page.next_before})
        return
    rows = [
        (it.order_id, it.status, it.request.user_id, total_text(it), it.created_at)
        for it in page.orders
    ]
    print_table(("ORDER", "STATUS", "USER", "TOTAL", "CREATED"), rows)
    if page.next_before is not None:
        print(f"older ones: --before {page.next_before}", file=sys.stderr)
