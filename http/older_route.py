"""``POST /Orders``, for clients of the older service.

It takes one line, field names in any letter case and the price as a JSON number,
ignores fields it does not know and whatever the Content-Type says. Every error is
400 or 503 with an ``error`` member; where API keys are asked for also 401, 403 and
429.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import falcon
import msgspec

from orders.domain.errors import MoneyError
from orders.domain.money import MAX_MINOR, currency_digits, parse_amount
from orders.domain.order import MAX_ID, MAX_QUANTITY, Order, OrderLine, OrderRequest
from orders.http import strict_json
from orders.http.decoding import Id, Quantity
from orders.http.idempotency import key_of
from orders.http.order_checks import check_integer, invalid_order
from orders.http.order_submission import OrderSubmission
from orders.http.problems import Fault, ProblemError, write_problem_headers
from orders.http.request_context import ServiceRequest, read_body
from orders.http.strict_json import Json, Number

OLDER_PATH: Final = "/Orders"
ROUTE: Final = f"POST {OLDER_PATH}"
"""The route that idempotency keys of this resource belong to."""
INVALID: Final = "Invalid JSON data"
"""What the older service said to any body that it did not take."""
_MESSAGE = "Successfully Loaded"
ABOUT_KEY: Final = frozenset({401, 403, 429})
"""Statuses of what concerns the API key."""
_FIELDS = ("user_id", "product_id", "quantity", "total_price")
_MAX_PRICE_LENGTH = 40
_MAX_EXPONENT = 20


class OlderOrderIn(msgspec.Struct):
    """The plain form of the body; others are left to the strict reader."""

    user_id: Id
    product_id: Id
    quantity: Quantity
    total_price: msgspec.Raw


class Loaded(msgspec.Struct, frozen=True):
    """The answer to an order that was taken."""

    message: str
    order_id: str
    status: str


class OlderError(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to one that was not; ``errors`` is more than the older one said."""

    error: str
    errors: tuple[Fault, ...] = ()


_decode_plain = msgspec.json.Decoder(OlderOrderIn).decode
_encode = msgspec.json.Encoder().encode
_PLAIN_QUOTES = 2 * len(_FIELDS)


@dataclass(frozen=True, slots=True)
class OlderOrders:
    """``/Orders``."""

    submission: OrderSubmission
    currency: str
    max_body_bytes: int

    def on_post(self, req: ServiceRequest, resp: falcon.Response) -> None:
        """Take an order of one line: 200 once it is committed."""
        try:
            key = key_of(req)
            body = read_body(req, self.max_body_bytes)
            request = decode_older_order(body, self.currency)
            accepted = self.submission.store(req, ROUTE, key, request)
        except ProblemError as error:
            write_older_error(resp, error)
            return
        if accepted.replayed:
            resp.set_header("idempotency-replayed", "true")
        resp.data = render_loaded(accepted.order)


def render_loaded(order: Order) -> bytes:
    """Return the body that shows an order that was taken."""
    return _encode(Loaded(_MESSAGE, order.order_id, order.status))


def decode_older_order(body: bytes, currency: str) -> OrderRequest:
    """Return the order of one line in ``body``.

    Raises:
        ProblemError: ``malformed_body`` or ``invalid_order``.

    """
    return _read_plain(body, currency) or _read_strictly(body, currency)


def _read_plain(body: bytes, currency: str) -> OrderRequest | None:
    """Return the order of a body with just the four names as documented, else None."""
    if b"\\" in body or body.count(b'"') != _PLAIN_QUOTES:
        return None
    try:
        order = _decode_plain(body)
        price = bytes(order.total_price).decode("ascii")
        total = _price(price, currency)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, MoneyError):
        return None
    return _one_line(order.user_id, order.product_id, order.quantity, total, currency)


def _read_strictly(body: bytes, currency: str) -> OrderRequest:
    value = strict_json.parse(body)
    if not isinstance(value, dict):
        raise invalid_order([Fault("", "wrong_type", "send an object")])
    faults: list[Fault] = []
    fields = _fold(value, faults)
    user_id = check_integer(fields, "user_id", "", MAX_ID, faults)
    product_id = check_integer(fields, "product_id", "", MAX_ID, faults)
    quantity = check_integer(fields, "quantity", "", MAX_QUANTITY, faults)
    total = _check_price(fields, currency, faults)
    if faults or not (user_id and product_id and quantity and total):
        raise invalid_order(faults)
    return _one_line(user_id, product_id, quantity, total, currency)


def _fold(value: dict[str, Json], faults: list[Fault]) -> dict[str, Json]:
    """Return the known fields under their documented names."""
    fields: dict[str, Json] = {}
    for given, item in value.items():
        name = given.lower()
        if name in fields:
            place = strict_json.child("", given)
            faults.append(Fault(place, "duplicate_key", "the name is given twice"))
        elif name in _FIELDS:
            fields[name] = item
    faults.extend(
        Fault(f"/{name}", "missing_field", "is required")
        for name in _FIELDS
        if name not in fields
    )
    return fields


def _check_price(
    fields: dict[str, Json], currency: str, faults: list[Fault]
) -> int | None:
    value = fields.get("total_price")
    if isinstance(value, Number):
        text = value.text
    elif isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
    else:
        if "total_price" in fields:
            faults.append(Fault("/total_price", "wrong_type", "send a number"))
        return None
    try:
        return _price(text, currency)
    except MoneyError as error:
        faults.append(Fault("/total_price", "invalid_amount", str(error)))
        return None


def _price(number: str, currency: str) -> int:
    """Return the minor units of a JSON number, which never becomes a float.

    Raises:
        MoneyError: more digits than the currency has, or not from 1 up to the
            largest amount.

    """
    if number.isdecimal() and number != "0":
        return parse_amount(number, currency)
    digits = currency_digits(currency)
    if len(number) > _MAX_PRICE_LENGTH or number[:1] not in "-0123456789":
        raise MoneyError("send a number")
    price = Decimal(number)
    exponent = price.as_tuple().exponent
    if not isinstance(exponent, int) or not -digits <= exponent <= _MAX_EXPONENT:
        raise MoneyError(f"{currency} amounts have {digits} decimal digits")
    if not 0 < price <= MAX_MINOR:
        raise MoneyError("the price is out of range")
    # Spelled with exactly the currency's digits, the rest is the one rule of money.
    return parse_amount(f"{price:.{digits}f}", currency)


def _one_line(
    user_id: int, product_id: int, quantity: int, total: int, currency: str
) -> OrderRequest:
    line = OrderLine(product_id, quantity, total)
    return OrderRequest(user_id, currency, total, (line,))


def write_older_error(resp: falcon.Response, error: ProblemError) -> None:
    """Answer as the older service did: its clients know 400 and 503 only.

    What concerns the API key keeps its status: there are no older clients with one.
    """
    resp.status = falcon.HTTP_503 if error.kind.retryable else falcon.HTTP_400
    if error.kind.status in ABOUT_KEY:
        resp.status = falcon.code_to_http_status(error.kind.status)
    write_problem_headers(resp, error)
    resp.data = render_older_error(error)


def render_older_error(error: ProblemError) -> bytes:
    """Return the body that tells ``error``."""
    about_body = error.code in {"malformed_body", "invalid_order"}
    return _encode(OlderError(INVALID if about_body else error.detail, error.faults))
