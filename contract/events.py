"""JSON Schemas of the events' values, one for each type.

Events are text that ``domain/events.py`` writes, not structs; tests hold these schemas
against that text for every change there is, and against the records of a real topic.
"""

from typing import Final

from orders.contract.examples import OF_REFUNDS
from orders.contract.json_schema import (
    AMOUNT,
    CURRENCY,
    DIALECT,
    ID,
    ORDER_ID,
    VERSION,
    JsonObject,
    one_of,
    whole,
)
from orders.domain.api_keys import TENANT_PATTERN
from orders.domain.events import event_type
from orders.domain.transitions import TRANSITIONS, Change

_MEMBERS: Final[dict[str, JsonObject]] = {
    "order_id": ORDER_ID,
    "tenant_id": {"type": "string", "pattern": whole(TENANT_PATTERN)},
    "version": {
        **VERSION,
        "description": "Counts the changes of the order from 1, without gaps.",
    },
    "user_id": ID,
    "currency": CURRENCY,
    "total": {**AMOUNT, "description": "The order's total, whatever was refunded."},
}
_REASON: Final[JsonObject] = {
    "type": "string",
    "pattern": whole("[a-z0-9_]+"),
    "description": "A machine's word for why, such as amount_limit.",
}
_REFUND: Final[JsonObject] = {
    "type": "object",
    "description": "The refund that this is about.",
    "properties": {
        "refund_id": {**ORDER_ID, "description": "A UUIDv7."},
        "amount": {**AMOUNT, "description": "What this refund gives back."},
    },
    "required": ["refund_id", "amount"],
}


def schema_of(change: Change) -> JsonObject:
    """Return the schema of the value of the events of ``change``.

    Members that are not named are allowed: later versions only add.
    """
    targets = [t.target for t in TRANSITIONS if t.change is change]
    members: dict[str, JsonObject] = {
        **_MEMBERS,
        "status": one_of(*dict.fromkeys(t.status for t in targets)),
        "payment_status": one_of(*dict.fromkeys(t.payment_status for t in targets)),
    }
    required = [*members]
    members["reason"] = _REASON
    if change in OF_REFUNDS:
        members["refund"] = _REFUND
        required.append("refund")
    return {
        "title": event_type(change),
        "type": "object",
        "properties": members,
        "required": [*required],
    }


def schema_files() -> dict[str, JsonObject]:
    """Return the schema of each type as a document of its own, by file name."""
    return {
        f"{event_type(change)}.json": {
            "$schema": DIALECT,
            "$id": f"{event_type(change)}.json",
            **schema_of(change),
        }
        for change in Change
    }
