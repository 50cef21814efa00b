"""Errors as the client sees them: RFC 9457 problem details with stable codes."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

import falcon
import msgspec

from orders.actors import messages
from orders.http.service_response import note_refusals

PROBLEM_JSON: Final = "application/problem+json"
MAX_FAULTS: Final = 500
"""Faults told at once; more would make a small request a large answer."""
_TYPE_PREFIX = "/problems/"
_MAX_RETRY_AFTER_SECONDS = 3600


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong with a request.

    ``pointer`` is a JSON pointer into the body (RFC 6901); for what is wrong with
    the query or a header it is empty and ``parameter`` has the name.
    """

    pointer: str
    code: str
    message: str
    parameter: str = ""


class Kind(NamedTuple):
    """What all problems of one code have in common."""

    status: int
    title: str
    retryable: bool = False


KINDS: Final = {
    "bad_request": Kind(400, "The request cannot be understood"),
    "malformed_body": Kind(400, "The body cannot be read"),
    "invalid_query": Kind(400, "The query is not valid"),
    "idempotency_key_invalid": Kind(400, "The idempotency key is not valid"),
    "api_key_missing": Kind(401, "An API key is needed"),
    "api_key_invalid": Kind(401, "The API key is not valid"),
    "scope_missing": Kind(403, "The API key does not allow this"),
    "route_closed": Kind(403, "Nobody may use this route"),
    "order_not_found": Kind(404, "There is no such order"),
    "refund_not_found": Kind(404, "There is no such refund"),
    "route_not_found": Kind(404, "There is no such resource"),
    "method_not_allowed": Kind(405, "The resource does not have this method"),
    "not_acceptable": Kind(406, "The answer cannot have the asked form"),
    "request_timeout": Kind(408, "The request did not arrive in time", True),
    "idempotency_key_in_use": Kind(409, "The key's first request is under way", True),
    "transition_not_allowed": Kind(409, "The order does not allow this now"),
    "payment_attempts_used_up": Kind(409, "The payment was tried too often"),
    "precondition_failed": Kind(412, "The order has changed"),
    "body_too_large": Kind(413, "The body is too large"),
    "unsupported_media_type": Kind(415, "The body has the wrong form"),
    "invalid_order": Kind(422, "The order is not valid"),
    "invalid_batch": Kind(422, "The batch is not valid"),
    "invalid_request": Kind(422, "The request is not valid"),
    "order_refused": Kind(422, "The order cannot be stored"),
    "idempotency_key_reused": Kind(422, "The key was used with another body"),
    "rate_limited": Kind(429, "The API key is used too often", True),
    "headers_too_large": Kind(431, "The header is too large"),
    "internal_error": Kind(500, "Something went wrong here"),
    "order_unreadable": Kind(500, "What is stored of the order cannot be read"),
    messages.NOT_STORED: Kind(503, "The order was not stored", True),
    messages.OUTCOME_UNKNOWN: Kind(503, "It is not known whether it was stored", True),
    messages.DATABASE_UNAVAILABLE: Kind(503, "The database does not answer", True),
    messages.OVERLOADED: Kind(503, "There is too much to do", True),
    messages.DRAINING: Kind(503, "This node is stopping", True),
    messages.TOO_MANY_UNPUBLISHED: Kind(503, "Too much waits to be published", True),
}
"""Every code of the interface; a code never changes its meaning."""

_UNAVAILABLE = Kind(503, "The service cannot do this now", True)
_SEND_AGAIN = (
    "Nothing is lost: send the same request again after the time in Retry-After."
)
_TELL_THE_OPERATOR = (
    "Waiting may not mend this: tell the operator the request_id of this answer. An"
    " order sent may be stored or not; with the same Idempotency-Key it is safe to"
    " send it again."
)
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_CODE_OF_STATUS = {
    404: "route_not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}


class OrderState(msgspec.Struct, frozen=True):
    """Where an order stands that does not allow what was asked."""

    order_id: str
    status: str
    payment_status: str
    version: int
    allowed_actions: tuple[str, ...]


class ProblemError(Exception):
    """A request that ends with an error answer.

    Args:
        code: one of ``KINDS``; an unknown one counts as a passing unavailability.
        detail: a sentence for a person, about this occurrence.
        faults: everything that is wrong, each with its place.
        retry_after_seconds: sent as ``Retry-After``, whole seconds and at least 1.
        order_id: the order that will exist if it was stored after all, or that may
            be changed.
        order: where the order stands, for a change that it does not allow.
        headers: further header fields of the answer, names in lower case.
        results: JSON text, what became of each row of a batch.

    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        retry_after_seconds: float | None = None,
        order_id: str | None = None,
        order: OrderState | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
        results: bytes | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.kind = KINDS.get(code, _UNAVAILABLE)
        self.detail = detail
        self.faults = tuple(faults[:MAX_FAULTS])
        self.retry_after_seconds = retry_after_seconds
        self.order_id = order_id
        self.order = order
        self.headers = headers
        self.results = results


class ProblemBody(msgspec.Struct, frozen=True):
    """The answer's body."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: tuple[Fault, ...]
    request_id: str
    retryable: bool
    order_id: str | msgspec.UnsetType = msgspec.UNSET
    order: OrderState | msgspec.UnsetType = msgspec.UNSET
    results: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class Asked(Protocol):
    """The part of a request that a problem repeats."""

    path: str
    request_id: str


_encode = msgspec.json.Encoder().encode


def retry_after(seconds: float) -> str:
    """Return the header's value for a wait of ``seconds``: whole, from 1 to 3600."""
    if not seconds > 1:  # also NaN
        return "1"
    return str(math.ceil(min(seconds, _MAX_RETRY_AFTER_SECONDS)))


def refused(refusal: messages.Refused, order_id: str | None = None) -> ProblemError:
    """Return the problem of work that was not taken or not done.

    ``Retry-After`` goes with those alone that are worth sending again as they are.
    """
    retryable = KINDS.get(refusal.reason, _UNAVAILABLE).retryable
    return ProblemError(
        refusal.reason,
        _SEND_AGAIN if retryable else _TELL_THE_OPERATOR,
        retry_after_seconds=refusal.retry_after_seconds if retryable else None,
        order_id=order_id,
    )


def unreadable_order(order_id: str, why: str) -> ProblemError:
    """Return the problem of an order whose row this release cannot read whole."""
    return ProblemError(
        "order_unreadable",
        f"Tell the operator the order's id; the node cannot read its {why}",
        order_id=order_id,
    )


def unknown_outcome(order_id: str, retry_after_seconds: float) -> ProblemError:
    """Return the problem of an order that may or may not have been stored."""
    return ProblemError(
        messages.OUTCOME_UNKNOWN,
        "The order may have been stored: look at its Location, or send the request"
        " again with the same Idempotency-Key.",
        retry_after_seconds=retry_after_seconds,
        order_id=order_id,
    )


def problem_type(code: str) -> str:
    """Return where the service says what ``code`` means."""
    return _TYPE_PREFIX + code


def write_problem(req: Asked, resp: falcon.Response, error: ProblemError) -> None:
    """Turn ``resp`` into the answer that ``error`` stands for."""
    resp.status = falcon.code_to_http_status(error.kind.status)
    write_problem_headers(resp, error)
    resp.content_type = PROBLEM_JSON
    resp.data = render_problem(error, req.path, req.request_id)


def render_problem(error: ProblemError, path: str, request_id: str) -> bytes:
    """Return the body that tells ``error`` to whoever asked for ``path``."""
    kind = error.kind
    return _encode(
        ProblemBody(
            type=problem_type(error.code),
            title=kind.title,
            status=kind.status,
            detail=error.detail,
            instance=falcon.uri.encode(path),
            code=error.code,
            errors=error.faults,
            request_id=request_id,
            retryable=kind.retryable,
            order_id=error.order_id or msgspec.UNSET,
            order=error.order or msgspec.UNSET,
            results=msgspec.UNSET
            if error.results is None
            else msgspec.Raw(error.results),
        )
    )


def write_problem_headers(resp: falcon.Response, error: ProblemError) -> None:
    """Set the headers of ``error``, which no form of body replaces."""
    note_refusals(resp, (error.code,))
    for name, value in error.headers.items():
        resp.set_header(name, value)
    if error.retry_after_seconds is not None:
        resp.set_header("retry-after", retry_after(error.retry_after_seconds))
    if error.order_id is not None:
        resp.set_header("location", f"/v1/orders/{error.order_id}")


def serialize_http_error(
    req: Asked, resp: falcon.Response, error: falcon.HTTPError
) -> None:
    """Give Falcon's own errors, such as an unknown route, the form of a problem.

    Falcon has set the status and the headers (``Allow``) already.
    """
    status = error.status_code
    code = _CODE_OF_STATUS.get(status, "bad_request")
    if status >= falcon.http_status_to_code(falcon.HTTP_500):
        code = "internal_error"
    detail = error.description or f"{KINDS[code].title}."
    write_problem(req, resp, ProblemError(code, detail))


def listener_problem(status: int, code: str, detail: str) -> bytes:
    """Return the body of an error that never reached the application.

    There is no request to speak of: no path and no request id.
    """
    kind = KINDS.get(code)
    body = ProblemBody(
        type=problem_type(code),
        title=kind.title if kind else falcon.code_to_http_status(status)[4:],
        status=status,
        detail=detail,
        instance="",
        code=code,
        errors=(),
        request_id="",
        retryable=kind.retryable if kind else False,
    )
    return _encode(body)
