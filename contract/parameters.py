"""Parameters of requests and fields of answers: ``components`` of these names."""

from typing import Final

from orders.contract.examples import ORDER_ID as EXAMPLE_ID
from orders.contract.examples import REFUND_ID as EXAMPLE_REFUND_ID
from orders.contract.json_schema import (
    ID,
    PATH,
    PAYMENT_STATUS,
    STATUS,
    JsonObject,
    JsonValue,
    one_of,
    whole,
)
from orders.contract.schemas import KEY, REFERENCE
from orders.http.batch_resources import POLICIES
from orders.http.order_list import DEFAULT_LIMIT, MAX_LIMIT
from orders.http.problems import KINDS
from orders.http.request_context import REQUEST_ID

_ANY_CASE: Final[JsonObject] = {
    "type": "string",
    "format": "uuid",
    "description": "A UUIDv7, in any letter case.",
}
_TEXT: Final[JsonObject] = {"type": "string"}
_MOMENT: Final[JsonObject] = {"type": "string", "format": "date-time"}


def _path(name: str, schema: JsonObject, example: str) -> JsonObject:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": schema,
        "example": example,
    }


def _query(
    name: str, description: str, schema: JsonObject, **more: JsonValue
) -> JsonObject:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": schema,
        **more,
    }


def _header(name: str, description: str, schema: JsonObject) -> JsonObject:
    return {"name": name, "in": "header", "description": description, "schema": schema}


PARAMETERS: Final[dict[str, JsonObject]] = {
    "OrderId": _path("order_id", _ANY_CASE, EXAMPLE_ID),
    "RefundId": _path("refund_id", _ANY_CASE, EXAMPLE_REFUND_ID),
    "ProblemCode": _path("code", one_of(*KINDS), "order_not_found"),
    "Wait": _query(
        "wait",
        "Seconds to wait for the order to be settled; ORDERS_HTTP__MAX_WAIT_SECONDS"
        " (30) at most.",
        {"type": "integer", "minimum": 0, "maximum": 999_999_999},
    ),
    "Status": _query("status", "Orders that now have this state.", STATUS),
    "PaymentStatus": _query(
        "payment_status", "Orders whose money stands so.", PAYMENT_STATUS
    ),
    "UserId": _query("user_id", "The orders of one user; not with reference.", ID),
    "Reference": _query(
        "reference", "The orders with this reference; not with user_id.", REFERENCE
    ),
    "CreatedGte": _query("created_gte", "Created then or later.", _MOMENT),
    "CreatedLt": _query("created_lt", "Created before; after created_gte.", _MOMENT),
    "Cursor": _query(
        "cursor",
        "Where to go on, out of next, just as it was given; brings its filters along.",
        {"type": "string", "pattern": whole("[A-Za-z0-9_-]+")},
    ),
    "Limit": _query(
        "limit",
        "How many orders at most.",
        {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_LIMIT,
            "default": DEFAULT_LIMIT,
        },
    ),
    "NotifiedUserId": _query("user_id", "Whose notifications.", ID, required=True),
    "ErrorPolicy": _query(
        "error_policy",
        "What a row that is not valid means for the others.",
        {**one_of(*POLICIES), "default": POLICIES[0]},
    ),
    "IdempotencyKey": _header(
        "Idempotency-Key",
        "Makes the request safe to send again: the same key and body are done once."
        " Unique within tenant and route; kept"
        " ORDERS_SWEEPER__KEY_RETENTION_HOURS (24).",
        KEY,
    ),
    "IfMatch": _header(
        "If-Match",
        "The ETag of the order as it was seen; 412 where it has changed.",
        {"type": "string", "pattern": whole(r'("[1-9][0-9]{0,9}"|\*)')},
    ),
    "IfNoneMatch": _header(
        "If-None-Match", "ETags that the client has: 304 where one holds.", _TEXT
    ),
    "Prefer": _header(
        "Prefer",
        "wait=N asks to be answered once the order is settled, or after N seconds"
        " (RFC 7240); what is not understood is ignored.",
        _TEXT,
    ),
    "RequestId": _header(
        "X-Request-Id",
        f"Comes back and stands in the log, where it matches {REQUEST_ID.pattern}.",
        _TEXT,
    ),
    "Traceparent": _header(
        "traceparent",
        "W3C trace context; goes with the order's events. Ignored where malformed.",
        _TEXT,
    ),
}
"""``components/parameters``."""


def _field(description: str, schema: JsonObject = _TEXT) -> JsonObject:
    return {"description": description, "schema": schema}


FIELDS: Final[dict[str, tuple[str, JsonObject]]] = {
    "RequestId": (
        "X-Request-Id",
        _field("Leads to the log lines of this request."),
    ),
    "Location": ("Location", _field("Where it is found.", PATH)),
    "EntityTag": ("ETag", _field("The version in quotes, or the document's digest.")),
    "IdempotencyReplayed": (
        "Idempotency-Replayed",
        _field("An earlier request with this key did it.", one_of("true")),
    ),
    "PreferenceApplied": (
        "Preference-Applied",
        _field(
            "How long the wait was allowed to be.",
            {"type": "string", "pattern": whole("wait=[0-9]+")},
        ),
    ),
    "NextLink": ("Link", _field('The next page, rel="next".')),
    "RetryAfter": (
        "Retry-After",
        _field(
            "Whole seconds after which to ask again.", {"type": "integer", "minimum": 1}
        ),
    ),
    "Challenge": ("WWW-Authenticate", _field("What the API key lacks (RFC 6750).")),
    "RateLimit": ("RateLimit", _field("What is left of the API key's limit.")),
    "RateLimitPolicy": ("RateLimit-Policy", _field("The API key's limit.")),
    "Allow": ("Allow", _field("The methods that the resource has.")),
}
"""``components/headers`` by name, each with the name of its field."""


def parameter(name: str) -> JsonObject:
    """Return a reference to one of ``PARAMETERS``."""
    return {"$ref": f"#/components/parameters/{_known(PARAMETERS, name)}"}


def fields(*names: str) -> JsonObject:
    """Return references to some of ``FIELDS``."""
    return {FIELDS[name][0]: {"$ref": f"#/components/headers/{name}"} for name in names}


def _known(table: dict[str, JsonObject], name: str) -> str:
    table[name]
    return name
