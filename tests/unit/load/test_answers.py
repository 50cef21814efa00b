"""What an answer means to a client of the load."""

import json
import random

import pytest

from orders.load.answers import meaning_of_create, meaning_of_read
from orders.load.http_client import Answer, MalformedError, parse_head
from orders.load.planned_orders import OLDER_ROUTE, ROUTE, PlannedOrder, plan_order
from orders.verification.journal import Outcome

PROBLEM = {"content-type": "application/problem+json", "retry-after": "1"}


def answer(
    status: int, headers: dict[str, str] | None = None, **body: object
) -> Answer:
    return Answer(status, headers or {}, body)


def orders(count: int) -> list[PlannedOrder]:
    rng = random.Random(7)  # noqa: S311 - seeded, so that it repeats
    return [plan_order("run", 1, number, rng) for number in range(count)]


def test_an_accepted_order_is_ok() -> None:
    accepted = answer(202, {"location": "/v1/orders/x"}, order_id="x")

    assert meaning_of_create(ROUTE, accepted) == (Outcome.OK, None)


@pytest.mark.parametrize("code", ["not_stored", "overloaded", "draining"])
def test_not_stored_has_no_effect(code: str) -> None:
    refused = answer(503, PROBLEM, code=code)

    assert meaning_of_create(ROUTE, refused) == (Outcome.FAILED, None)


def test_an_unknown_outcome_is_not_known() -> None:
    unknown = answer(503, PROBLEM, code="outcome_unknown")

    assert meaning_of_create(ROUTE, unknown) == (Outcome.UNKNOWN, None)


def test_a_503_of_the_older_route_is_not_known() -> None:
    refused = answer(503, {"retry-after": "1"}, error="not now")

    assert meaning_of_create(OLDER_ROUTE, refused) == (Outcome.UNKNOWN, None)


@pytest.mark.parametrize(
    "undocumented",
    [
        answer(500, PROBLEM, code="internal_error"),
        answer(503, {"content-type": PROBLEM["content-type"]}, code="draining"),
        answer(503, {"retry-after": "1"}, code="draining"),
        answer(422, PROBLEM, code="invalid_order"),
        answer(202, {"location": "/v1/orders/x"}),
        answer(202, {}, order_id="x"),
        answer(302),
    ],
)
def test_what_no_document_promises_is_noticed(undocumented: Answer) -> None:
    assert meaning_of_create(ROUTE, undocumented).undocumented is not None


def test_an_internal_error_may_have_had_an_effect() -> None:
    assert meaning_of_create(ROUTE, answer(500)).outcome is Outcome.UNKNOWN


def test_an_acknowledged_order_must_be_found() -> None:
    assert meaning_of_read(answer(404, PROBLEM)).undocumented is not None


def test_a_head_is_taken_apart() -> None:
    head = b"HTTP/1.1 202 Accepted\r\nRetry-After: 1\r\n\r\n"

    assert parse_head(head) == (202, {"retry-after": "1"})


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1\r\n\r\n", b"\r\n\r\n", b"SSH-2.0 200\r\n\r\n"]
)
def test_what_is_no_head_is_malformed(head: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_head(head)


def test_every_planned_order_is_another_one() -> None:
    planned = orders(200)

    assert len({order.fingerprint for order in planned}) == 200
    assert len({order.key for order in planned}) == 200


def test_both_routes_are_planned() -> None:
    assert {order.route for order in orders(200)} == {ROUTE, OLDER_ROUTE}


def test_lines_of_a_planned_order_add_up() -> None:
    for order in orders(50):
        body = json.loads(order.body)
        if order.route == ROUTE:
            parts = sum(round(float(i["line_total"]) * 100) for i in body["items"])
            assert parts == round(float(body["total"]) * 100)
