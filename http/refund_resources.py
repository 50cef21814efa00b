"""Refunds over HTTP: ask for one, look at one, look at all of an order."""

from dataclasses import dataclass
from typing import Final

import falcon

from orders.actors.messages import Refused
from orders.domain.changing import Action, OrderChange
from orders.domain.identifiers import IdFactory
from orders.domain.refunds import OrderRefunds, RefundWish
from orders.http.change_body import RefundBody, refund_of
from orders.http.idempotency import key_of
from orders.http.order_changes import OrderChanges, change_key
from orders.http.order_questions import OrderQuestions
from orders.http.order_resources import canonical_id, not_found
from orders.http.preconditions import required_version
from orders.http.preferences import query_of
from orders.http.problems import ProblemError, refused
from orders.http.refund_rendering import refund_path, render_refund, render_refunds
from orders.http.request_context import (
    ServiceRequest,
    actor_of,
    demand_json_answer,
    tenant_of,
    traceparent_of,
)

REFUNDS_PATH: Final = "/v1/orders/{order_id}/refunds"
REFUND_PATH: Final = "/v1/orders/{order_id}/refunds/{refund_id}"
_ROUTE: Final = f"POST {REFUNDS_PATH}"


@dataclass(frozen=True, slots=True)
class RefundCollection:
    """``/v1/orders/{order_id}/refunds``.

    Args:
        new_id: makes refund ids; owned by the loop's thread.

    """

    changes: OrderChanges
    questions: OrderQuestions
    new_id: IdFactory

    def on_post(
        self, req: ServiceRequest, resp: falcon.Response, order_id: str
    ) -> None:
        """Refund the order, in whole or in part: 201 once that is committed.

        Raises:
            ProblemError: it was not done, or that is not known.

        """
        demand_json_answer(req)
        query_of(req)
        order_id = canonical_id(order_id)
        applied = self.changes.apply(self._change(req, order_id))
        refund = applied.refund
        assert refund is not None  # noqa: S101 - what was asked for was a refund
        resp.status = falcon.HTTP_201
        resp.set_header("location", refund_path(refund))
        if applied.replayed:
            resp.set_header("idempotency-replayed", "true")
        resp.data = render_refund(refund)

    def on_get(self, req: ServiceRequest, resp: falcon.Response, order_id: str) -> None:
        """Show the order's refunds, oldest first.

        Raises:
            ProblemError: there is no such order, or it cannot be read now.

        """
        resp.data = render_refunds(_refunds(self.questions, req, order_id))

    on_head = on_get

    def _change(self, req: ServiceRequest, order_id: str) -> OrderChange:
        key = key_of(req)
        version = required_version(req)
        body = refund_of(req)
        wishes = (_meaning(body), body.reason)
        return OrderChange(
            order_id,
            tenant_of(req),
            Action.REFUND,
            actor_of(req),
            body.reason,
            version,
            change_key(_ROUTE, key, order_id, *wishes),
            traceparent_of(req),
            RefundWish(self.new_id(), body.amount),
        )


@dataclass(frozen=True, slots=True)
class RefundItem:
    """``/v1/orders/{order_id}/refunds/{refund_id}``."""

    questions: OrderQuestions

    def on_get(
        self, req: ServiceRequest, resp: falcon.Response, order_id: str, refund_id: str
    ) -> None:
        """Show one refund.

        Raises:
            ProblemError: there is no such order or refund, or it cannot be read now.

        """
        wanted = refund_id.lower()
        for refund in _refunds(self.questions, req, order_id).refunds:
            if refund.refund_id == wanted:
                resp.data = render_refund(refund)
                return
        raise ProblemError("refund_not_found", "The order has no refund of this id.")

    on_head = on_get


def _refunds(
    questions: OrderQuestions, req: ServiceRequest, order_id: str
) -> OrderRefunds:
    demand_json_answer(req)
    query_of(req)
    answer = questions.refunds(tenant_of(req), canonical_id(order_id))
    if isinstance(answer, Refused):
        raise refused(answer)
    if answer is None:
        raise not_found()
    return answer


def _meaning(body: RefundBody) -> str | None:
    """Return the amount as the key's fingerprint has it: "12.00" means "12"."""
    if body.amount is None:
        return None
    whole, _, fraction = body.amount.partition(".")
    return body.amount if fraction.strip("0") else whole
