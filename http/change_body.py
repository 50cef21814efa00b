"""The body of a request that changes an order: nothing, or a reason and an amount."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from orders.domain.changing import MAX_REASON_LENGTH
from orders.http import strict_json
from orders.http.order_checks import LINE_CHARACTER
from orders.http.problems import Fault, ProblemError
from orders.http.request_context import ServiceRequest, demand_json_body, read_body
from orders.http.strict_json import Json, child

_REASON: Final = "reason"
_AMOUNT: Final = "amount"
ONE_LINE: Final = re.compile(f"{LINE_CHARACTER}+")
"""Text without control characters or separators of lines."""
_LONGEST_ESCAPE = 12  # one character outside the basic plane, as \ud83d\ude00
MAX_CHANGE_BYTES: Final = 1024 + _LONGEST_ESCAPE * MAX_REASON_LENGTH
"""The largest body; room for a reason however it is escaped."""


class RefundBody(NamedTuple):
    """What a refund is asked for with."""

    amount: str | None
    """A string that the order's currency has still to accept."""
    reason: str | None


def reason_of(req: ServiceRequest) -> str | None:
    """Return the reason that the request's body gives, if it gives one.

    Raises:
        ProblemError: ``malformed_body``, ``body_too_large``,
            ``unsupported_media_type``, or ``invalid_request`` with all its places.

    """
    return check_reason(_value_of(req))


def refund_of(req: ServiceRequest) -> RefundBody:
    """Return what the request's body says of a refund.

    Raises:
        ProblemError: as for ``reason_of``.

    """
    return check_refund(_value_of(req))


def _value_of(req: ServiceRequest) -> Json:
    """Return the body's value; no body is an empty object."""
    body = read_body(req, MAX_CHANGE_BYTES)
    if not body:
        return {}
    demand_json_body(req)
    return strict_json.parse(body)


def check_reason(value: Json) -> str | None:
    """Return the reason in a body that is sound JSON.

    Raises:
        ProblemError: ``invalid_request``, with everything that is wrong.

    """
    fields = _fields(value)
    faults = _unknown(fields, _REASON)
    if _REASON in fields:
        faults += _faults_of(fields[_REASON])
    if faults:
        raise _invalid(faults)
    return _text(fields, _REASON)


def check_refund(value: Json) -> RefundBody:
    """Return what a body that is sound JSON says of a refund.

    Raises:
        ProblemError: ``invalid_request``, with everything that is wrong.

    """
    fields = _fields(value)
    faults = _unknown(fields, _AMOUNT, _REASON)
    if not isinstance(fields.get(_AMOUNT, ""), str):
        advice = 'send a string like "9.50", or leave it out'
        faults.append(Fault(child("", _AMOUNT), "wrong_type", advice))
    if _REASON in fields:
        faults += _faults_of(fields[_REASON])
    if faults:
        raise _invalid(faults)
    return RefundBody(_text(fields, _AMOUNT), _text(fields, _REASON))


def amount_refused(code: str, message: str) -> ProblemError:
    """Return the problem of an amount that the order does not allow."""
    return _invalid([Fault(child("", _AMOUNT), code, message)])


def _fields(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, dict):
        raise _invalid([Fault("", "wrong_type", "send an object, or no body")])
    return value


def _unknown(fields: Mapping[str, Json], *known: str) -> list[Fault]:
    return [
        Fault(child("", name), "unknown_field", "is not known")
        for name in fields
        if name not in known
    ]


def _text(fields: Mapping[str, Json], name: str) -> str | None:
    return str(fields[name]) if name in fields else None


def _faults_of(reason: Json) -> list[Fault]:
    place = child("", _REASON)
    if not isinstance(reason, str):
        return [Fault(place, "wrong_type", "send a string, or leave it out")]
    if not 1 <= len(reason) <= MAX_REASON_LENGTH:
        allowed = f"send 1 to {MAX_REASON_LENGTH} characters"
        return [Fault(place, "wrong_length", allowed)]
    if not ONE_LINE.fullmatch(reason):
        return [Fault(place, "control_character", "send one line of text")]
    return []


def _invalid(faults: list[Fault]) -> ProblemError:
    count = "1 thing is" if len(faults) == 1 else f"{len(faults)} things are"
    return ProblemError("invalid_request", f"{count} wrong; see errors.", faults=faults)
