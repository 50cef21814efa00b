"""The one table of legal moves; SQL guards, API and tests are checked against it."""

from typing import NamedTuple

from orders.domain.errors import IllegalMoveError
from orders.domain.order import Name
from orders.domain.order import OrderStatus as S
from orders.domain.order import PaymentStatus as P


class Change(Name):
    """What can happen to an order; also the middle of its event's type."""

    ACCEPTED = "accepted"
    ATTEMPT_STARTED = "attempt_started"
    APPROVED = "paid"
    DECLINED = "failed"
    NOT_SENT = "not_sent"
    OUTCOME_LOST = "unresolved"
    CANCEL_REQUESTED = "cancel_requested"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    PAYMENT_RETRIED = "payment_retried"
    REFUND_STARTED = "refund_started"
    REFUND_FAILED = "refund_failed"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    LATE_SUCCESS = "late_success"


class State(NamedTuple):
    """A point on the two axes."""

    status: S
    payment_status: P


class Transition(NamedTuple):
    """One legal move; ``source`` is None for an order that does not exist yet."""

    source: State | None
    change: Change
    target: State


_PENDING = State(S.PENDING, P.PENDING)
_PROCESSING = State(S.PROCESSING, P.PENDING)
_UNRESOLVED = State(S.UNRESOLVED, P.UNKNOWN)
_PAID = State(S.PAID, P.SUCCESS)
_FAILED = State(S.FAILED, P.FAILED)
_CANCELLED = State(S.CANCELLED, P.NONE)
_EXPIRED = State(S.EXPIRED, P.NONE)
_REFUNDING = State(S.PAID, P.REFUNDING)
_PARTLY = State(S.PAID, P.PARTIALLY_REFUNDED)
_REFUNDED = State(S.REFUNDED, P.REFUNDED)

TRANSITIONS = (
    Transition(None, Change.ACCEPTED, _PENDING),
    Transition(_PENDING, Change.ATTEMPT_STARTED, _PROCESSING),
    Transition(_PENDING, Change.APPROVED, _PAID),
    Transition(_PENDING, Change.DECLINED, _FAILED),
    Transition(_PENDING, Change.CANCELLED, _CANCELLED),
    Transition(_PENDING, Change.EXPIRED, _EXPIRED),
    Transition(_PROCESSING, Change.APPROVED, _PAID),
    Transition(_PROCESSING, Change.DECLINED, _FAILED),
    Transition(_PROCESSING, Change.NOT_SENT, _PENDING),
    Transition(_PROCESSING, Change.OUTCOME_LOST, _UNRESOLVED),
    Transition(_PROCESSING, Change.CANCEL_REQUESTED, _PROCESSING),
    Transition(_PROCESSING, Change.CANCELLED, _CANCELLED),
    Transition(_UNRESOLVED, Change.APPROVED, _PAID),
    Transition(_UNRESOLVED, Change.DECLINED, _FAILED),
    Transition(_UNRESOLVED, Change.CANCEL_REQUESTED, _UNRESOLVED),
    Transition(_UNRESOLVED, Change.CANCELLED, _CANCELLED),
    Transition(_PAID, Change.REFUND_STARTED, _REFUNDING),
    Transition(_PARTLY, Change.REFUND_STARTED, _REFUNDING),
    Transition(_REFUNDING, Change.REFUNDED, _REFUNDED),
    Transition(_REFUNDING, Change.PARTIALLY_REFUNDED, _PARTLY),
    Transition(_REFUNDING, Change.REFUND_FAILED, _PAID),
    Transition(_FAILED, Change.PAYMENT_RETRIED, _PENDING),
    Transition(_CANCELLED, Change.LATE_SUCCESS, _CANCELLED),
    Transition(_FAILED, Change.LATE_SUCCESS, _FAILED),
    Transition(_EXPIRED, Change.LATE_SUCCESS, _EXPIRED),
)

_BY_SOURCE = {(t.source, t.change): t.target for t in TRANSITIONS}


def move(source: State | None, change: Change) -> State:
    """Return the state that ``change`` leads to.

    Raises:
        IllegalMoveError: the table has no such move.

    """
    try:
        return _BY_SOURCE[source, change]
    except KeyError:
        where = "no order" if source is None else f"{source.status}"
        raise IllegalMoveError(f"{change} is not possible from {where}") from None


def changes_from(source: State | None) -> frozenset[Change]:
    """Return every change the table allows from ``source``."""
    return frozenset(change for origin, change in _BY_SOURCE if origin == source)
