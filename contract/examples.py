"""Examples, read and written by the code that reads requests and writes answers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import msgspec

from orders.contract.json_schema import JsonObject
from orders.domain.api_keys import Scope
from orders.domain.causes import RULE
from orders.domain.changing import Action
from orders.domain.events import OrderEvent, event_data, event_type, with_refund
from orders.domain.listing import OrderFilters
from orders.domain.notices import Notification, notice_of
from orders.domain.order import (
    DEFAULT_TENANT,
    MAX_QUANTITY,
    Order,
    OrderStatus,
    PaymentStatus,
)
from orders.domain.payment import AMOUNT_LIMIT
from orders.domain.records import HistoryEntry
from orders.domain.refunds import OrderRefunds, Refund, RefundState
from orders.domain.transitions import TRANSITIONS, Change
from orders.http.batch_rendering import render_batch
from orders.http.decoding import decode_order
from orders.http.older_route import render_loaded, render_older_error
from orders.http.order_list import DEFAULT_LIMIT, ListRequest, next_page
from orders.http.order_submission import Accepted
from orders.http.problems import (
    KINDS,
    Fault,
    OrderState,
    ProblemError,
    render_problem,
)
from orders.http.refund_rendering import render_refund, render_refunds
from orders.http.rendering import (
    order_path,
    render_history,
    render_notifications,
    render_order,
    render_orders,
)

ORDER_ID: Final = "01920000-0000-7000-8000-000000000001"
REFUND_ID: Final = "01920000-0000-7000-8000-000000000002"
REASON: Final = "ordered by mistake"
NEW_ORDER: Final[JsonObject] = {
    "user_id": 7,
    "currency": "EUR",
    "items": [{"product_id": 3, "quantity": 2, "line_total": "99.80"}],
    "total": "99.80",
    "reference": "basket-17",
    "metadata": {"campaign": "spring"},
}
NEW_OLDER_ORDER: Final[JsonObject] = {
    "user_id": 7,
    "product_id": 3,
    "quantity": 2,
    "total_price": 99.8,
}
NEW_REFUND: Final[JsonObject] = {"amount": "12.50", "reason": "one item is broken"}
_AT = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
_LATER = _AT + timedelta(milliseconds=40)
_REFUNDED = 1250
_TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OF_REFUNDS: Final = frozenset(
    {Change.REFUND_STARTED, Change.PARTIALLY_REFUNDED, Change.REFUNDED}
)
"""Changes whose events tell which refund they are about."""
_REQUEST_ID = "01920000-0000-7000-8000-0000000000ff-2a"
_encode = msgspec.json.encode


def _decoded(text: bytes) -> JsonObject:
    return cast("JsonObject", msgspec.json.decode(text))


def _order(status: OrderStatus, payment_status: PaymentStatus, version: int) -> Order:
    request = decode_order(_encode(NEW_ORDER), "USD")
    return Order(
        *(ORDER_ID, DEFAULT_TENANT, request, status, payment_status, version),
        created_at=_AT,
        updated_at=_AT if version == 1 else _LATER,
    )


PENDING_ORDER: Final = _order(OrderStatus.PENDING, PaymentStatus.PENDING, 1)
PAID_ORDER: Final = _order(OrderStatus.PAID, PaymentStatus.SUCCESS, 2)
CANCELLED_ORDER: Final = _order(OrderStatus.CANCELLED, PaymentStatus.NONE, 2)
_RETRIED_ORDER = _order(OrderStatus.PENDING, PaymentStatus.PENDING, 3)
_REFUND = Refund(
    *(REFUND_ID, ORDER_ID, DEFAULT_TENANT, 4, "EUR", _REFUNDED),
    state=RefundState.SUCCEEDED,
    actor="client",
    reason="one item is broken",
    created_at=_LATER,
)


def pending() -> JsonObject:
    """Return an order that was just accepted."""
    return _decoded(render_order(PENDING_ORDER))


def paid() -> JsonObject:
    """Return an order that is paid."""
    return _decoded(render_order(PAID_ORDER))


def cancelled() -> JsonObject:
    """Return an order that is cancelled."""
    return _decoded(render_order(CANCELLED_ORDER))


def retried() -> JsonObject:
    """Return an order whose payment is tried anew."""
    return _decoded(render_order(_RETRIED_ORDER))


def orders() -> JsonObject:
    """Return a page of a list that goes on."""
    asked = ListRequest(OrderFilters(user_id=7), None, DEFAULT_LIMIT)
    return _decoded(
        render_orders([PAID_ORDER], next_page(DEFAULT_TENANT, asked, ORDER_ID))
    )


def history() -> JsonObject:
    """Return the history of a paid order."""
    steps = ((Change.ACCEPTED, _AT, "order-intake"), (Change.APPROVED, _LATER, RULE))
    entries = [
        HistoryEntry(
            *(version, event_type(change), event_of(change, version).data, at),
            actor=actor,
            reason=None,
        )
        for version, (change, at, actor) in enumerate(steps, start=1)
    ]
    return _decoded(render_history(ORDER_ID, entries))


def event_of(change: Change, version: int = 2) -> OrderEvent:
    """Return an event of ``change``, with all that it may tell."""
    state = next(t.target for t in TRANSITIONS if t.change is change)
    request = PENDING_ORDER.request
    data = event_data(
        *(ORDER_ID, DEFAULT_TENANT, request.user_id, request.total, request.currency),
        state=state,
        version=version,
        reason=AMOUNT_LIMIT if change is Change.DECLINED else None,
    )
    if change in OF_REFUNDS:
        data = with_refund(data, REFUND_ID, _REFUNDED, request.currency)
    return OrderEvent(
        *(ORDER_ID, version, event_type(change), data, _AT), traceparent=_TRACEPARENT
    )


def loaded() -> JsonObject:
    """Return the older route's answer to an order that was taken."""
    return _decoded(render_loaded(PENDING_ORDER))


def older_error() -> JsonObject:
    """Return the older route's answer to one that was not."""
    fault = Fault("/quantity", "out_of_range", f"send 1 to {MAX_QUANTITY}")
    error = ProblemError("invalid_order", "1 thing is wrong.", faults=[fault])
    return _decoded(render_older_error(error))


def refund() -> JsonObject:
    """Return a refund in part."""
    return _decoded(render_refund(_REFUND))


def refunds() -> JsonObject:
    """Return the refunds of an order."""
    return _decoded(render_refunds(OrderRefunds(PAID_ORDER, (_REFUND,))))


def notifications() -> JsonObject:
    """Return what the customer of a paid order was told."""
    notice = notice_of(Change.APPROVED, ORDER_ID, 2, 7)
    told = [] if notice is None else [Notification(notice, _LATER)]
    return _decoded(render_notifications(7, told))


def batch() -> JsonObject:
    """Return a batch of which one row is not valid."""
    fault = Fault("/1/user_id", "missing_field", "is required")
    problem = ProblemError(
        "invalid_order", "1 thing is wrong; see errors.", faults=[fault]
    )
    return _decoded(render_batch([Accepted(PENDING_ORDER, replayed=False), problem]))


def problem(code: str) -> JsonObject:
    """Return a problem of ``code``, as it is told of an order."""
    make = _PROBLEMS.get(code)
    error = ProblemError(code, f"{KINDS[code].title}.") if make is None else make(code)
    return _decoded(render_problem(error, order_path(ORDER_ID), _REQUEST_ID))


def _faulty(fault: Fault) -> Callable[[str], ProblemError]:
    return lambda code: ProblemError(
        code, "1 thing is wrong; see errors.", faults=[fault]
    )


def _with_state(code: str) -> ProblemError:
    order = PAID_ORDER
    state = OrderState(
        *(order.order_id, order.status, order.payment_status, order.version),
        allowed_actions=(Action.REFUND,),
    )
    return ProblemError(code, f"{KINDS[code].title}.", order=state)


def _uncertain(code: str) -> ProblemError:
    detail = "The order may have been stored: look at its Location."
    return ProblemError(code, detail, order_id=ORDER_ID)


def _lacking(code: str) -> ProblemError:
    return ProblemError(code, f"The API key lacks the scope {Scope.READ}.")


_LINES = Fault("/items", "line_count", "send 1 to 100 lines")
_PROBLEMS: Final[dict[str, Callable[[str], ProblemError]]] = {
    "malformed_body": _faulty(
        Fault("", "not_json", "Expecting value: line 1, column 1")
    ),
    "invalid_query": _faulty(Fault("", "unknown_parameter", "is not known", "colour")),
    "invalid_order": _faulty(_LINES),
    "invalid_batch": _faulty(Fault("/3/items", _LINES.code, _LINES.message)),
    "invalid_request": _faulty(
        Fault("/reason", "wrong_length", "send 1 to 500 characters")
    ),
    "scope_missing": _lacking,
    "precondition_failed": _with_state,
    "transition_not_allowed": _with_state,
    "payment_attempts_used_up": _with_state,
    "outcome_unknown": _uncertain,
}
