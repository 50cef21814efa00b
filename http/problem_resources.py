"""What the ``type`` of a problem points to (RFC 9457, section 3.1.1)."""

from typing import Final

import falcon
import msgspec

from orders.http.preferences import query_of
from orders.http.problems import KINDS, ProblemError, problem_type
from orders.http.request_context import ServiceRequest, demand_json_answer

PROBLEMS_PATH: Final = "/problems"
PROBLEM_PATH: Final = "/problems/{code}"
_encode = msgspec.json.Encoder().encode


class ProblemKindOut(msgspec.Struct, frozen=True):
    """What all problems of one code have in common."""

    type: str
    code: str
    title: str
    status: int
    retryable: bool
    """Whether the same request may succeed later, unchanged."""


class ProblemKinds:
    """``/problems``: every code of the interface."""

    def on_get(self, req: ServiceRequest, resp: falcon.Response) -> None:
        """Show them all, sorted by status.

        Raises:
            ProblemError: the query or ``Accept`` asks for something else.

        """
        demand_json_answer(req)
        query_of(req)
        kinds = sorted(map(_kind_out, KINDS), key=lambda kind: (kind.status, kind.code))
        resp.data = _encode({"problems": kinds})

    on_head = on_get


class ProblemKind:
    """``/problems/{code}``."""

    def on_get(self, req: ServiceRequest, resp: falcon.Response, code: str) -> None:
        """Show what the code means.

        Raises:
            ProblemError: there is no such code.

        """
        demand_json_answer(req)
        query_of(req)
        if code not in KINDS:
            known = f"No problem has this code; {PROBLEMS_PATH} lists those there are."
            raise ProblemError("route_not_found", known)
        resp.data = _encode(_kind_out(code))

    on_head = on_get


def _kind_out(code: str) -> ProblemKindOut:
    kind = KINDS[code]
    return ProblemKindOut(
        problem_type(code), code, kind.title, kind.status, kind.retryable
    )
