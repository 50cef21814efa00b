"""Orders over HTTP: place one, list them, look at one and at its history."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import falcon

from orders.actors.messages import Refused
from orders.domain.identifiers import is_order_id
from orders.domain.order import SETTLED, Order
from orders.http.decoding import decode_order
from orders.http.idempotency import key_of
from orders.http.order_list import PARAMETERS, list_request, next_page
from orders.http.order_questions import OrderQuestions
from orders.http.order_submission import OrderSubmission
from orders.http.preconditions import entity_tag, is_current
from orders.http.preferences import applied, preferred_wait, query_of, wait_parameter
from orders.http.problems import ProblemError, refused, unreadable_order
from orders.http.rendering import (
    order_path,
    render_history,
    render_order,
    render_orders,
)
from orders.http.request_context import (
    ServiceRequest,
    demand_json_answer,
    demand_json_body,
    read_body,
    tenant_of,
)

ROUTE: Final = "POST /v1/orders"
"""The route that idempotency keys of this resource belong to."""
_POLL_AFTER_SECONDS = "1"


@dataclass(frozen=True, slots=True)
class OrderCollection:
    """``/v1/orders``.

    Args:
        report: told of orders that a list shows in part only.

    """

    submission: OrderSubmission
    questions: OrderQuestions
    default_currency: str
    max_body_bytes: int
    report: Callable[[ProblemError], None]

    def on_post(self, req: ServiceRequest, resp: falcon.Response) -> None:
        """Take an order: 202 once it is committed, 200 when a wait saw it settled.

        Raises:
            ProblemError: it was not taken, or that is not known.

        """
        demand_json_body(req)
        demand_json_answer(req)
        query_of(req)
        key = key_of(req)
        body = read_body(req, self.max_body_bytes)
        request = decode_order(body, self.default_currency)
        accepted = self.submission.store(req, ROUTE, key, request)
        wait_seconds = self.questions.granted(preferred_wait(req))
        order = accepted.order
        if wait_seconds:
            order = self._after_wait(resp, order, wait_seconds)
        settled = wait_seconds and order.status in SETTLED
        resp.data = render_order(order)
        resp.status = falcon.HTTP_200 if settled else falcon.HTTP_202
        resp.set_header("location", order_path(order.order_id))
        if accepted.replayed:
            resp.set_header("idempotency-replayed", "true")

    def on_get(self, req: ServiceRequest, resp: falcon.Response) -> None:
        """List the tenant's orders, newest first, page by page.

        Raises:
            ProblemError: the query is wrong, or they cannot be read now.

        """
        demand_json_answer(req)
        tenant_id = tenant_of(req)
        asked = list_request(tenant_id, query_of(req, *PARAMETERS))
        answer = self.questions.orders(
            tenant_id, asked.filters, asked.before, asked.limit
        )
        if isinstance(answer, Refused):
            raise refused(answer)
        for order in answer.orders:
            if order.unreadable is not None:
                self.report(unreadable_order(order.order_id, order.unreadable))
        link = next_page(tenant_id, asked, answer.next_before)
        if link is not None:
            resp.set_header("link", f'<{link}>; rel="next"')
        resp.data = render_orders(answer.orders, link)

    on_head = on_get

    def _after_wait(
        self, resp: falcon.Response, order: Order, wait_seconds: int
    ) -> Order:
        """Return the order once it is settled, or as it is after ``wait_seconds``.

        The order is committed: where it cannot be read now, the client gets what is
        known of it.
        """
        if order.status not in SETTLED:
            found = self.questions.settled_order(
                order.tenant_id, order.order_id, wait_seconds
            )
            if not isinstance(found, Order):
                return order
            order = found
        applied(resp, wait_seconds)
        return order


@dataclass(frozen=True, slots=True)
class OrderItem:
    """``/v1/orders/{order_id}``."""

    questions: OrderQuestions

    def on_get(self, req: ServiceRequest, resp: falcon.Response, order_id: str) -> None:
        """Show the order, at once or when it is settled.

        Raises:
            ProblemError: there is none, or it cannot be read now.

        """
        demand_json_answer(req)
        order = self._order(req, resp, canonical_id(order_id))
        body = render_order(order)
        resp.set_header("etag", entity_tag(order.version))
        if is_current(req, order.version):
            resp.status = falcon.HTTP_304
            return
        if order.status not in SETTLED:
            resp.set_header("retry-after", _POLL_AFTER_SECONDS)
        resp.data = body

    on_head = on_get

    def _order(
        self, req: ServiceRequest, resp: falcon.Response, order_id: str
    ) -> Order:
        wanted = query_of(req, "wait").get("wait")
        preferred = preferred_wait(req) if wanted is None else wait_parameter(wanted)
        seconds = self.questions.granted(preferred)
        tenant_id = tenant_of(req)
        if seconds:
            answer = self.questions.settled_order(tenant_id, order_id, seconds)
            if wanted is None:
                applied(resp, seconds)
            return _found(answer)
        return _found(self.questions.order(tenant_id, order_id))


@dataclass(frozen=True, slots=True)
class OrderHistory:
    """``/v1/orders/{order_id}/history``."""

    questions: OrderQuestions

    def on_get(self, req: ServiceRequest, resp: falcon.Response, order_id: str) -> None:
        """Show every change of the order, oldest first.

        Raises:
            ProblemError: there is no such order, or it cannot be read now.

        """
        demand_json_answer(req)
        query_of(req)
        order_id = canonical_id(order_id)
        answer = self.questions.history(tenant_of(req), order_id)
        if isinstance(answer, Refused):
            raise refused(answer)
        if answer is None:
            raise not_found()
        # Rows are only ever added: the newest version names the whole.
        version = answer[-1].version
        body = render_history(order_id, answer)
        resp.set_header("etag", entity_tag(version))
        if is_current(req, version):
            resp.status = falcon.HTTP_304
            return
        resp.data = body

    on_head = on_get


def canonical_id(order_id: str) -> str:
    """Return the id in lower case; UUIDs are read in any (RFC 9562, section 4).

    Raises:
        ProblemError: ``order_not_found``, no order can have this id.

    """
    lowered = order_id.lower()
    if not is_order_id(lowered):
        raise not_found()
    return lowered


def _found(answer: Order | Refused | None) -> Order:
    if isinstance(answer, Refused):
        raise refused(answer)
    if answer is None:
        raise not_found()
    return answer


def not_found() -> ProblemError:
    """Return the problem of an order that the tenant does not have."""
    return ProblemError("order_not_found", "No order has this id.")
