"""``orders history``."""

from typing import Annotated

import typer

from orders.cli.order_view import get_order, parse_order_id
from orders.cli.output import AsJson, print_json, print_table
from orders.cli.target import database_reads


def history(
    order_id: Annotated[str, typer.Argument(metavar="ID")], as_json: AsJson = False
) -> None:
    """Show what happened to an order, oldest first; with --json as the API does.

    Example: orders history 019a8f0e-5c1b-7d2e-9f3a-4b5c6d7e8f90
    """
    wanted = parse_order_id(order_id)
    with database_reads() as reads:
        entries = reads.history(get_order(reads, wanted))
    if as_json:
        import msgspec  # noqa: PLC0415

        from orders.http.rendering import render_history  # noqa: PLC0415

        print_json(msgspec.Raw(render_history(wanted, entries)))
        return
    rows = [
        (it.version, it.occurred_at, it.type, it.actor, it.reason) for it in entries
    ]
    print_table(("VERSION", "AT", "TYPE", "BY", "REASON"), rows)
