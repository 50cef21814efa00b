"""The body of a request that changes an order: nothing, or a reason."""

import re
from typing import Final

from orders.domain.changing import MAX_REASON_LENGTH
from orders.http import strict_json
from orders.http.problems import Fault, ProblemError
from orders.http.request_context import ServiceRequest, demand_json_body, read_body
from orders.http.strict_json import Json, child

_REASON: Final = "reason"
_ONE_LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")
_LONGEST_ESCAPE = 12  # one character outside the basic plane, as \ud83d\ude00
MAX_CHANGE_BYTES: Final = 1024 + _LONGEST_ESCAPE * MAX_REASON_LENGTH
"""The largest body; room for a reason however it is escaped."""


def reason_of(req: ServiceRequest) -> str | None:
    """Return the reason that the request's body gives, if it gives one.

    Raises:
        ProblemError: ``malformed_body``, ``body_too_large``,
            ``unsupported_media_type``, or ``invalid_request`` with all its places.

    """
    body = read_body(req, MAX_CHANGE_BYTES)
    if not body:
        return None
    demand_json_body(req)
    return check_reason(strict_json.parse(body))


def check_reason(value: Json) -> str | None:
    """Return the reason in a body that is sound JSON.

    Raises:
        ProblemError: ``invalid_request``, with everything that is wrong.

    """
    if not isinstance(value, dict):
        raise _invalid([Fault("", "wrong_type", "send an object, or no body")])
    faults = [
        Fault(child("", name), "unknown_field", "is not known")
        for name in value
        if name != _REASON
    ]
    reason = value.get(_REASON, "")
    if _REASON in value:
        faults += _faults_of(reason)
    if faults:
        raise _invalid(faults)
    return str(reason) or None


def _faults_of(reason: Json) -> list[Fault]:
    place = child("", _REASON)
    if not isinstance(reason, str):
        return [Fault(place, "wrong_type", "send a string, or leave it out")]
    if not 1 <= len(reason) <= MAX_REASON_LENGTH:
        allowed = f"send 1 to {MAX_REASON_LENGTH} characters"
        return [Fault(place, "wrong_length", allowed)]
    if not _ONE_LINE.fullmatch(reason):
        return [Fault(place, "control_character", "send one line of text")]
    return []


def _invalid(faults: list[Fault]) -> ProblemError:
    count = "1 thing is" if len(faults) == 1 else f"{len(faults)} things are"
    return ProblemError("invalid_request", f"{count} wrong; see errors.", faults=faults)
