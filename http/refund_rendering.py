"""Refunds as they are answered: amounts are decimal strings, times RFC 3339."""

import msgspec

from orders.domain.money import shown_amount
from orders.domain.refunds import OrderRefunds, Refund
from orders.http.rendering import order_path, timestamp

_encode = msgspec.json.Encoder().encode


class RefundLinks(msgspec.Struct, frozen=True, rename={"itself": "self"}):
    """Where to go from a refund."""

    itself: str
    order: str


class RefundOut(msgspec.Struct, frozen=True):
    """A refund as it is answered; it never changes."""

    refund_id: str
    order_id: str
    amount: str | None
    """None where this release does not know the currency."""
    currency: str
    state: str
    order_version: int
    """That of the order by this refund: what ``If-Match`` of the next one names."""
    created_at: str
    links: RefundLinks
    reason: str | msgspec.UnsetType = msgspec.UNSET


class RefundsOut(msgspec.Struct, frozen=True):
    """An order's refunds, oldest first, and what they leave of its total."""

    order_id: str
    currency: str
    total: str | None
    refunded: str | None
    left: str | None
    refunds: list[RefundOut]


def refund_path(refund: Refund) -> str:
    """Return where the refund is found."""
    return f"{order_path(refund.order_id)}/refunds/{refund.refund_id}"


def render_refund(refund: Refund) -> bytes:
    """Return the body that shows ``refund``."""
    return _encode(_refund_out(refund))


def render_refunds(found: OrderRefunds) -> bytes:
    """Return the body that shows an order's refunds.

    What is left follows from the refunds shown, so that both always agree.
    """
    request, refunded = found.order.request, found.refunded
    currency = request.currency
    return _encode(
        RefundsOut(
            found.order.order_id,
            currency,
            shown_amount(request.total, currency),
            shown_amount(refunded, currency),
            shown_amount(request.total - refunded, currency),
            [_refund_out(refund) for refund in found.refunds],
        )
    )


def _refund_out(refund: Refund) -> RefundOut:
    return RefundOut(
        refund_id=refund.refund_id,
        order_id=refund.order_id,
        amount=shown_amount(refund.amount, refund.currency),
        currency=refund.currency,
        state=refund.state,
        order_version=refund.version,
        created_at=timestamp(refund.created_at),
        links=RefundLinks(refund_path(refund), order_path(refund.order_id)),
        reason=msgspec.UNSET if refund.reason is None else refund.reason,
    )
