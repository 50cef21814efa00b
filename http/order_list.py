"""The query of ``GET /v1/orders``: filters, the place to go on from, the limit."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from orders.domain.listing import OrderFilters
from orders.domain.order import MAX_ID, OrderStatus, PaymentStatus
from orders.http.cursor import CursorError, Place, decode_cursor, encode_cursor
from orders.http.moments import parse_moment
from orders.http.order_checks import REFERENCE
from orders.http.problems import Fault, ProblemError

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
PARAMETERS: Final = (*OrderFilters._fields, "cursor", "limit")
_PATH = "/v1/orders"
_NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)
_MOMENT_WANTED = "send a time such as 2026-01-31T09:30:00Z; a + is written %2B"
_SERVED = (
    "send user_id or reference, not both; each goes with status, payment_status,"
    " created_gte and created_lt"
)

Value = TypeVar("Value")
State = TypeVar("State", bound=StrEnum)


class ListRequest(NamedTuple):
    """One page that is asked for."""

    filters: OrderFilters
    before: str | None
    limit: int


class WrongValueError(Exception):
    """Says what to send instead."""


class _Parameters:
    """Reads parameters, and collects what is wrong with them."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self.faults: list[Fault] = []

    def read(self, name: str, parse: Callable[[str], Value]) -> Value | None:
        text = self._given.get(name)
        if text is None:
            return None
        try:
            return parse(text)
        except WrongValueError as error:
            self.fault(name, "invalid_parameter", str(error))
            return None

    def fault(self, name: str, code: str, message: str) -> None:
        self.faults.append(Fault("", code, message, name))


def list_request(tenant_id: str, given: Mapping[str, str]) -> ListRequest:
    """Return what the parameters ask for; a cursor brings its filters along.

    Raises:
        ProblemError: ``invalid_query``, with everything that is wrong.

    """
    parameters = _Parameters(given)
    filters = OrderFilters(
        parameters.read("status", _one_of(OrderStatus)),
        parameters.read("payment_status", _one_of(PaymentStatus)),
        parameters.read("user_id", integer(MAX_ID)),
        parameters.read("reference", _reference),
        parameters.read("created_gte", _moment),
        parameters.read("created_lt", _moment),
    )
    limit = parameters.read("limit", integer(MAX_LIMIT))
    place = parameters.read("cursor", lambda text: _place(tenant_id, text))
    if place is not None:
        _check_against_cursor(parameters, filters, place.filters)
        filters = place.filters
    _check_combination(parameters, filters)
    if parameters.faults:
        names = ", ".join(dict.fromkeys(f.parameter for f in parameters.faults))
        raise ProblemError("invalid_query", f"See: {names}.", faults=parameters.faults)
    before = None if place is None else place.before
    return ListRequest(filters, before, limit or DEFAULT_LIMIT)


def next_page(tenant_id: str, asked: ListRequest, before: str | None) -> str | None:
    """Return the path and query of the page below ``before``, None at the end."""
    if before is None:
        return None
    cursor = encode_cursor(tenant_id, Place(asked.filters, before))
    return f"{_PATH}?limit={asked.limit}&cursor={cursor}"


def _check_combination(parameters: _Parameters, filters: OrderFilters) -> None:
    if filters.user_id is not None and filters.reference is not None:
        for name in ("user_id", "reference"):
            parameters.fault(name, "unserved_combination", _SERVED)
    after, before = filters.created_gte, filters.created_lt
    if after is not None and before is not None and after >= before:
        message = "send a time after created_gte"
        parameters.fault("created_lt", "invalid_parameter", message)


def _check_against_cursor(
    parameters: _Parameters, given: OrderFilters, carried: OrderFilters
) -> None:
    for name, value, other in zip(OrderFilters._fields, given, carried, strict=True):
        if value is not None and value != other:
            message = "a cursor goes with the filters it was made for, or with none"
            parameters.fault("cursor", "other_filter", f"{message}: see {name}")


def _place(tenant_id: str, text: str) -> Place:
    try:
        return decode_cursor(tenant_id, text)
    except CursorError:
        raise WrongValueError("send it just as it was given, or leave it out") from None


def _one_of(states: type[State]) -> Callable[[str], State]:
    def parse(text: str) -> State:
        try:
            return states(text)
        except ValueError:
            raise WrongValueError(f"send one of {', '.join(states)}") from None

    return parse


def integer(largest: int) -> Callable[[str], int]:
    """Return what reads an integer from 1 to ``largest``, or raises."""

    def parse(text: str) -> int:
        number = int(text) if _NUMBER.fullmatch(text) else 0
        if not 1 <= number <= largest:
            raise WrongValueError(f"send an integer from 1 to {largest}")
        return number

    return parse


def _reference(text: str) -> str:
    if not REFERENCE.fullmatch(text):
        raise WrongValueError("send the reference of an order")
    return text


def _moment(text: str) -> datetime:
    try:
        return parse_moment(text)
    except ValueError:
        raise WrongValueError(_MOMENT_WANTED) from None
