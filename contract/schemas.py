"""The bodies of requests and answers: ``components/schemas``."""

from typing import Final

from orders.contract.json_schema import (
    AMOUNT,
    CURRENCY,
    ID,
    ORDER_ID,
    PATH,
    PAYMENT_STATUS,
    SHOWN_AMOUNT,
    STATUS,
    TIMESTAMP,
    VERSION,
    JsonObject,
    Refinements,
    one_of,
    schemas_of,
    whole,
)
from orders.domain.causes import Cause
from orders.domain.changing import MAX_REASON_LENGTH, Action
from orders.domain.events import event_type
from orders.domain.money import MAX_MINOR
from orders.domain.notices import INBOX
from orders.domain.order import (
    MAX_LINES,
    MAX_METADATA_BYTES,
    MAX_REFERENCE_LENGTH,
)
from orders.domain.refunds import MAX_REFUNDS, RefundState
from orders.domain.transitions import Change
from orders.http.batch_body import MAX_ROWS
from orders.http.batch_rendering import BatchOut, RowOut, RowProblemOut
from orders.http.batch_rows import KEY_FIELD
from orders.http.change_body import ONE_LINE
from orders.http.decoding import LineIn, OrderIn
from orders.http.idempotency import KEY_PATTERN
from orders.http.notification_resources import NEWEST
from orders.http.older_route import Loaded, OlderError, OlderOrderIn
from orders.http.order_list import MAX_LIMIT
from orders.http.problem_resources import ProblemKindOut
from orders.http.problems import (
    KINDS,
    MAX_FAULTS,
    Fault,
    OrderState,
    ProblemBody,
)
from orders.http.refund_rendering import RefundLinks, RefundOut, RefundsOut
from orders.http.rendering import (
    EventOut,
    HistoryOut,
    LineOut,
    Links,
    NotificationOut,
    NotificationsOut,
    OrderOut,
    OrdersOut,
)
from orders.http.strict_json import MAX_NESTING

PREFIX: Final = "#/components/schemas/"
_LONGEST_TITLE = 200

REFERENCE: Final[JsonObject] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_REFERENCE_LENGTH,
    "pattern": whole(ONE_LINE.pattern),
    "description": "The client's own name for the order; one line of text.",
}
METADATA: Final[JsonObject] = {
    "type": "object",
    "description": f"The client's own data: at most {MAX_METADATA_BYTES} bytes and "
    f"{MAX_NESTING - 1} levels; kept and answered as the text that came. Texts hold"
    " no NUL, numbers are such that a double can take them.",
}
REASON: Final[JsonObject] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_REASON_LENGTH,
    "pattern": whole(ONE_LINE.pattern),
    "description": "Why, in the client's words; for the history alone.",
}
KEY: Final[JsonObject] = {"type": "string", "pattern": whole(KEY_PATTERN)}
_TOTAL: Final[JsonObject] = {
    **AMOUNT,
    "description": "The sum of all line_total, more than 0: a decimal string with the"
    f" currency's digits or with none. At most {MAX_MINOR} of its smallest unit.",
}
_LINE_TOTAL: Final[JsonObject] = {
    **AMOUNT,
    "description": "The price of the whole line, quantity included.",
}
_STATE: Final = {
    "order_id": ORDER_ID,
    "status": STATUS,
    "payment_status": PAYMENT_STATUS,
    "version": VERSION,
}
_LINKS: Final = {"self": PATH, "history": PATH}

_REFINEMENTS: Final[Refinements] = {
    LineIn: {"line_total": _LINE_TOTAL},
    OrderIn: {
        "items": {"description": f"1 to {MAX_LINES} lines."},
        "total": _TOTAL,
        "currency": {
            **CURRENCY,
            "description": "ISO 4217; the node's ORDERS_CURRENCY where left out.",
        },
        "reference": REFERENCE,
    },
    OlderOrderIn: {
        "total_price": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": MAX_MINOR,
            "description": "In the node's ORDERS_CURRENCY, with no more digits than"
            " it has; read as a decimal, never as a float.",
        },
    },
    LineOut: {"product_id": ID, "line_total": SHOWN_AMOUNT},
    Links: _LINKS,
    OrderOut: {
        **_STATE,
        "user_id": ID,
        "currency": CURRENCY,
        "items": {
            "minItems": 1,
            "maxItems": MAX_LINES,
            "description": "Null in a list alone, where they cannot be read.",
        },
        "total": SHOWN_AMOUNT,
        "created_at": TIMESTAMP,
        "updated_at": TIMESTAMP,
        "metadata": {"type": "object"},
    },
    OrdersOut: {
        "orders": {"maxItems": MAX_LIMIT},
        "next": {
            "description": "Path and query of the next page; null at the end. A page"
            " may be empty and still have a next one."
        },
    },
    EventOut: {
        "version": VERSION,
        "type": one_of(*map(event_type, Change)),
        "status": STATUS,
        "payment_status": PAYMENT_STATUS,
        "occurred_at": TIMESTAMP,
        "actor": {"description": "client, key:<id>, operator:<name>, or a part's name"},
        "cause": one_of(*Cause),
        "data": {"type": "object", "description": "What was published, as it was."},
    },
    HistoryOut: {"order_id": ORDER_ID, "events": {"minItems": 1}},
    NotificationOut: {
        "order_id": ORDER_ID,
        "version": VERSION,
        "channel": one_of(INBOX),
        "created_at": TIMESTAMP,
    },
    NotificationsOut: {"user_id": ID, "notifications": {"maxItems": NEWEST}},
    RefundLinks: {"self": PATH, "order": PATH},
    RefundOut: {
        "refund_id": {**ORDER_ID, "description": "A UUIDv7."},
        "order_id": ORDER_ID,
        "amount": SHOWN_AMOUNT,
        "currency": CURRENCY,
        "state": one_of(*RefundState),
        "order_version": {
            **VERSION,
            "description": "The order's by this refund: what If-Match of the next"
            " refund names.",
        },
        "created_at": TIMESTAMP,
    },
    RefundsOut: {
        "order_id": ORDER_ID,
        "currency": CURRENCY,
        "total": SHOWN_AMOUNT,
        "refunded": SHOWN_AMOUNT,
        "left": SHOWN_AMOUNT,
        "refunds": {"maxItems": MAX_REFUNDS},
    },
    RowProblemOut: {
        "code": one_of(*KINDS),
        "status": {"minimum": 400, "maximum": 599},
        "order_id": ORDER_ID,
    },
    RowOut: {**_STATE, "index": {"minimum": 0, "maximum": MAX_ROWS - 1}},
    BatchOut: {
        "accepted": {
            "minimum": 1,
            "description": "Rows whose order is committed, now or earlier.",
        },
        "rejected": {"minimum": 0},
        "results": {"minItems": 1, "maxItems": MAX_ROWS},
    },
    Loaded: {"order_id": ORDER_ID, "status": STATUS},
    OlderError: {"errors": {"maxItems": MAX_FAULTS}},
    Fault: {},
    OrderState: {
        **_STATE,
        "allowed_actions": {"items": one_of(*Action), "uniqueItems": True},
    },
    ProblemBody: {
        "type": PATH,
        "title": {"maxLength": _LONGEST_TITLE},
        "status": {"minimum": 400, "maximum": 599},
        "code": one_of(*KINDS),
        "errors": {"maxItems": MAX_FAULTS},
        "retryable": {"description": "Whether the same request may succeed later."},
        "order_id": ORDER_ID,
        "results": {"type": "array", "items": {"$ref": "RowOut"}, "maxItems": MAX_ROWS},
    },
    ProblemKindOut: {
        "type": PATH,
        "code": one_of(*KINDS),
        "status": {"minimum": 400, "maximum": 599},
    },
}


def component_schemas() -> dict[str, JsonObject]:
    """Return every schema that the operations refer to, by name."""
    built = schemas_of(_REFINEMENTS, PREFIX)
    # Metadata is left to the strict reader, so the struct of the fast one lacks it.
    order = _with_members(built["NewOrder"], metadata=METADATA)
    order = {**order, "description": "An order as it is sent."}
    row = _with_members(order, **{KEY_FIELD: KEY})
    reason = _closed("Why an order is changed.", reason=REASON)
    return {
        **built,
        "NewOrder": order,
        "NewRow": {**row, "description": "A row of a batch."},
        "NewChange": reason,
        "NewRefund": _closed(
            "What goes back; all that is left where it has no amount.",
            amount=AMOUNT,
            reason=REASON,
        ),
        "NewOlderOrder": {
            **built["NewOlderOrder"],
            "description": "An order of one line. Names may have any letter case,"
            " others are ignored.",
        },
        "Document": {"type": "object"},
        "Page": {"type": "string"},
        "Problems": {
            "type": "object",
            "description": "Every code of the interface, by status.",
            "properties": {
                "problems": {"type": "array", "items": {"$ref": f"{PREFIX}ProblemKind"}}
            },
            "required": ["problems"],
        },
    }


def _with_members(schema: JsonObject, **members: JsonObject) -> JsonObject:
    properties = schema["properties"]
    assert isinstance(properties, dict)  # noqa: S101 - made by ``schemas_of``
    return {**schema, "properties": {**properties, **members}}


def _closed(description: str, **members: JsonObject) -> JsonObject:
    return {
        "type": "object",
        "description": description,
        "properties": members,
        "additionalProperties": False,
    }
