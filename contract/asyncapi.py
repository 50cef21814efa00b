"""The AsyncAPI 3.0 document: what the topic holds, event type by event type."""

from typing import Final

import msgspec

from orders.contract.events import schema_of
from orders.contract.examples import event_of
from orders.contract.json_schema import ORDER_ID, JsonObject, JsonValue, whole
from orders.domain.events import event_type
from orders.domain.identifiers import ORDER_ID_PATTERN
from orders.domain.transitions import Change
from orders.messaging.codec import DEFAULT_SOURCE, TYPE_HEADER, EventEncoder

_CHANNEL: Final = "orders"
_TRACEPARENT: Final = "traceparent"
_KAFKA_BINDING: Final = "0.5.0"
_DESCRIPTION = """\
One record for each change of an order, in CloudEvents 1.0 binary mode, keyed by the
order's id. The topic is `ORDERS_KAFKA__TOPIC`.

Records may repeat (`ce_source` and `ce_id` together name an event) and may arrive out
of order: each carries the `version` of its order, which counts from 1 without gaps.
Later versions of this document only add: ignore types and members that you do not know.
"""
_FORMS: Final[dict[str, JsonObject]] = {
    TYPE_HEADER: {"description": "The type of the event."},
    "ce_source": {"format": "uri-reference", "examples": [DEFAULT_SOURCE]},
    "ce_specversion": {"const": "1.0"},
    "content-type": {"const": "application/json"},
    "ce_id": {
        "pattern": whole(rf"{ORDER_ID_PATTERN}\.[1-9][0-9]*"),
        "description": "The order's id and version.",
    },
    "ce_time": {"format": "date-time", "description": "When it was committed; UTC."},
    "ce_subject": ORDER_ID,
    _TRACEPARENT: {"description": "The W3C trace context of the request behind it."},
}
"""What is said of each header, beside that it is text."""
_encode = EventEncoder()


def asyncapi(release: str) -> JsonObject:
    """Return the document for the version ``release`` of the service."""
    names = [change.value for change in Change]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "orders",
            "version": release,
            "description": _DESCRIPTION,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "ORDERS_KAFKA__BOOTSTRAP_SERVERS of the nodes.",
                "variables": {"bootstrap": {"default": "127.0.0.1:9092"}},
            }
        },
        "channels": {
            _CHANNEL: {
                "address": "orders",
                "description": "ORDERS_KAFKA__TOPIC",
                "messages": {
                    name: {"$ref": f"#/components/messages/{name}"} for name in names
                },
            }
        },
        "operations": {
            "publishOrderEvents": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{_CHANNEL}"},
                "summary": "Tell each change of an order once it is committed.",
                "messages": [
                    {"$ref": f"#/channels/{_CHANNEL}/messages/{name}"} for name in names
                ],
            }
        },
        "components": {
            "messages": {change.value: _message(change) for change in Change},
            "schemas": {event_type(change): schema_of(change) for change in Change},
        },
    }


def headers_schema(change: Change) -> JsonObject:
    """Return the schema of the headers of the events of ``change``.

    Raises:
        KeyError: an event has a header that nothing is said of.

    """
    names = [name for name, _ in _encode(event_of(change)).headers]
    said = {**_FORMS, TYPE_HEADER: {"const": event_type(change)}}
    return {
        "type": "object",
        "properties": {name: {"type": "string", **said[name]} for name in names},
        "required": [name for name in names if name != _TRACEPARENT],
    }


def _message(change: Change) -> JsonObject:
    return {
        "name": event_type(change),
        "title": change.value.replace("_", " "),
        "contentType": "application/json",
        "headers": headers_schema(change),
        "payload": {"$ref": f"#/components/schemas/{event_type(change)}"},
        "bindings": {"kafka": {"key": ORDER_ID, "bindingVersion": _KAFKA_BINDING}},
        "examples": [_example(change)],
    }


def _example(change: Change) -> JsonObject:
    encoded = _encode(event_of(change))
    payload: JsonValue = msgspec.json.decode(encoded.value)
    return {
        "headers": {name: value.decode() for name, value in encoded.headers},
        "payload": payload,
    }
