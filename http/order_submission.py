"""Storing an order from inside a handler: hand it over, park, read the outcome."""

from dataclasses import dataclass
from typing import Final, NamedTuple, cast

from orders.actors.messages import (
    NOT_STORED,
    OUTCOME_UNKNOWN,
    Refused,
    Submission,
    SubmissionAnswer,
)
from orders.domain.events import event_data
from orders.domain.identifiers import IdFactory
from orders.domain.intake import (
    IdempotencyKey,
    KeyBusy,
    KeyReused,
    NewOrder,
    Replayed,
    Stored,
)
from orders.domain.order import Order, OrderRequest
from orders.domain.transitions import Change, move
from orders.http.backend import Backend, Clock
from orders.http.idempotency import idempotency_key
from orders.http.parking import LATE, Parking
from orders.http.problems import ProblemError, refused, unknown_outcome
from orders.http.request_context import ServiceRequest, tenant_of, traceparent_of

RETRY_AFTER_SECONDS: Final = 1.0
"""Advice where nothing was measured."""
_FIRST_VERSION = 1
_ACCEPTED = move(None, Change.ACCEPTED)


class Accepted(NamedTuple):
    """A committed order; ``replayed`` says that an earlier request made it."""

    order: Order
    replayed: bool


@dataclass(frozen=True, slots=True)
class OrderSubmission:
    """Stores orders; used inside handlers, on the event loop.

    Args:
        new_id: makes order ids; owned by the loop's thread.
        timeout_seconds: how long one handler waits for the outcome.

    """

    backend: Backend
    parking: Parking
    clock: Clock
    new_id: IdFactory
    timeout_seconds: float

    def store(
        self, req: ServiceRequest, route: str, key: str | None, request: OrderRequest
    ) -> Accepted:
        """Return the order once it is committed.

        Raises:
            ProblemError: it was not stored, or it is not known whether it was.

        """
        order = self.new_order(req, request, idempotency_key(route, key, request))
        return self.outcome(self.hand_over(order, self.clock() + self.timeout_seconds))

    def hand_over(self, order: NewOrder, deadline: float) -> Submission:
        """Hand the order over for this turn of the loop; ``outcome`` is still due.

        Raises:
            ProblemError: it was not taken, and is not stored.

        """
        submission = Submission(order, self.parking.ticket(deadline), deadline)
        refusal = self.backend.submit(submission)
        if refusal is not None:
            raise refused(refusal)
        return submission

    def outcome(self, submission: Submission) -> Accepted:
        """Wait for what became of an order that was handed over.

        Raises:
            ProblemError: it was not stored, or it is not known whether it was.

        """
        answer = self.parking.park(submission.ticket)
        if answer is LATE:
            raise _late(submission)
        return _accepted(submission.order, cast("SubmissionAnswer", answer))

    def new_order(
        self, req: ServiceRequest, request: OrderRequest, key: IdempotencyKey | None
    ) -> NewOrder:
        """Return the order that ``request`` is to become, with an id of its own."""
        order_id = self.new_id()
        tenant_id = tenant_of(req)
        return NewOrder(
            order_id,
            tenant_id,
            request,
            event_data(
                order_id,
                tenant_id,
                request.user_id,
                request.total,
                request.currency,
                _ACCEPTED,
                _FIRST_VERSION,
            ),
            key,
            traceparent_of(req),
        )


def _late(submission: Submission) -> ProblemError:
    """Return what can be said of a submission whose answer did not come in time."""
    if submission.drop():  # no writer will ever take it
        return ProblemError(
            NOT_STORED,
            "The order was not stored in time and will not be: send it again.",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )
    return unknown_outcome(submission.order.order_id, RETRY_AFTER_SECONDS)


def _accepted(order: NewOrder, answer: SubmissionAnswer) -> Accepted:
    if isinstance(answer, Stored):
        return Accepted(_fresh(order, answer), replayed=False)
    if isinstance(answer, Replayed):
        return Accepted(answer.order, replayed=True)
    if isinstance(answer, KeyReused):
        raise ProblemError(
            "idempotency_key_reused",
            "The Idempotency-Key belongs to a request with another body.",
        )
    if isinstance(answer, KeyBusy):
        raise ProblemError(
            "idempotency_key_in_use",
            "The first request with this Idempotency-Key is still under way.",
            retry_after_seconds=RETRY_AFTER_SECONDS,
        )
    if isinstance(answer, Refused):
        if answer.reason == OUTCOME_UNKNOWN:
            raise unknown_outcome(order.order_id, answer.retry_after_seconds)
        raise refused(answer)
    raise ProblemError("order_refused", "The database refuses a value of this order.")


def _fresh(order: NewOrder, stored: Stored) -> Order:
    """Return what PostgreSQL now has, without asking it."""
    return Order(
        order.order_id,
        order.tenant_id,
        order.request,
        _ACCEPTED.status,
        _ACCEPTED.payment_status,
        _FIRST_VERSION,
        stored.created_at,
        stored.created_at,
    )
