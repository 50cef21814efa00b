"""From the bytes of ``POST /v1/orders`` to a checked order.

Two readers: a typed one that takes plain, correct bodies in a few microseconds, and
a strict one that takes the rest and names everything that is wrong. The typed one
only ever accepts what the strict one would accept with the same result.
"""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from orders.domain.errors import MoneyError
from orders.domain.money import parse_amount
from orders.domain.order import (
    MAX_ID,
    MAX_LINES,
    MAX_QUANTITY,
    OrderLine,
    OrderRequest,
)
from orders.http import strict_json
from orders.http.order_checks import REFERENCE, check_order
from orders.http.strict_json import Json

Id = Annotated[int, Meta(ge=1, le=MAX_ID)]
Quantity = Annotated[int, Meta(ge=1, le=MAX_QUANTITY)]

_TOP_QUOTES = 8  # of "user_id", "items", "total" and the total's value
_LINE_QUOTES = 8  # of three names and the amount's value
_OPTION_QUOTES = 4  # of a name and a value


class LineIn(msgspec.Struct, forbid_unknown_fields=True):
    """One line as it is sent."""

    product_id: Id
    quantity: Quantity
    line_total: str


class OrderIn(msgspec.Struct, forbid_unknown_fields=True):
    """An order as it is sent; one with metadata is left to the strict reader."""

    user_id: Id
    items: Annotated[list[LineIn], Meta(min_length=1, max_length=MAX_LINES)]
    total: str
    currency: str | UnsetType = UNSET
    reference: str | UnsetType = UNSET


_decode_typed = msgspec.json.Decoder(OrderIn).decode
_decode_raw = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def decode_order(body: bytes, default_currency: str) -> OrderRequest:
    """Return the order in ``body``.

    Raises:
        ProblemError: ``malformed_body`` or ``invalid_order``, with all the places.

    """
    order = read_plain(body, default_currency)
    return read_strictly(body, default_currency) if order is None else order


def read_plain(body: bytes, default_currency: str) -> OrderRequest | None:
    """Return the order of a body without escapes, metadata or faults, else None."""
    if b"\\" in body:
        return None
    try:
        order = _decode_typed(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # the strict reader says what is wrong, and where
    # The typed decoder takes the last of repeated names. Without escapes, each
    # repetition leaves more quotes than the decoded order accounts for.
    if body.count(b'"') != _expected_quotes(order):
        return None
    return _checked(order, default_currency)


def read_strictly(body: bytes, default_currency: str) -> OrderRequest:
    """Return the order of any sound body.

    Raises:
        ProblemError: ``malformed_body`` or ``invalid_order``, with all the places.

    """
    return check_parsed(body, strict_json.parse(body), default_currency)


def check_parsed(body: bytes, value: Json, default_currency: str) -> OrderRequest:
    """Return the order in ``value``, which the strict reader made of ``body``.

    Raises:
        ProblemError: ``invalid_order``, with all the places.

    """
    metadata = None
    if isinstance(value, dict) and "metadata" in value:
        metadata = bytes(_decode_raw(body)["metadata"]).decode("utf-8")
    return check_order(value, metadata, default_currency)


def _expected_quotes(order: OrderIn) -> int:
    quotes = _TOP_QUOTES + _LINE_QUOTES * len(order.items)
    if order.currency is not UNSET:
        quotes += _OPTION_QUOTES
    if order.reference is not UNSET:
        quotes += _OPTION_QUOTES
    return quotes


def _checked(order: OrderIn, default_currency: str) -> OrderRequest | None:
    currency = default_currency if order.currency is UNSET else order.currency
    reference = None if order.reference is UNSET else order.reference
    if reference is not None and REFERENCE.fullmatch(reference) is None:
        return None
    try:
        total = parse_amount(order.total, currency)
        lines = tuple(
            [
                OrderLine(
                    line.product_id,
                    line.quantity,
                    parse_amount(line.line_total, currency),
                )
                for line in order.items
            ]
        )
    except MoneyError:
        return None
    if total == 0 or total != sum([line.line_total for line in lines]):
        return None
    return OrderRequest(order.user_id, currency, total, lines, reference)
