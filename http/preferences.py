"""How long a client wants to wait: ``Prefer: wait=N`` (RFC 7240) and ``?wait=N``."""

import re

import falcon

from orders.http.problems import Fault, ProblemError
from orders.http.request_context import ServiceRequest

_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


def preferred_wait(req: ServiceRequest) -> int | None:
    """Return the seconds of ``Prefer: wait=N``; None where it is not asked for.

    What is not understood is not an error but ignored (RFC 7240, section 2); of
    repeated preferences the first counts.
    """
    header: str | None = req.env.get("HTTP_PREFER")
    if header is None:
        return None
    for preference in header.split(","):
        name, _, value = preference.partition(";")[0].partition("=")
        if name.strip().lower() == "wait":
            return _seconds(value.strip().strip('"'))
    return None


def wait_parameter(value: str) -> int:
    """Return the seconds of ``?wait=N``.

    Raises:
        ProblemError: ``invalid_query``.

    """
    seconds = _seconds(value)
    if seconds is None:
        raise invalid_query("wait", "invalid_parameter", "send whole seconds")
    return seconds


def query_of(req: ServiceRequest, *known: str) -> dict[str, str]:
    """Return the query's parameters.

    Raises:
        ProblemError: ``invalid_query`` for unknown or repeated ones, all named.

    """
    if not req.query_string:
        return {}
    faults: list[Fault] = []
    parameters: dict[str, str] = {}
    for name, value in req.params.items():
        if name not in known:
            faults.append(Fault("", "unknown_parameter", "is not known", name))
        elif isinstance(value, str):
            parameters[name] = value
        else:
            faults.append(Fault("", "repeated_parameter", "send it once", name))
    if faults:
        names = ", ".join(fault.parameter for fault in faults)
        raise ProblemError("invalid_query", f"See: {names}.", faults=faults)
    return parameters


def invalid_query(name: str, code: str, message: str) -> ProblemError:
    """Return the problem of one wrong query parameter."""
    return ProblemError(
        "invalid_query", f"{name}: {message}.", faults=[Fault("", code, message, name)]
    )


def applied(resp: falcon.Response, seconds: int) -> None:
    """Tell the client that its preference was honoured, and how far."""
    resp.set_header("preference-applied", f"wait={seconds}")


def _seconds(text: str) -> int | None:
    return int(text) if _SECONDS.fullmatch(text) else None
