"""Answers as bytes: amounts are decimal strings, times RFC 3339 in UTC."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orders.domain.causes import cause_of
from orders.domain.money import shown_amount
from orders.domain.notices import Notification
from orders.domain.order import Order
from orders.domain.records import HistoryEntry
from orders.http.problems import unreadable_order


class _State(msgspec.Struct, frozen=True):
    """The part of an event's data that says where the order stood."""

    status: str | UnsetType = UNSET
    payment_status: str | UnsetType = UNSET


_encode = msgspec.json.Encoder().encode
_decode_state = msgspec.json.Decoder(_State).decode


class LineOut(msgspec.Struct, frozen=True):
    """One line as it is answered."""

    product_id: int
    quantity: int
    line_total: str | None
    """None where this release does not know the currency."""


class Links(msgspec.Struct, frozen=True, rename={"itself": "self"}):
    """Where to go from an order."""

    itself: str
    history: str


class OrderOut(msgspec.Struct, frozen=True):
    """An order as it is answered; what it does not have is left out."""

    order_id: str
    status: str
    payment_status: str
    version: int
    user_id: int
    currency: str
    items: list[LineOut] | None
    """None in a list alone, where they cannot be read."""
    total: str | None
    """None where this release does not know the currency."""
    created_at: str
    updated_at: str
    links: Links
    reference: str | UnsetType = UNSET
    metadata: Raw | UnsetType = UNSET


class OrdersOut(msgspec.Struct, frozen=True):
    """A page of orders, newest first; ``next`` is where the list goes on."""

    orders: list[OrderOut]
    next: str | None


class EventOut(msgspec.Struct, frozen=True, kw_only=True):
    """One row of an order's history; ``data`` is what was published."""

    version: int
    type: str
    status: str | UnsetType = UNSET
    payment_status: str | UnsetType = UNSET
    occurred_at: str
    actor: str
    cause: str
    reason: str | None
    data: Raw


class HistoryOut(msgspec.Struct, frozen=True):
    """An order's history, oldest first."""

    order_id: str
    events: list[EventOut]


class NotificationOut(msgspec.Struct, frozen=True):
    """What a customer was told."""

    order_id: str
    version: int
    channel: str
    message: str
    created_at: str


class NotificationsOut(msgspec.Struct, frozen=True):
    """A customer's notifications, newest first."""

    user_id: int
    notifications: list[NotificationOut]


def order_path(order_id: str) -> str:
    """Return where the order is found."""
    return f"/v1/orders/{order_id}"


def timestamp(moment: datetime) -> str:
    """Return ``moment`` in RFC 3339, UTC, with microseconds."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def render_order(order: Order) -> bytes:
    """Return the body that shows ``order``.

    Raises:
        ProblemError: ``order_unreadable``.

    """
    if order.unreadable is not None:
        raise unreadable_order(order.order_id, order.unreadable)
    return _encode(_order_out(order))


def render_listed(order: Order) -> bytes:
    """Return what a list shows of ``order``, whatever of it can be read."""
    return _encode(_order_out(order))


def render_orders(orders: Sequence[Order], next_page: str | None) -> bytes:
    """Return the body that shows a page of orders."""
    return _encode(OrdersOut([_order_out(order) for order in orders], next_page))


def _order_out(order: Order) -> OrderOut:
    request = order.request
    currency = request.currency
    created = timestamp(order.created_at)
    fresh = order.updated_at is order.created_at
    path = order_path(order.order_id)
    return OrderOut(
        order_id=order.order_id,
        status=order.status,
        payment_status=order.payment_status,
        version=order.version,
        user_id=request.user_id,
        currency=currency,
        items=None
        if order.unreadable is not None
        else [
            LineOut(product_id, quantity, shown_amount(line_total, currency))
            for product_id, quantity, line_total in request.lines
        ],
        total=shown_amount(request.total, currency),
        created_at=created,
        updated_at=created if fresh else timestamp(order.updated_at),
        links=Links(path, f"{path}/history"),
        reference=UNSET if request.reference is None else request.reference,
        metadata=UNSET if request.metadata is None else Raw(request.metadata),
    )


def render_history(order_id: str, entries: Sequence[HistoryEntry]) -> bytes:
    """Return the body that shows an order's history.

    Raises:
        ProblemError: ``order_unreadable``, the data of an event is no JSON.

    """
    events = [
        EventOut(
            version=entry.version,
            type=entry.type,
            status=state.status,
            payment_status=state.payment_status,
            occurred_at=timestamp(entry.occurred_at),
            actor=entry.actor,
            cause=cause_of(entry.actor),
            reason=entry.reason,
            data=Raw(entry.data),
        )
        for entry in entries
        for state in (_state_in(order_id, entry),)
    ]
    return _encode(HistoryOut(order_id, events))


def _state_in(order_id: str, entry: HistoryEntry) -> _State:
    """Return where the order stood by an event; nothing where its data has no such."""
    try:
        try:
            return _decode_state(entry.data)
        except msgspec.ValidationError:  # which says nothing of what comes behind
            msgspec.json.decode(entry.data)
            return _State()
    except (msgspec.DecodeError, RecursionError) as error:
        why = f"history, version {entry.version}: {error}"
        raise unreadable_order(order_id, why) from error


def render_notifications(user_id: int, notifications: Sequence[Notification]) -> bytes:
    """Return the body that shows a customer's notifications."""
    shown = [
        NotificationOut(
            order_id=notice.order_id,
            version=notice.version,
            channel=notice.channel,
            message=notice.message,
            created_at=timestamp(created_at),
        )
        for notice, created_at in notifications
    ]
    return _encode(NotificationsOut(user_id, shown))
