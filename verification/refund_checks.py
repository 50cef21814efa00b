"""No more goes back than was paid, and all that is stored agrees on how much did."""

import json
from collections.abc import Iterator

from orders.domain.audit import AuditedOrder, StoredEvent, StoredOrder, StoredRefund
from orders.domain.money import CURRENCY_DIGITS, format_amount
from orders.domain.order import PaymentStatus
from orders.domain.transitions import Change
from orders.verification.path import change_of
from orders.verification.verdict import Finding, Group

_OUTCOMES = frozenset({Change.PARTIALLY_REFUNDED, Change.REFUNDED})
_BACK = frozenset({PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED})


def check_refunds(found: AuditedOrder, order: StoredOrder) -> Iterator[Finding]:
    """Yield what is wrong with the refunds of one order.

    A refund is written with the move of its order, so that neither may be late.
    """
    for rule, detail in _faults(found, order):
        yield Finding(Group.MONEY, rule, order.order_id, detail)


def _faults(found: AuditedOrder, order: StoredOrder) -> Iterator[tuple[str, str]]:
    outcomes = {it.version: it for it in found.history if change_of(it) in _OUTCOMES}
    if not found.refunds and not outcomes and order.payment_status not in _BACK:
        return
    refunded = 0
    for refund in found.refunds:
        refunded += refund.amount
        event = outcomes.pop(refund.version, None)
        if event is None:
            yield "refund_without_event", f"{_words(refund)} at {refund.version}"
        else:
            yield from _event_faults(order, refund, event, refunded)
        if (refund.tenant_id, refund.currency) != (order.tenant_id, order.currency):
            yield "refund_of_another", f"{_words(refund)} of {refund.tenant_id}"
    for version in outcomes:
        yield "refund_missing", f"version {version} tells of a refund without a row"
    yield from _sum_faults(order, refunded)


def _event_faults(
    order: StoredOrder, refund: StoredRefund, event: StoredEvent, refunded: int
) -> Iterator[tuple[str, str]]:
    """Hold one refund against its event; ``refunded`` is all that is back by it."""
    whole = refunded == order.total
    if (change_of(event) is Change.REFUNDED) is not whole:
        detail = f"{refunded} of {order.total} minor units were back by {event.type}"
        yield "refund_event_misstates", f"version {event.version}: {detail}"
    if refund.currency not in CURRENCY_DIGITS:
        return
    amount = format_amount(refund.amount, refund.currency)
    told = _amount_told(event.data)
    if told != amount:
        yield "refund_event_misstates", f"{_words(refund)}, its event says {told!r:.40}"


def _sum_faults(order: StoredOrder, refunded: int) -> Iterator[tuple[str, str]]:
    if refunded > order.total:
        yield "refunded_too_much", f"{refunded} of {order.total} minor units"
        return
    wanted = None
    if refunded:
        part = refunded < order.total
        wanted = PaymentStatus.PARTIALLY_REFUNDED if part else PaymentStatus.REFUNDED
    stands = order.payment_status
    # While a gateway is asked for the next one, the last one does not show.
    if stands == PaymentStatus.REFUNDING:
        return
    if stands != wanted and (wanted is not None or stands in _BACK):
        detail = f"{refunded} of {order.total} minor units are back"
        yield "state_differs_from_refunds", f"{stands}: {detail}"


def _amount_told(data: str) -> object:
    try:
        refund = json.loads(data)["refund"]
        return refund["amount"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def _words(refund: StoredRefund) -> str:
    return f"a refund of {refund.amount} minor units of {refund.currency}"
