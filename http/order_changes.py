"""Changing an order from inside a handler: hand it over, park, read the outcome."""

from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple, cast

import msgspec

from orders.actors.messages import (
    NOT_STORED,
    OUTCOME_UNKNOWN,
    ChangeAnswer,
    ChangeOrder,
    Refused,
)
from orders.domain.changing import (
    Action,
    AmountRefused,
    Changed,
    MoveRefused,
    OrderAbsent,
    OrderChange,
    OrderUnreadable,
    RefundReplayed,
    VersionDiffers,
)
from orders.domain.intake import IdempotencyKey, KeyBusy, KeyReused, Replayed
from orders.domain.order import Order
from orders.domain.refunds import Refund
from orders.http.backend import Backend, Clock
from orders.http.change_body import amount_refused
from orders.http.order_resources import not_found
from orders.http.parking import LATE, Parking
from orders.http.problems import (
    OrderState,
    ProblemError,
    refused,
    unreadable_order,
)

_RETRY_AFTER_SECONDS = 1.0
_DIGEST_BYTES = 16
_encode = msgspec.json.Encoder().encode


class Applied(NamedTuple):
    """The order as it is; ``replayed`` says that an earlier request changed it."""

    order: Order
    replayed: bool
    refund: Refund | None = None


@dataclass(frozen=True, slots=True)
class OrderChanges:
    """Changes orders; used inside handlers, on the event loop.

    Args:
        timeout_seconds: how long one handler waits for the outcome.

    """

    backend: Backend
    parking: Parking
    clock: Clock
    timeout_seconds: float

    def apply(self, change: OrderChange) -> Applied:
        """Return the order once its change is committed.

        Raises:
            ProblemError: it was not changed, or it is not known whether it was.

        """
        deadline = self.clock() + self.timeout_seconds
        ticket = self.parking.ticket(deadline)
        request = ChangeOrder(change, ticket, deadline)
        refusal = self.backend.change(request)
        if refusal is not None:
            raise refused(refusal)
        answer = self.parking.park(ticket)
        if answer is LATE:
            raise _late(request)
        return _applied(change, cast("ChangeAnswer", answer))


def change_key(
    route: str, key: str | None, order_id: str, *wishes: str | None
) -> IdempotencyKey | None:
    """Return what is stored of ``key``, None where the client sent none.

    The order is part of what the key stands for: the route is the same for all.
    """
    if key is None:
        return None
    meaning = _encode((order_id, *wishes))
    return IdempotencyKey(
        route, key, blake2b(meaning, digest_size=_DIGEST_BYTES).digest()
    )


def _applied(change: OrderChange, answer: ChangeAnswer) -> Applied:
    if isinstance(answer, Changed):
        return Applied(answer.order, replayed=False, refund=answer.refund)
    if isinstance(answer, Replayed):
        return Applied(answer.order, replayed=True)
    if isinstance(answer, RefundReplayed):
        return Applied(answer.order, replayed=True, refund=answer.refund)
    if isinstance(answer, VersionDiffers | MoveRefused):
        raise _not_allowed(change.action, answer)
    raise _not_applied(change, answer)


def _not_applied(
    change: OrderChange,
    answer: Refused
    | KeyReused
    | KeyBusy
    | OrderAbsent
    | OrderUnreadable
    | AmountRefused,
) -> ProblemError:
    if isinstance(answer, Refused):
        if answer.reason == OUTCOME_UNKNOWN:
            return _unknown(change, answer.retry_after_seconds)
        return refused(answer)
    if isinstance(answer, KeyReused):
        return ProblemError(
            "idempotency_key_reused",
            "The Idempotency-Key belongs to a request for another order or with"
            " another body.",
        )
    if isinstance(answer, KeyBusy):
        return ProblemError(
            "idempotency_key_in_use",
            "The first request with this Idempotency-Key is still under way.",
            retry_after_seconds=_RETRY_AFTER_SECONDS,
        )
    if isinstance(answer, OrderAbsent):
        return not_found()
    if isinstance(answer, OrderUnreadable):
        return unreadable_order(answer.order_id, answer.why)
    return amount_refused(answer.code, answer.message)


def _not_allowed(action: Action, answer: VersionDiffers | MoveRefused) -> ProblemError:
    order = answer.order
    state = OrderState(
        order.order_id,
        order.status,
        order.payment_status,
        order.version,
        tuple(answer.allowed),
    )
    if isinstance(answer, VersionDiffers):
        detail = f"The order is at version {order.version}: look at it again."
        return ProblemError("precondition_failed", detail, order=state)
    if answer.attempts_used_up:
        return ProblemError(
            "payment_attempts_used_up",
            "The order's payment was tried as often as it may be.",
            order=state,
        )
    detail = f"{action} is not possible while the order is {order.status}."
    return ProblemError("transition_not_allowed", detail, order=state)


def _late(request: ChangeOrder) -> ProblemError:
    """Return what can be said of a change whose answer did not come in time."""
    if request.drop():  # nobody will ever take it
        return ProblemError(
            NOT_STORED,
            "The order was not changed in time and will not be: send the request"
            " again.",
            retry_after_seconds=_RETRY_AFTER_SECONDS,
        )
    return _unknown(request.change, _RETRY_AFTER_SECONDS)


def _unknown(change: OrderChange, retry_after_seconds: float) -> ProblemError:
    place = "its Location" if change.refund is None else "its refunds"
    again = (
        "send the request again with the same Idempotency-Key."
        if change.key is not None
        else f"look at {place}, and send the request again with If-Match if it was not."
    )
    return ProblemError(
        OUTCOME_UNKNOWN,
        f"The order may have been changed: {again}",
        retry_after_seconds=retry_after_seconds,
        order_id=change.order_id,
    )
