"""A client changes its mind about an order, on a running node."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import psycopg
import pytest

from orders.devstack.kafka import EmbeddedKafka
from orders.devstack.postgres import EmbeddedPostgres

pytestmark = pytest.mark.acceptance

Body = Callable[..., dict[str, object]]
EXPENSIVE = "1500.00"
OUTBOX = "select count(*) from outbox"
UNSETTLED = "select count(*) from orders where status = 'PENDING'"
CANCELLED = "select count(*) from orders where status = 'CANCELLED'"


@pytest.fixture
def pending(node, order_body: Body, kafka_server: EmbeddedKafka) -> Iterator[str]:
    """The id of an order that stays pending: its event reaches nobody."""
    place(node, order_body(user_id=8))  # so that the topic is there
    kafka_server.stop()
    answer = node.post("/v1/orders", order_body())
    assert answer.status == 202
    yield str(answer.json()["order_id"])
    kafka_server.start()


def place(node, body: dict[str, object]) -> dict[str, object]:
    """Place an order and wait until it is settled."""
    answer = node.post("/v1/orders", body, Prefer="wait=20")
    assert answer.status == 200, answer.data
    return dict(answer.json())


def test_a_pending_order_is_cancelled_once(
    node,
    pending: str,
    kafka_server: EmbeddedKafka,
    empty_database_url: str,
    wait_until,
) -> None:
    reason = {"reason": "ordered by mistake"}
    path = f"/v1/orders/{pending}/cancel"

    stale = node.post(path, reason, If_Match='"7"')
    first = node.post(path, reason, Idempotency_Key="c", If_Match='"1"')
    again = node.post(path, reason, Idempotency_Key="c", If_Match='"1"')
    other = node.post(path, {"reason": "another"}, Idempotency_Key="c")
    without = node.post(path, reason)

    assert (stale.status, stale.json()["code"]) == (412, "precondition_failed")
    assert stale.json()["order"]["allowed_actions"] == ["cancel"]
    assert (first.status, first.json()["status"]) == (200, "CANCELLED")
    assert first.headers["ETag"] == '"2"'
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status, other.json()["code"]) == (422, "idempotency_key_reused")
    assert (without.status, without.json()["code"]) == (409, "transition_not_allowed")

    # The accepted event comes at last, and finds nothing to do.
    kafka_server.start()
    wait_until(lambda: _count(empty_database_url, OUTBOX) == 0, 60)
    assert node.get(f"/v1/orders/{pending}").json() == first.json()
    history = node.get(f"/v1/orders/{pending}/history").json()["events"]
    assert [(e["type"], e["actor"], e["reason"]) for e in history] == [
        ("orders.order.accepted.v1", "order-intake", None),
        ("orders.order.cancelled.v1", "client", "ordered by mistake"),
    ]
    told = node.get("/v1/notifications?user_id=7").json()["notifications"]
    assert [notice["message"] for notice in told] == [
        f"Your order {pending} was cancelled"
    ]


def test_a_client_that_waits_hears_of_the_cancellation(node, pending: str) -> None:
    node.post(f"/v1/orders/{pending}/cancel", b"")

    shown = node.get(f"/v1/orders/{pending}?wait=20")

    assert shown.json()["status"] == "CANCELLED"


def test_a_paid_order_is_not_cancelled(node, order_body: Body) -> None:
    order_id = place(node, order_body())["order_id"]

    answer = node.post(f"/v1/orders/{order_id}/cancel", {})

    assert answer.status == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["order"] == {
        "order_id": order_id,
        "status": "PAID",
        "payment_status": "SUCCESS",
        "version": 2,
        "allowed_actions": ["refund"],
    }


def test_a_failed_payment_is_tried_again_by_the_limit_of_the_day(
    make_node, order_body: Body
) -> None:
    strict = make_node()
    strict.start()
    order_id = place(strict, order_body(EXPENSIVE))["order_id"]
    failed = strict.get(f"/v1/orders/{order_id}").json()["status"]
    strict.stop()
    generous = make_node(ORDERS_PAYMENT__LIMIT="5000")
    generous.start()

    answer = generous.post(
        f"/v1/orders/{order_id}/payments", {"reason": "limit raised"}
    )
    settled = generous.get(f"/v1/orders/{order_id}?wait=30").json()

    assert failed == "FAILED"
    assert (answer.status, answer.json()["status"]) == (202, "PENDING")
    assert (settled["status"], settled["version"]) == ("PAID", 4)


def test_a_payment_is_tried_as_often_as_the_setting_says(
    make_node, order_body: Body
) -> None:
    node = make_node(ORDERS_PAYMENT__MAX_ATTEMPTS="2")
    node.start()
    order_id = place(node, order_body(EXPENSIVE))["order_id"]

    first = node.post(f"/v1/orders/{order_id}/payments", b"", Idempotency_Key="p")
    failed_again = node.get(f"/v1/orders/{order_id}?wait=30").json()
    replayed = node.post(f"/v1/orders/{order_id}/payments", b"", Idempotency_Key="p")
    second = node.post(f"/v1/orders/{order_id}/payments", b"")

    assert first.status == 202
    assert (failed_again["status"], failed_again["version"]) == ("FAILED", 4)
    assert replayed.json() == failed_again
    assert replayed.headers["Idempotency-Replayed"] == "true"
    assert second.status == 409
    assert second.json()["code"] == "payment_attempts_used_up"


def test_what_was_changed_keeps_every_promise(
    node, order_body: Body, empty_database_url: str, wait_until
) -> None:
    failed = place(node, order_body(EXPENSIVE))["order_id"]
    reason = {"reason": 'a "better" card'}
    node.post(f"/v1/orders/{failed}/payments", reason, Idempotency_Key="p")
    for number in range(20):  # whoever wins, the cancellation or the settlement
        key = f"key-{number}"
        order_id = node.post("/v1/orders", order_body(), Idempotency_Key=key).json()[
            "order_id"
        ]
        node.post(f"/v1/orders/{order_id}/cancel", reason, Idempotency_Key=key)
    wait_until(lambda: _count(empty_database_url, UNSETTLED) == 0, 30)
    wait_until(lambda: _count(empty_database_url, OUTBOX) == 0, 30)

    verified = subprocess.run(
        [sys.executable, "-m", "orders.cli.main", "verify"],
        env=node.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert _count(empty_database_url, CANCELLED) > 0


def test_an_order_that_nobody_placed_is_not_found(node) -> None:
    absent = "01920000-0000-7000-8000-000000000001"

    for action in ("cancel", "payments"):
        answer = node.post(f"/v1/orders/{absent}/{action}", {})
        assert (answer.status, answer.json()["code"]) == (404, "order_not_found")


def test_without_postgresql_a_change_is_refused_soon(
    node, order_body: Body, postgres_server: EmbeddedPostgres, wait_until
) -> None:
    order_id = place(node, order_body())["order_id"]
    path = f"/v1/orders/{order_id}/cancel"

    postgres_server.stop()
    answer = node.post(path, {})
    postgres_server.start()

    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) >= 1
    wait_until(lambda: node.post(path, {}).status == 409, 15)


def _count(url: str, query: str) -> int:
    with psycopg.connect(url) as connection:
        [(count,)] = connection.execute(query.encode()).fetchall()
    return int(count)
