"""``orders history``."""

from orders.cli.order_view import OrderId, get_order, print_like_the_api
from orders.cli.output import AsJson, print_table
from orders.cli.target import database_reads


def history(order_id: OrderId, as_json: AsJson = False) -> None:
    """Show what happened to an order, oldest first; with --json as the API does.

    Example: orders history 019a8f0e-5c1b-7d2e-9f3a-4b5c6d7e8f90
    """
    with database_reads() as reads:
        entries = reads.history(get_order(reads, order_id))
    if as_json:
        from orders.http.rendering import render_history  # noqa: PLC0415

        print_like_the_api(render_history(order_id, entries))
        return
    rows = [
        (it.version, it.occurred_at, it.type, it.actor, it.reason) for it in entries
    ]
    print_table(("VERSION", "AT", "TYPE", "BY", "REASON"), rows)
