"""Orders as the command line shows them: for programs just as the API does."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from orders.cli.failure import CommandError
from orders.cli.output import print_json
from orders.domain.identifiers import is_order_id
from orders.domain.money import shown_amount

if TYPE_CHECKING:
    from orders.domain.order import Order
    from orders.persistence.operator_reads import OperatorReads


def parse_order_id(text: str) -> str:
    """Return an order id in its canonical form.

    Raises:
        typer.BadParameter: it is none.

    """
    order_id = text.strip().lower()
    if not is_order_id(order_id):
        raise typer.BadParameter(f"{text!r} is not an order id")
    return order_id


OrderId = Annotated[str, typer.Argument(metavar="ID", parser=parse_order_id)]
"""The argument of every command about one order."""


def get_order(reads: "OperatorReads", order_id: str) -> "Order":
    """Return the order.

    Raises:
        CommandError: there is none.

    """
    order = reads.find_order(order_id)
    if order is None:
        raise CommandError(f"there is no order {order_id}")
    return order


def print_like_the_api(body: bytes) -> None:
    """Print what the API would answer, indented."""
    import msgspec  # noqa: PLC0415 - not needed for --help

    print_json(msgspec.Raw(body))


def total_text(order: "Order") -> str:
    """Return an order's total with its currency."""
    return money_text(order.request.total, order.request.currency)


def money_text(minor: int, currency: str) -> str:
    """Return an amount with its currency, whether or not this release knows it."""
    return f"{shown_amount(minor, currency) or f'{minor} minor units'} {currency}"


def order_facts(order: "Order") -> Iterator[tuple[str, object]]:
    """Go through what a person wants to know of an order."""
    request = order.request
    yield "order", order.order_id
    yield "tenant", order.tenant_id
    yield "status", order.status
    yield "payment", order.payment_status
    yield "version", order.version
    yield "user", request.user_id
    yield "total", total_text(order)
    for line in request.lines:
        price = money_text(line.line_total, request.currency)
        yield "line", f"product {line.product_id}, {line.quantity} for {price}"
    if order.unreadable is not None:
        yield "unreadable", order.unreadable
    yield "reference", request.reference
    yield "metadata", request.metadata
    yield "created", order.created_at
    yield "updated", order.updated_at
