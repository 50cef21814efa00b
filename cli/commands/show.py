"""``orders show``."""

from typing import Annotated

import typer

from orders.cli.order_view import get_order, order_facts, parse_order_id
from orders.cli.output import AsJson, print_json, print_rows
from orders.cli.target import database_reads


def show(
    order_id: Annotated[str, typer.Argument(metavar="ID")], as_json: AsJson = False
) -> None:
    """Show one order; with --json as the API does.

    Example: orders show 019a8f0e-5c1b-7d2e-9f3a-4b5c6d7e8f90
    """
    wanted = parse_order_id(order_id)
    with database_reads() as reads:
        order = get_order(reads, wanted)
    if as_json:
        import msgspec  # noqa: PLC0415

        from orders.http.rendering import render_order  # noqa: PLC0415

        print_json(msgspec.Raw(render_order(order)))
        return
    print_rows(order_facts(order))
