"""What an answer means to a client, and whether it is a documented one."""

from typing import NamedTuple

from orders.load.http_client import Answer
from orders.load.planned_orders import OLDER_ROUTE
from orders.verification.journal import Outcome

_OK, _ACCEPTED, _CONFLICT, _TOO_MANY, _UNAVAILABLE = 200, 202, 409, 429, 503
_NOT_STORED = frozenset(
    {"not_stored", "overloaded", "draining", "too_many_unpublished"}
)
"""Codes that say that the request had no effect."""
_KEY_BUSY = "idempotency_key_in_use"
_PROBLEM_JSON = "application/problem+json"


class Meaning(NamedTuple):
    """The outcome, and what is wrong with the answer where it is undocumented."""

    outcome: Outcome
    undocumented: str | None = None


def meaning_of_create(route: str, answer: Answer) -> Meaning:
    """Judge the answer to a valid order with a key of its own."""
    if answer.status in {_OK, _ACCEPTED}:
        return _of_acceptance(route, answer)
    if answer.status == _UNAVAILABLE:
        return _of_unavailable(route, answer)
    if _is_rate_limit(answer):
        return Meaning(Outcome.FAILED)
    if answer.status == _CONFLICT and answer.body.get("code") == _KEY_BUSY:
        return Meaning(Outcome.FAILED)
    outcome = Outcome.FAILED if answer.status < 500 else Outcome.UNKNOWN  # noqa: PLR2004 - 5xx
    return Meaning(outcome, f"status {answer.status}: {answer.body}")


def meaning_of_read(answer: Answer) -> Meaning:
    """Judge the answer to a look at an order that was acknowledged before."""
    if answer.status == _OK:
        complete = isinstance(answer.body.get("version"), int)
        return Meaning(Outcome.OK, None if complete else f"no version: {answer.body}")
    if answer.status == _UNAVAILABLE:
        return _of_unavailable("", answer)
    if _is_rate_limit(answer):
        return Meaning(Outcome.FAILED)
    return Meaning(Outcome.FAILED, f"status {answer.status}: {answer.body}")


def meaning_of_page(answer: Answer) -> Meaning:
    """Judge the answer to a question for a customer's notices."""
    if answer.status == _OK and isinstance(answer.body.get("notifications"), list):
        return Meaning(Outcome.OK)
    if answer.status == _UNAVAILABLE:
        return _of_unavailable("", answer)
    return Meaning(Outcome.FAILED, f"status {answer.status}: {answer.body}")


def _is_rate_limit(answer: Answer) -> bool:
    """Tell whether a key's rate is used up, and when to come again is said."""
    advice = answer.headers.get("retry-after", "")
    return answer.status == _TOO_MANY and advice.isdecimal()


def _of_acceptance(route: str, answer: Answer) -> Meaning:
    if not isinstance(answer.body.get("order_id"), str):
        return Meaning(Outcome.UNKNOWN, f"no order_id: {answer.body}")
    if route == OLDER_ROUTE or "location" in answer.headers:
        return Meaning(Outcome.OK)
    return Meaning(Outcome.OK, f"no Location: {dict(answer.headers)}")


def _of_unavailable(route: str, answer: Answer) -> Meaning:
    code = answer.body.get("code")
    outcome = Outcome.FAILED if code in _NOT_STORED else Outcome.UNKNOWN
    if not answer.headers.get("retry-after", "").isdecimal():
        return Meaning(outcome, f"503 without Retry-After: {answer.body}")
    if route == OLDER_ROUTE:
        told = isinstance(answer.body.get("error"), str)
        return Meaning(outcome, None if told else f"503 without error: {answer.body}")
    kind = answer.headers.get("content-type", "")
    if not kind.startswith(_PROBLEM_JSON) or not isinstance(code, str):
        return Meaning(outcome, f"503 without a problem: {kind} {answer.body}")
    return Meaning(outcome)
