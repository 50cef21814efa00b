"""How long a client wants to wait: ``Prefer: wait=N`` (RFC 7240) and ``?wait=N``."""

import re

import falcon

from orders.http.problems import Fault, ProblemError
from orders.http.query_string import pairs_of
from orders.http.request_context import ServiceRequest

_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_WHITESPACE = " \t"


def preferred_wait(req: ServiceRequest) -> int | None:
    """Return the seconds of ``Prefer: wait=N``; None where it is not asked for.

    What is not understood is not an error but ignored (RFC 7240, section 2); of
    repeated preferences the first counts.
    """
    header: str | None = req.env.get("HTTP_PREFER")
    if header is None:
        return None
    for preference in split_outside_quotes(header, ","):
        wish = split_outside_quotes(preference, ";")[0]
        name, _, value = wish.partition("=")
        if name.strip(_WHITESPACE).lower() == "wait":
            return _seconds(_word(value.strip(_WHITESPACE)))
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
        ProblemError: ``invalid_query`` for those that are unknown, repeated or not
            UTF-8, all named.

    """
    if not req.query_string:
        return {}
    faults: list[Fault] = []
    parameters: dict[str, str] = {}
    given: dict[str, list[str | None]] = {}
    for name, text in pairs_of(req.query_string):
        given.setdefault(name, []).append(text)
    for name, (value, *more) in given.items():
        if name not in known:
            faults.append(Fault("", "unknown_parameter", "is not known", name))
        elif more:
            faults.append(Fault("", "repeated_parameter", "send it once", name))
        elif value is None:
            message = "send UTF-8, percent-encoded"
            faults.append(Fault("", "invalid_parameter", message, name))
        else:
            parameters[name] = value
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


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """Return the parts of ``text`` between separators that no quoted string holds.

    Quoted strings are those of RFC 9110, section 5.6.4. One that is not closed
    reaches to the end.
    """
    if '"' not in text:
        return text.split(separator)
    parts, start, place, quoted = [], 0, 0, False
    while place < len(text):
        character = text[place]
        if quoted and character == "\\":
            place += 1  # whatever comes next is meant literally
        elif character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            parts.append(text[start:place])
            start = place + 1
        place += 1
    return [*parts, text[start:]]


def _word(text: str) -> str:
    """Return a token as it is, and a quoted string without its quotes."""
    match = _QUOTED.fullmatch(text)
    return text if match is None else _ESCAPED.sub(r"\1", match[1])


def _seconds(text: str) -> int | None:
    return int(text) if _SECONDS.fullmatch(text) else None
