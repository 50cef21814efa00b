"""How orders cross the wire: JSON on the way in, columns on the way out."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import msgspec

from orders.domain.intake import NewOrder
from orders.domain.order import (
    Order,
    OrderLine,
    OrderRequest,
    OrderStatus,
    PaymentStatus,
)

_Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class _Line(msgspec.Struct):
    """One line in the ``items`` column; amounts in minor units."""

    product_id: _Number
    quantity: _Number
    line_total: _Number


class _NewRow(msgspec.Struct, omit_defaults=True):
    """One order of a batch, named as the intake statements read it."""

    id: str
    tenant: str
    usr: int
    cur: str
    total: int
    items: list[_Line]
    data: str
    ref: str | None = None
    meta: str | None = None
    trace: str | None = None
    route: str | None = None
    key: str | None = None
    print: str | None = None


encode_json = msgspec.json.Encoder().encode
_decode_lines = msgspec.json.Decoder(list[_Line]).decode


def encode_orders(orders: Iterable[NewOrder]) -> bytes:
    """Return the JSON parameter of the intake statements.

    Raises:
        UnicodeEncodeError: some text holds a lone surrogate.

    """
    return encode_json([_new_row(order) for order in orders])


def _new_row(order: NewOrder) -> _NewRow:
    order_id, tenant_id, request, event_data, key, traceparent = order
    user_id, currency, total, lines, reference, metadata = request
    row = _NewRow(
        order_id,
        tenant_id,
        user_id,
        currency,
        total,
        [_Line(*line) for line in lines],
        event_data,
        reference,
        metadata,
        traceparent,
    )
    if key is not None:
        row.route = key.route
        row.key = key.key
        row.print = key.fingerprint.hex()
    return row


def order_from_columns(  # noqa: PLR0917 - one for each column, in their order
    order_id: str,
    tenant_id: str,
    user_id: int,
    currency: str,
    total: int,
    items: str,
    reference: str | None,
    metadata: str | None,
    status: str,
    payment_status: str,
    version: int,
    created_at: datetime,
    updated_at: datetime,
) -> Order:
    """Return the order that a row of the read statements holds.

    Never fails on what is stored: a person or another release may have written it,
    and one odd row must not cost the others their answers.
    """
    lines, unreadable = _lines(items)
    return Order(
        order_id,
        tenant_id,
        OrderRequest(user_id, currency, total, lines, reference, metadata),
        OrderStatus.told(status),
        PaymentStatus.told(payment_status),
        version,
        created_at,
        updated_at,
        unreadable,
    )


def _lines(items: str) -> tuple[tuple[OrderLine, ...], str | None]:
    try:
        decoded = _decode_lines(items)
    except (msgspec.MsgspecError, RecursionError) as error:
        return (), f"items: {error}"
    lines = [OrderLine(it.product_id, it.quantity, it.line_total) for it in decoded]
    return tuple(lines), None


def id_array(order_ids: Iterable[str]) -> str:
    """Return canonical ids, sorted, as the text of a PostgreSQL array.

    One text is far cheaper to send than a list of values, and rows are then looked
    up and locked in id order.
    """
    return "{" + ",".join(sorted(order_ids)) + "}"


def text_array(words: Iterable[str]) -> str:
    """Return plain words, such as states, as the text of a PostgreSQL array."""
    return "{" + ",".join(sorted(words)) + "}"
