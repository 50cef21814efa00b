"""What every handler needs to know about its request, and may ask of it."""

import re
from itertools import count
from time import perf_counter
from typing import Final

import falcon
from falcon import mediatypes

from orders.domain.identifiers import IdFactory
from orders.domain.order import DEFAULT_TENANT
from orders.http.key_ring import Caller
from orders.http.problems import ProblemError

JSON: Final = "application/json"
CALLER: Final = "orders.caller"
"""Where the server leaves in the environment whom it admitted, or why it did not."""
ANONYMOUS: Final = "client"
"""Who changed an order, in its history, where nobody has to say who they are."""
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_TRACEPARENT = re.compile(
    r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII
)
_ANY_ANSWER = frozenset({"*/*", JSON})
# Shared by all requests: they are made on the one thread of the event loop.
_PROCESS = IdFactory()()
_numbers = count(1)


class ServiceRequest(falcon.Request):
    """A request that knows its id and when it began."""

    __slots__ = ("caller", "request_id", "started")

    caller: Caller | None
    """Who asks; None where no keys are asked for."""

    request_id: str
    """The client's ``X-Request-Id`` where it is safe to log, else one of our own: the
    id of this process and a number, which is cheaper than an id for each request."""
    started: float
    """``time.perf_counter()`` seconds."""

    def __init__(
        self, env: dict[str, object], options: falcon.RequestOptions | None = None
    ) -> None:
        super().__init__(env, options)
        self.started = perf_counter()
        self.caller = None
        given = env.get("HTTP_X_REQUEST_ID")
        if isinstance(given, str) and REQUEST_ID.fullmatch(given):
            self.request_id = given
        else:
            self.request_id = f"{_PROCESS}-{next(_numbers):x}"


def seconds_since_start(req: ServiceRequest) -> float:
    """Return how long the request has been handled so far."""
    return perf_counter() - req.started


def tenant_of(req: ServiceRequest) -> str:
    """Return the tenant that the request speaks for: its key's, else the only one."""
    caller = req.caller
    return DEFAULT_TENANT if caller is None else caller.tenant_id


def actor_of(req: ServiceRequest) -> str:
    """Return who asks, as the history names them: by the key's id, never its secret."""
    caller = req.caller
    return ANONYMOUS if caller is None else f"key:{caller.key_id}"


def traceparent_of(req: ServiceRequest) -> str | None:
    """Return the valid W3C trace context of the request, in the form of version 00.

    A header that is malformed is ignored, as the standard asks for
    (https://www.w3.org/TR/trace-context/, section 3.2.2).
    """
    header = req.env.get("HTTP_TRACEPARENT")
    if header is None:
        return None
    match = _TRACEPARENT.fullmatch(header)
    if match is None:
        return None
    version, trace_id, parent_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more is not None):
        return None
    if not (trace_id.strip("0") and parent_id.strip("0")):
        return None
    return f"00-{trace_id}-{parent_id}-{flags}"


def read_body(req: ServiceRequest, max_bytes: int) -> bytes:
    """Return the whole body; the server has received it before the handler runs.

    Raises:
        ProblemError: ``body_too_large``, ``malformed_body`` for a strange length.

    """
    declared = req.env.get("CONTENT_LENGTH") or "0"
    if not (declared.isascii() and declared.isdigit()):
        raise ProblemError("malformed_body", "Content-Length is not a number.")
    # Digits are counted first: int() of a very long number is slow, then refused.
    if len(declared) > len(str(max_bytes)) or int(declared) > max_bytes:
        raise ProblemError("body_too_large", f"A body has at most {max_bytes} bytes.")
    body: bytes = req.env["wsgi.input"].read(int(declared))
    return body


def demand_json_body(req: ServiceRequest) -> None:
    """Refuse a body that is declared as anything but plain JSON.

    Raises:
        ProblemError: ``unsupported_media_type``.

    """
    media_type_of(req, JSON)


def media_type_of(req: ServiceRequest, *allowed: str) -> str:
    """Return which of the ``allowed`` types the body is declared as.

    Raises:
        ProblemError: ``unsupported_media_type``, also for an encoded body.

    """
    declared = req.content_type or ""
    if declared not in allowed:
        declared = declared.partition(";")[0].strip().lower()
    if declared not in allowed:
        types = " or ".join(allowed)
        raise ProblemError(
            "unsupported_media_type", f"Send the body with Content-Type: {types}."
        )
    if req.env.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise ProblemError(
            "unsupported_media_type", "Send the body without Content-Encoding."
        )
    return declared


def demand_json_answer(req: ServiceRequest) -> None:
    """Refuse a client that does not take JSON, before anything is done for it.

    Raises:
        ProblemError: ``not_acceptable``.

    """
    accept = req.env.get("HTTP_ACCEPT")
    if accept and accept not in _ANY_ANSWER and not _takes_json(accept):
        raise ProblemError("not_acceptable", f"Answers are {JSON}.")


def _takes_json(accept: str) -> bool:
    """Tell whether ``Accept`` has JSON in it; types are compared in any letter case."""
    try:
        return mediatypes.quality(JSON, accept.lower()) > 0
    except ValueError:
        return False
