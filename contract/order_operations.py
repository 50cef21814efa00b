"""Placing orders and looking at them, as the document tells it."""

from typing import Final

from orders.contract import examples
from orders.contract.json_schema import JsonObject
from orders.contract.operation import (
    ASKING,
    READING,
    STORED,
    TAKING,
    Answer,
    Body,
    Operation,
)
from orders.contract.schemas import PREFIX
from orders.http.batch_body import MAX_ROWS, NDJSON
from orders.http.batch_resources import BATCH_PATH
from orders.http.older_route import OLDER_PATH
from orders.http.request_context import JSON

_ORDERS = "Orders"
_OF_ORDER: Final = (
    *("OrderOfOrder", "HistoryOfOrder", "CancellationOfOrder", "PaymentOfOrder"),
    *("RefundOfOrder", "RefundsOfOrder", "NotificationsOfOrder"),
)
_TRACED: Final = ("RequestId", "Traceparent")
_ROWS: Final[JsonObject] = {
    "type": "array",
    "minItems": 1,
    "maxItems": MAX_ROWS,
    "items": {"$ref": f"{PREFIX}NewRow"},
}

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("POST", "/v1/orders"): Operation(
        name="placeOrder",
        tag=_ORDERS,
        summary="Place an order",
        description="A 2xx answer means that the order is committed: it will be"
        " settled and its customer notified.",
        parameters=("IdempotencyKey", "Prefer", *_TRACED),
        body=Body(
            media={
                JSON: {
                    "schema": {"$ref": f"{PREFIX}NewOrder"},
                    "example": examples.NEW_ORDER,
                }
            }
        ),
        answers={
            200: Answer(
                description="Committed, and settled while the client waited.",
                schema="Order",
                example=examples.paid,
                fields=("Location", "IdempotencyReplayed", "PreferenceApplied"),
                links=_OF_ORDER,
            ),
            202: Answer(
                description="Committed; it is settled later.",
                schema="Order",
                example=examples.pending,
                fields=("Location", "IdempotencyReplayed", "PreferenceApplied"),
                links=_OF_ORDER,
            ),
        },
        problems=(*ASKING, *TAKING, "invalid_order"),
    ),
    ("POST", BATCH_PATH): Operation(
        name="placeOrders",
        tag=_ORDERS,
        summary="Place many orders at once",
        description="Each row is an order; docs/batches.md says what becomes of them.",
        parameters=("ErrorPolicy", "IdempotencyKey", *_TRACED),
        body=Body(
            media={
                JSON: {"schema": _ROWS, "example": [examples.NEW_ORDER]},
                NDJSON: {
                    "schema": {
                        **_ROWS,
                        "description": "A row a line; empty lines do not count.",
                    },
                    "example": [examples.NEW_ORDER],
                },
            }
        ),
        answers={
            202: Answer(
                description="Some of it is committed: see each row.",
                schema="Batch",
                example=examples.batch,
                fields=("IdempotencyReplayed", "RetryAfter"),
                links=("OrderOfBatch",),
            )
        },
        problems=(*ASKING, *TAKING, "invalid_batch", "invalid_order"),
    ),
    ("GET", "/v1/orders"): Operation(
        name="listOrders",
        tag=_ORDERS,
        summary="List orders, newest first",
        description="Follow next until it is null. Send user_id or reference, not"
        " both; docs/lists.md.",
        parameters=(
            *("UserId", "Reference", "Status", "PaymentStatus"),
            *("CreatedGte", "CreatedLt", "Limit", "Cursor", "RequestId"),
        ),
        answers={
            200: Answer(
                description="A page.",
                schema="Orders",
                example=examples.orders,
                fields=("NextLink",),
                links=("OrderOfList",),
            )
        },
        problems=READING,
    ),
    ("GET", "/v1/orders/{order_id}"): Operation(
        name="getOrder",
        tag=_ORDERS,
        summary="Look at an order",
        description="With wait, or Prefer: wait=N, answered once it is settled.",
        parameters=("OrderId", "Wait", "Prefer", "IfNoneMatch", "RequestId"),
        answers={
            200: Answer(
                description="The order; with Retry-After while it is not settled.",
                schema="Order",
                example=examples.paid,
                fields=("EntityTag", "RetryAfter", "PreferenceApplied"),
                links=_OF_ORDER,
            ),
            304: Answer(description="It has not changed.", fields=("EntityTag",)),
        },
        problems=(*READING, *STORED, "order_not_found"),
    ),
    ("GET", "/v1/orders/{order_id}/history"): Operation(
        name="getHistory",
        tag=_ORDERS,
        summary="Look at every change of an order, oldest first",
        parameters=("OrderId", "IfNoneMatch", "RequestId"),
        answers={
            200: Answer(
                description="Its history.",
                schema="History",
                example=examples.history,
                fields=("EntityTag",),
            ),
            304: Answer(description="It has not changed.", fields=("EntityTag",)),
        },
        problems=(*READING, *STORED, "order_not_found"),
    ),
    ("POST", OLDER_PATH): Operation(
        name="placeOlderOrder",
        tag="Older clients",
        summary="Place an order as clients of the older service do",
        description="Errors have the form of that service: 400 or 503 (401, 403, 429"
        " about API keys) with an error member. The Content-Type is not looked at.",
        parameters=("IdempotencyKey", *_TRACED),
        body=Body(
            media={
                JSON: {
                    "schema": {"$ref": f"{PREFIX}NewOlderOrder"},
                    "example": examples.NEW_OLDER_ORDER,
                }
            }
        ),
        answers={
            200: Answer(
                description="Committed.",
                schema="Loaded",
                example=examples.loaded,
                fields=("IdempotencyReplayed",),
                links=("OrderOfOrder",),
            )
        },
        older=True,
    ),
}
