"""One order through the whole: in over HTTP, settled, notified, told."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

pytestmark = pytest.mark.acceptance

Body = Callable[..., dict[str, object]]
_LINE = b'"items": [{"product_id": 3, "quantity": 2, "line_total": "99.80"}]'
WRONG_SUM = b'{"user_id": 7, "currency": "EUR", "total": "1.00", ' + _LINE + b"}"
WRONG_CURRENCY = b'{"user_id": 7, "currency": "XYZ", "total": "99.80", ' + _LINE + b"}"


def test_an_order_below_the_limit_is_paid_within_a_second_of_asking(
    node, order_body: Body
) -> None:
    for _ in range(12):  # until every partition has its consumer
        node.post("/v1/orders", order_body(), Prefer="wait=10")

    accepted = node.post("/v1/orders", order_body())
    told = node.get(f"{accepted.headers['Location']}?wait=1")

    assert accepted.status == 202
    assert accepted.json()["status"] == "PENDING"
    assert told.json()["status"] == "PAID"
    assert told.json()["payment_status"] == "SUCCESS"
    assert told.headers["ETag"] == '"2"'


def test_an_order_at_the_limit_fails_with_its_reason_in_the_history(
    node, order_body: Body
) -> None:
    answer = node.post("/v1/orders", order_body("1000.00"), Prefer="wait=10")

    assert answer.status == 200
    assert answer.json()["status"] == "FAILED"
    history = node.get(answer.json()["links"]["history"]).json()
    assert "amount_limit" in str(history)


def test_the_older_route_takes_any_letter_case_and_settles(node) -> None:
    body = b'{"User_ID":7,"PRODUCT_ID":2,"quantity":2,"Total_Price":499.5,"x":1}'

    answer = node.post("/Orders", body)
    told = node.get(f"/v1/orders/{answer.json()['order_id']}?wait=10").json()

    assert answer.status == 200
    assert answer.json()["message"] == "Successfully Loaded"
    assert (told["status"], told["total"]) == ("PAID", "499.50")


def test_each_outcome_has_exactly_one_notice(node, order_body: Body) -> None:
    ids = {
        node.post("/v1/orders", order_body(total, 41), Prefer="wait=10").json()[
            "order_id"
        ]
        for total in ("10.00", "1000.00")
    }

    notices = node.get("/v1/notifications?user_id=41").json()["notifications"]

    assert len(notices) == 2
    assert {notice["order_id"] for notice in notices} == ids


def test_the_same_key_answers_with_the_same_order(node, order_body: Body) -> None:
    first = node.post("/v1/orders", order_body(), Idempotency_Key="k-1")
    again = node.post("/v1/orders", order_body(), Idempotency_Key="k-1")
    other = node.post("/v1/orders", order_body("1.00"), Idempotency_Key="k-1")

    assert again.status == first.status == 202
    assert again.json()["order_id"] == first.json()["order_id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert other.status == 422
    assert other.json()["code"] == "idempotency_key_reused"


def test_a_wait_ends_when_another_node_settles_the_order(
    make_node, order_body: Body
) -> None:
    # This one does not reach Kafka: what it takes, only the other one settles.
    waiting = make_node(ORDERS_KAFKA__BOOTSTRAP_SERVERS="127.0.0.1:1")
    waiting.start()
    settling = make_node(ORDERS_SWEEPER__STUCK_AFTER_SECONDS="1")
    accepted = waiting.post("/v1/orders", order_body()).json()
    with ThreadPoolExecutor(1) as threads:
        path = f"/v1/orders/{accepted['order_id']}"
        told = threads.submit(waiting.get, f"{path}?wait=30")
        before = waiting.status_of(accepted["order_id"])
        settling.start()

    assert before == "PENDING"
    assert told.result().json()["status"] == "PAID"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "pointer"),
    [
        (b"", "application/json", 400, None),
        (b'{"user_id": 7', "application/json", 400, None),
        (b'{"user_id": "7"}', "application/json", 422, "/user_id"),
        (b'{"user_id": 7, "surprise": 1}', "application/json", 422, "/surprise"),
        (b'{"user_id": NaN}', "application/json", 400, None),
        (b'{"reference": "a\\u0000b"}', "application/json", 422, "/reference"),
        (b'{"reference": "\\ud800"}', "application/json", 400, None),
        (b"[" * 10_000, "application/json", 400, None),
        (b'{"user_id": ' + b"9" * 400 + b"}", "application/json", 422, "/user_id"),
        (WRONG_SUM, "application/json", 422, "/total"),
        (WRONG_CURRENCY, "application/json", 422, "/currency"),
        (b" " * 10_000_000, "application/json", 413, None),
        (b"{}", "text/plain", 415, None),
    ],
)
def test_bad_input_is_a_problem_that_names_the_place_and_stores_nothing(
    shared_node, body: bytes, content_type: str, status: int, pointer: str | None
) -> None:
    answer = shared_node.post("/v1/orders", body, Content_Type=content_type)

    problem = answer.json()
    places = [fault["pointer"] for fault in problem["errors"]]
    assert (answer.status, problem["status"]) == (status, status)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert pointer is None or pointer in places
    assert shared_node.metric("orders_accepted_total") == 0
