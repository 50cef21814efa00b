"""What another release or a person wrote into a row costs that row's answers alone."""

from datetime import UTC, datetime

import pytest
from falcon.testing import Result, TestClient

from orders.domain.changing import OrderUnreadable
from orders.domain.intake import Replayed
from orders.domain.listing import OrderPage
from orders.domain.order import Order, OrderStatus, PaymentStatus
from orders.domain.records import HistoryEntry
from orders.domain.refunds import OrderRefunds, Refund, RefundState

WHY = "items: Expected `array`, got `object`"
AT = datetime(2026, 3, 4, tzinfo=UTC)
BODY = (
    b'{"user_id":7,"currency":"EUR","total":"99.80",'
    b'"items":[{"product_id":3,"quantity":2,"line_total":"99.80"}]}'
)


@pytest.fixture
def odd_order(stored_order: Order) -> Order:
    request = stored_order.request._replace(lines=())
    return stored_order._replace(request=request, unreadable=WHY)


@pytest.fixture
def foreign_order(stored_order: Order) -> Order:
    request = stored_order.request._replace(currency="QQQ")
    return stored_order._replace(
        request=request,
        status=OrderStatus.told("ON_HOLD"),
        payment_status=PaymentStatus.told("PARKED"),
    )


def check_problem(answer: Result, process, order: Order) -> None:
    assert (answer.status_code, answer.json["code"]) == (500, "order_unreadable")
    assert answer.json["order_id"] == order.order_id
    assert not {"etag", "retry-after", "idempotency-replayed"} & answer.headers.keys()
    [(event, fields)] = process.logged
    assert (event, fields["order_id"]) == ("order.unreadable", order.order_id)


def test_a_look_at_it_is_a_problem(api: TestClient, process, odd_order) -> None:
    process.on_question = lambda _: odd_order

    answer = api.simulate_get(f"/v1/orders/{odd_order.order_id}")

    check_problem(answer, process, odd_order)


def test_its_key_repeated_is_a_problem(api: TestClient, process, odd_order) -> None:
    process.on_submission = lambda _: Replayed(odd_order)

    answer = api.simulate_post("/v1/orders", body=BODY)

    check_problem(answer, process, odd_order)


def test_a_repeated_change_of_it_is_a_problem(
    api: TestClient, process, odd_order
) -> None:
    process.on_change = lambda _: Replayed(odd_order)

    answer = api.simulate_post(f"/v1/orders/{odd_order.order_id}/cancel")

    check_problem(answer, process, odd_order)


@pytest.mark.parametrize("action", ["cancel", "payments", "refunds"])
def test_a_change_of_it_is_a_problem(
    api: TestClient, process, odd_order, action: str
) -> None:
    process.on_change = lambda _: OrderUnreadable(odd_order.order_id, WHY)

    answer = api.simulate_post(f"/v1/orders/{odd_order.order_id}/{action}")

    check_problem(answer, process, odd_order)


def test_a_list_shows_what_is_known_of_it(
    api: TestClient, process, odd_order, paid_order
) -> None:
    process.on_question = lambda _: OrderPage((odd_order, paid_order), None)

    answer = api.simulate_get("/v1/orders")

    odd, paid = answer.json["orders"]
    assert answer.status_code == 200
    assert (odd["items"], odd["total"]) == (None, "99.80")
    assert paid["items"] == [{"product_id": 3, "quantity": 2, "line_total": "99.80"}]
    [(event, fields)] = process.logged
    assert (event, fields["order_id"]) == ("order.unreadable", odd_order.order_id)


def test_what_a_newer_release_wrote_is_shown_without_amounts(
    api: TestClient, process, foreign_order
) -> None:
    process.on_question = lambda _: foreign_order

    answer = api.simulate_get(f"/v1/orders/{foreign_order.order_id}")

    assert answer.status_code == 200
    assert answer.json["status"] == "ON_HOLD"
    assert answer.json["payment_status"] == "PARKED"
    assert answer.json["currency"] == "QQQ"
    assert answer.json["total"] is None
    assert answer.json["items"] == [
        {"product_id": 3, "quantity": 2, "line_total": None}
    ]


def test_refunds_in_a_foreign_currency_are_shown_without_amounts(
    api: TestClient, process, foreign_order
) -> None:
    order_id = foreign_order.order_id
    refund = Refund(
        order_id, order_id, "default", 3, "QQQ", 5, RefundState.told("ASKED"), "ann",
        None, AT,
    )  # fmt: skip
    process.on_question = lambda _: OrderRefunds(foreign_order, (refund,))

    answer = api.simulate_get(f"/v1/orders/{order_id}/refunds")

    assert answer.status_code == 200
    assert answer.json["left"] is None
    assert answer.json["refunds"][0]["amount"] is None
    assert answer.json["refunds"][0]["state"] == "ASKED"


@pytest.mark.parametrize("data", ["[1]", '{"status":7}', '"text"', "null"])
def test_an_event_without_a_state_is_shown_as_it_is(
    api: TestClient, process, stored_order, data: str
) -> None:
    entry = HistoryEntry(1, "orders.order.parked.v9", data, AT, "client", None)
    process.on_question = lambda _: (entry,)

    answer = api.simulate_get(f"/v1/orders/{stored_order.order_id}/history")

    assert answer.status_code == 200
    assert data.encode() in answer.content
    assert "status" not in answer.json["events"][0]


@pytest.mark.parametrize("data", ["", "{", "[" * 100_000], ids=["", "{", "deep"])
def test_an_event_that_is_no_json_is_a_problem(
    api: TestClient, process, stored_order, data: str
) -> None:
    entry = HistoryEntry(1, "orders.order.accepted.v1", data, AT, "client", None)
    process.on_question = lambda _: (entry,)

    answer = api.simulate_get(f"/v1/orders/{stored_order.order_id}/history")

    check_problem(answer, process, stored_order)
