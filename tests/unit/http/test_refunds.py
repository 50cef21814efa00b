"""Refunds as a client sees them."""

import json
from datetime import UTC, datetime

import pytest
from falcon.testing import TestClient

from orders.actors.messages import OUTCOME_UNKNOWN, ReadRefunds, Refused
from orders.domain.changing import (
    Action,
    AmountRefused,
    MoveRefused,
    RefundReplayed,
    VersionDiffers,
)
from orders.domain.order import Order
from orders.domain.refunds import OrderRefunds, Refund, RefundState

AT = datetime(2026, 3, 4, 5, 7, tzinfo=UTC)
REFUND_ID = "01920000-0000-7000-8000-00000000000a"
SHOWN = {
    "refund_id": REFUND_ID,
    "amount": "12.50",
    "currency": "EUR",
    "state": "SUCCEEDED",
    "order_version": 4,
    "created_at": "2026-03-04T05:07:00.000000Z",
    "reason": "broken",
}


def url(order: Order) -> str:
    return f"/v1/orders/{order.order_id}/refunds"


def refund(order: Order) -> Refund:
    return Refund(
        REFUND_ID,
        order.order_id,
        "default",
        4,
        "EUR",
        12_50,
        RefundState.SUCCEEDED,
        "client",
        "broken",
        AT,
    )


def shown(order: Order) -> dict[str, object]:
    links = {"self": f"{url(order)}/{REFUND_ID}", "order": url(order)[:-8]}
    return SHOWN | {"order_id": order.order_id, "links": links}


def test_a_refund_is_a_resource_of_its_own(
    api: TestClient, process, paid_order: Order
) -> None:
    process.on_change = lambda _: RefundReplayed(paid_order, refund(paid_order))

    answer = api.simulate_post(url(paid_order))

    assert answer.status_code == 201
    assert answer.json == shown(paid_order)
    assert answer.headers["location"] == f"{url(paid_order)}/{REFUND_ID}"
    assert answer.headers["idempotency-replayed"] == "true"


def test_what_is_asked_for_is_handed_on(
    api: TestClient, process, paid_order: Order
) -> None:
    api.simulate_post(
        url(paid_order),
        body=json.dumps({"amount": "12.50", "reason": "broken"}),
        headers={"Idempotency-Key": "k", "If-Match": '"4"'},
    )

    [request] = process.changes
    change = request.change
    assert change.action is Action.REFUND
    assert change.refund.amount == "12.50"
    assert (change.reason, change.required_version) == ("broken", 4)
    assert change.key[:2] == ("POST /v1/orders/{order_id}/refunds", "k")


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_an_amount_is_optional(
    api: TestClient, process, paid_order: Order, body: bytes
) -> None:
    api.simulate_post(url(paid_order), body=body)

    [request] = process.changes
    assert request.change.refund.amount is None


def test_each_refund_has_an_id_of_its_own(
    api: TestClient, process, paid_order: Order
) -> None:
    api.simulate_post(url(paid_order))
    api.simulate_post(url(paid_order))

    first, second = (request.change.refund for request in process.changes)
    assert first.refund_id != second.refund_id


def test_the_key_stands_for_the_amount_and_the_reason(
    api: TestClient, process, paid_order: Order
) -> None:
    for body in (
        {"amount": "12.00"},
        {"amount": "12"},
        {"amount": "12.50"},
        {"reason": "12.50"},
        {},
    ):
        api.simulate_post(
            url(paid_order), body=json.dumps(body), headers={"Idempotency-Key": "k"}
        )

    prints = [request.change.key.fingerprint for request in process.changes]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 4


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"amount": 12.5}, ["/amount"]),
        ({"amount": 12}, ["/amount"]),
        ({"amount": None}, ["/amount"]),
        (
            {"x": "1", "amount": True, "reason": ""},
            ["/x", "/amount", "/reason"],
        ),
        ([], [""]),
    ],
)
def test_a_body_that_says_nothing_sound_is_refused_with_all_its_places(
    api: TestClient, process, paid_order: Order, body: object, pointers: list[str]
) -> None:
    answer = api.simulate_post(url(paid_order), body=json.dumps(body))

    assert answer.status_code == 422
    assert [fault["pointer"] for fault in answer.json["errors"]] == pointers
    assert process.changes == []


def test_more_than_is_left_is_refused_at_its_place(
    api: TestClient, process, paid_order: Order
) -> None:
    process.on_change = lambda _: AmountRefused("more_than_left", "no more than 1.00")

    answer = api.simulate_post(url(paid_order), body=b'{"amount": "2.00"}')

    assert (answer.status_code, answer.json["code"]) == (422, "invalid_request")
    assert answer.json["errors"] == [
        {
            "pointer": "/amount",
            "code": "more_than_left",
            "message": "no more than 1.00",
        }
    ]


def test_an_order_that_is_not_paid_says_what_it_allows(
    api: TestClient, process, stored_order: Order
) -> None:
    process.on_change = lambda _: MoveRefused(stored_order, (Action.CANCEL,))

    answer = api.simulate_post(url(stored_order))

    assert (answer.status_code, answer.json["code"]) == (409, "transition_not_allowed")
    assert answer.json["order"]["allowed_actions"] == ["cancel"]


def test_another_version_is_412(api: TestClient, process, paid_order: Order) -> None:
    process.on_change = lambda _: VersionDiffers(paid_order, (Action.REFUND,))

    answer = api.simulate_post(url(paid_order), headers={"If-Match": '"1"'})

    assert (answer.status_code, answer.json["code"]) == (412, "precondition_failed")


def test_a_refund_of_unknown_outcome_is_said_to_be_one(
    api: TestClient, process, paid_order: Order
) -> None:
    process.on_change = lambda _: Refused(OUTCOME_UNKNOWN, 2.0)

    answer = api.simulate_post(url(paid_order))

    assert (answer.status_code, answer.json["code"]) == (503, OUTCOME_UNKNOWN)
    assert "look at its refunds" in answer.json["detail"]


def test_the_refunds_of_an_order_add_up(
    api: TestClient, process, paid_order: Order
) -> None:
    process.on_question = lambda _: OrderRefunds(paid_order, (refund(paid_order),))

    answer = api.simulate_get(url(paid_order))

    assert answer.status_code == 200
    assert answer.json == {
        "order_id": paid_order.order_id,
        "currency": "EUR",
        "total": "99.80",
        "refunded": "12.50",
        "left": "87.30",
        "refunds": [shown(paid_order)],
    }
    [question] = process.questions
    assert isinstance(question, ReadRefunds)


def test_one_refund_is_shown(api: TestClient, process, paid_order: Order) -> None:
    process.on_question = lambda _: OrderRefunds(paid_order, (refund(paid_order),))

    answer = api.simulate_get(f"{url(paid_order)}/{REFUND_ID.upper()}")

    assert (answer.status_code, answer.json) == (200, shown(paid_order))


def test_a_refund_that_is_not_there_is_404(
    api: TestClient, process, paid_order: Order
) -> None:
    process.on_question = lambda _: OrderRefunds(paid_order, ())

    answer = api.simulate_get(f"{url(paid_order)}/{REFUND_ID}")

    assert (answer.status_code, answer.json["code"]) == (404, "refund_not_found")


@pytest.mark.parametrize("path", ["", f"/{REFUND_ID}"])
def test_refunds_of_an_order_that_is_not_there_are_404(
    api: TestClient, stored_order: Order, path: str
) -> None:
    answer = api.simulate_get(url(stored_order) + path)

    assert (answer.status_code, answer.json["code"]) == (404, "order_not_found")
