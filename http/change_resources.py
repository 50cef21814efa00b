"""What may be done with an order over HTTP: cancel it, try its payment again."""

from dataclasses import dataclass
from typing import Final

import falcon

from orders.domain.changing import Action, OrderChange
from orders.domain.order import SETTLED
from orders.http.change_body import reason_of
from orders.http.idempotency import key_of
from orders.http.order_changes import OrderChanges, change_key
from orders.http.order_resources import canonical_id
from orders.http.preconditions import entity_tag, required_version
from orders.http.preferences import query_of
from orders.http.rendering import order_path, render_order
from orders.http.request_context import (
    ServiceRequest,
    actor_of,
    demand_json_answer,
    tenant_of,
    traceparent_of,
)

CANCEL_PATH: Final = "/v1/orders/{order_id}/cancel"
PAYMENTS_PATH: Final = "/v1/orders/{order_id}/payments"


@dataclass(frozen=True, slots=True)
class OrderAction:
    """A resource that takes one action on an order.

    Args:
        path: the route's template; with the method, its idempotency keys' route.

    """

    changes: OrderChanges
    action: Action
    path: str

    def on_post(
        self, req: ServiceRequest, resp: falcon.Response, order_id: str
    ) -> None:
        """Act: 200 where that settles the order, 202 where more is to follow.

        Raises:
            ProblemError: it was not done, or that is not known.

        """
        demand_json_answer(req)
        query_of(req)
        order_id = canonical_id(order_id)
        key = key_of(req)
        version = required_version(req)
        reason = reason_of(req)
        change = OrderChange(
            order_id,
            tenant_of(req),
            self.action,
            actor_of(req),
            reason,
            version,
            change_key(f"POST {self.path}", key, order_id, reason),
            traceparent_of(req),
        )
        order, replayed, _ = self.changes.apply(change)
        resp.data = render_order(order)
        settled = order.status in SETTLED
        resp.status = falcon.HTTP_200 if settled else falcon.HTTP_202
        resp.set_header("location", order_path(order.order_id))
        resp.set_header("etag", entity_tag(order.version))
        if replayed:
            resp.set_header("idempotency-replayed", "true")
