"""Changing orders, as the document tells it."""

from typing import Final

from orders.contract import examples
from orders.contract.json_schema import JsonObject
from orders.contract.operation import ASKING, READING, WRITING, Answer, Body, Operation
from orders.contract.schemas import PREFIX
from orders.http.change_resources import CANCEL_PATH, PAYMENTS_PATH
from orders.http.refund_resources import REFUND_PATH, REFUNDS_PATH
from orders.http.request_context import JSON

_TAG = "Changes"
_CHANGING: Final = ("OrderId", "IdempotencyKey", "IfMatch", "RequestId", "Traceparent")
_CHANGED: Final = ("Location", "EntityTag", "IdempotencyReplayed")
_REFUSALS: Final = (
    *(*ASKING, *WRITING, "invalid_request", "order_not_found"),
    *("transition_not_allowed", "precondition_failed"),
)


def _body(schema: str, example: JsonObject) -> Body:
    media = {"schema": {"$ref": f"{PREFIX}{schema}"}, "example": example}
    return Body(media={JSON: media}, required=False)


_REASON: Final = _body("NewChange", {"reason": examples.REASON})

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", CANCEL_PATH): Operation(
        name="cancelOrder",
        tag=_TAG,
        summary="Cancel an order",
        parameters=_CHANGING,
        body=_REASON,
        answers={
            200: Answer(
                description="It is cancelled.",
                schema="Order",
                example=examples.cancelled,
                fields=_CHANGED,
                links=("OrderOfOrder", "HistoryOfOrder"),
            ),
            202: Answer(
                description="A payment is under way; the wish is kept.",
                schema="Order",
                example=examples.pending,
                fields=_CHANGED,
                links=("OrderOfOrder", "HistoryOfOrder"),
            ),
        },
        problems=_REFUSALS,
    ),
    ("POST", PAYMENTS_PATH): Operation(
        name="retryPayment",
        tag=_TAG,
        summary="Try the payment of a failed order again",
        parameters=_CHANGING,
        body=_REASON,
        answers={
            200: Answer(
                description="Done before, with this key, and settled since.",
                schema="Order",
                example=examples.paid,
                fields=_CHANGED,
                links=("OrderOfOrder", "HistoryOfOrder"),
            ),
            202: Answer(
                description="The payment is tried anew.",
                schema="Order",
                example=examples.retried,
                fields=_CHANGED,
                links=("OrderOfOrder", "HistoryOfOrder"),
            ),
        },
        problems=(*_REFUSALS, "payment_attempts_used_up"),
    ),
    ("POST", REFUNDS_PATH): Operation(
        name="refundOrder",
        tag=_TAG,
        summary="Give a paid order's money back, in whole or in part",
        parameters=_CHANGING,
        body=_body("NewRefund", examples.NEW_REFUND),
        answers={
            201: Answer(
                description="The refund.",
                schema="Refund",
                example=examples.refund,
                fields=("Location", "IdempotencyReplayed"),
                links=("RefundOfRefund", "RefundsOfOrder", "OrderOfOrder"),
            )
        },
        problems=_REFUSALS,
    ),
    ("GET", REFUNDS_PATH): Operation(
        name="listRefunds",
        tag=_TAG,
        summary="Look at the refunds of an order, oldest first",
        parameters=("OrderId", "RequestId"),
        answers={
            200: Answer(
                description="The refunds, and what they leave.",
                schema="Refunds",
                example=examples.refunds,
                links=("RefundOfList",),
            )
        },
        problems=(*READING, "order_not_found"),
    ),
    ("GET", REFUND_PATH): Operation(
        name="getRefund",
        tag=_TAG,
        summary="Look at one refund",
        parameters=("OrderId", "RefundId", "RequestId"),
        answers={
            200: Answer(
                description="The refund; it never changes.",
                schema="Refund",
                example=examples.refund,
                links=("OrderOfOrder",),
            )
        },
        problems=(*READING, "order_not_found", "refund_not_found"),
    ),
}
