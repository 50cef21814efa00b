"""Changes that a client asks for: which are possible, and what is written of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from orders.domain.events import OrderEvent, event_data
from orders.domain.intake import IdempotencyKey, KeyBusy, KeyReused, Replayed
from orders.domain.notices import notice_of
from orders.domain.order import Order
from orders.domain.refunds import Refund, RefundWish
from orders.domain.settlement import OpenOrder, Settlement
from orders.domain.transitions import Change, State, changes_from, move

MAX_REASON_LENGTH: Final = 500
"""Characters of the reason that a client gives for a change."""


class Action(StrEnum):
    """What a client may ask to be done with an order, as the API calls it."""

    CANCEL = "cancel"
    RETRY_PAYMENT = "retry_payment"
    REFUND = "refund"


_CHANGES: Final[Mapping[Action, tuple[Change, ...]]] = MappingProxyType(
    {
        # Where a payment is under way, a cancellation can only be asked for.
        Action.CANCEL: (Change.CANCEL_REQUESTED, Change.CANCELLED),
        Action.RETRY_PAYMENT: (Change.PAYMENT_RETRIED,),
        Action.REFUND: (Change.REFUND_STARTED,),
    }
)
"""What each action does: the first of these that the transition table has."""

ASKED_FOR: Final = frozenset(
    change for changes in _CHANGES.values() for change in changes
)
"""Changes that people give reasons for: kept in the history, never published."""


class OrderChange(NamedTuple):
    """One request to change an order, already checked."""

    order_id: str
    tenant_id: str
    action: Action
    actor: str
    """Who asks, as the history names them."""
    reason: str | None = None
    """Why, in the client's words."""
    required_version: int | None = None
    """The version the order must have; any where it is None."""
    key: IdempotencyKey | None = None
    traceparent: str | None = None
    refund: RefundWish | None = None
    """What ``Action.REFUND`` needs, None for every other action."""


class Changed(NamedTuple):
    """Committed now, by this call."""

    settlement: Settlement
    """The change, as one compare-and-set; the last where it took several."""
    order: Order
    """The order as it is by this change."""
    traceparent: str | None = None
    before: tuple[Settlement, ...] = ()
    """Those that led there in the same transaction, by version."""
    refund: Refund | None = None

    @property
    def occurred_at(self) -> datetime:
        """The time of the transaction."""
        return self.order.updated_at

    @property
    def events(self) -> tuple[OrderEvent, ...]:
        """The change as it is published, by version."""
        return tuple(
            step.event(self.occurred_at)._replace(traceparent=self.traceparent)
            for step in (*self.before, self.settlement)
        )


# Without a field, a NamedTuple would be false and equal to any other empty one.
@dataclass(frozen=True, slots=True)
class OrderAbsent:
    """The tenant has no such order."""


class OrderUnreadable(NamedTuple):
    """What is stored of the order is not for this release to change."""

    order_id: str
    why: str


class VersionDiffers(NamedTuple):
    """The order is not at the version that the client asked for."""

    order: Order
    allowed: tuple[Action, ...]


class MoveRefused(NamedTuple):
    """The order's state does not allow the action."""

    order: Order
    allowed: tuple[Action, ...]
    attempts_used_up: bool = False
    """The table has the move, but the order's payments were tried often enough."""


class RefundReplayed(NamedTuple):
    """The key was used before for this refund, with the same body."""

    order: Order
    """As it now is."""
    refund: Refund


class AmountRefused(NamedTuple):
    """The order may be refunded, but not by this amount."""

    code: str
    message: str


ChangeOutcome = (
    Changed
    | Replayed
    | RefundReplayed
    | AmountRefused
    | KeyReused
    | KeyBusy
    | OrderAbsent
    | OrderUnreadable
    | VersionDiffers
    | MoveRefused
)


class Attempts(NamedTuple):
    """How often an order's payment was tried, and how often it may be."""

    made: int
    most: int

    @property
    def used_up(self) -> bool:
        """Whether another attempt would be one too many."""
        return self.made >= self.most


def allowed_actions(state: State, attempts: Attempts) -> tuple[Action, ...]:
    """Return what may be done with an order in ``state``."""
    return tuple(
        action
        for action in Action
        if _change_for(action, state) is not None
        and not (action is Action.RETRY_PAYMENT and attempts.used_up)
    )


def decide_change(
    order: Order, wanted: OrderChange, attempts: Attempts
) -> Settlement | VersionDiffers | MoveRefused:
    """Return the compare-and-set that ``wanted`` asks for, or why there is none.

    A version that differs is told before a state that does not allow the action.
    The client's reason is no part of what is published.
    """
    state = State(order.status, order.payment_status)
    allowed = allowed_actions(state, attempts)
    if wanted.required_version not in {None, order.version}:
        return VersionDiffers(order, allowed)
    change = _change_for(wanted.action, state)
    if change is None or wanted.action not in allowed:
        return MoveRefused(order, allowed, attempts_used_up=change is not None)
    return settlement_of(order, change)


def settlement_of(order: Order, change: Change) -> Settlement:
    """Return ``change`` as a compare-and-set on ``order`` as it is.

    Raises:
        IllegalMoveError: the order's state does not allow it.

    """
    order_id, tenant_id, request = order.order_id, order.tenant_id, order.request
    state = State(order.status, order.payment_status)
    target, version = move(state, change), order.version + 1
    return Settlement(
        OpenOrder(
            order_id,
            tenant_id,
            request.user_id,
            request.currency,
            request.total,
            state,
            order.version,
            order.created_at,
        ),
        change,
        target,
        None,
        event_data(
            order_id,
            tenant_id,
            request.user_id,
            request.total,
            request.currency,
            target,
            version,
        ),
        notice_of(change, order_id, version, request.user_id),
    )


def after(order: Order, settlement: Settlement, at: datetime) -> Order:
    """Return ``order`` as it is once ``settlement`` was applied at ``at``."""
    return order._replace(
        status=settlement.target.status,
        payment_status=settlement.target.payment_status,
        version=settlement.version,
        updated_at=at,
    )


def _change_for(action: Action, state: State) -> Change | None:
    possible = changes_from(state)
    return next((c for c in _CHANGES[action] if c in possible), None)
