"""One route as the document tells it, and what many routes have in common."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from orders.actors import messages
from orders.contract.json_schema import JsonObject, JsonValue
from orders.http.request_context import JSON

LISTENER: Final = (
    "bad_request",
    "method_not_allowed",
    "request_timeout",
    "body_too_large",
    "headers_too_large",
    "internal_error",
    messages.OVERLOADED,
)
"""What any request can be answered with before it reaches a handler, or when one
fails."""
ASKING: Final = ("not_acceptable", "invalid_query")
"""What handlers that look at ``Accept`` and at the query can say."""
KEYED: Final = (
    *("api_key_missing", "api_key_invalid", "scope_missing", "route_closed"),
    *("rate_limited", messages.DATABASE_UNAVAILABLE),
)
"""What is said about API keys, where they are asked for."""
STORED: Final = ("order_unreadable",)
"""What is said of an order that another release or a person may have written."""
READING: Final = (*ASKING, messages.DATABASE_UNAVAILABLE, messages.DRAINING)
"""What a question to the database can come to."""
WRITING: Final = (
    *("malformed_body", "unsupported_media_type", "idempotency_key_invalid"),
    *("idempotency_key_reused", "idempotency_key_in_use"),
    *(messages.NOT_STORED, messages.OUTCOME_UNKNOWN),
    *(messages.DATABASE_UNAVAILABLE, messages.DRAINING, *STORED),
)
"""What a request that writes can come to, whatever it writes."""
TAKING: Final = (*WRITING, messages.TOO_MANY_UNPUBLISHED, "order_refused")
"""The same, of new orders."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A good answer.

    Args:
        fields: names of ``parameters.FIELDS``.
        schema: of the body, one of ``components/schemas``; "" where there is no body.
        example: makes the body.
        links: names of ``links.LINKS``.

    """

    description: str
    schema: str = ""
    example: Callable[[], JsonValue] | None = None
    fields: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    media_type: str = JSON


@dataclass(frozen=True, kw_only=True)
class Body:
    """What is sent: schemas by media type, with the example of each."""

    media: Mapping[str, JsonObject]
    required: bool = True


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What one method of one path does.

    Args:
        parameters: names of ``parameters.PARAMETERS``.
        answers: good answers by status.
        problems: codes of the problems that it can answer with, without those of
            ``LISTENER`` and, where it needs a key, ``KEYED``.
        older: errors have the form of the older service.

    """

    name: str
    tag: str
    summary: str
    answers: Mapping[int, Answer]
    description: str = ""
    parameters: tuple[str, ...] = ()
    body: Body | None = None
    problems: tuple[str, ...] = ()
    older: bool = False
