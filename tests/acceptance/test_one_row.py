"""One row that is held, or odd, on a running node: all others go on."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from orders.domain.events import event_data
from orders.domain.identifiers import IdFactory
from orders.domain.intake import NewOrder
from orders.domain.order import DEFAULT_TENANT, OrderLine, OrderRequest
from orders.domain.transitions import Change, move
from orders.persistence.database import PostgresDatabase

pytestmark = pytest.mark.acceptance

Body = Callable[..., dict[str, object]]


def store_elsewhere(url: str) -> str:
    """Store an order by a node that dies before it publishes it."""
    order_id, state = IdFactory()(), move(None, Change.ACCEPTED)
    request = OrderRequest(7, "EUR", 9980, (OrderLine(3, 2, 9980),))
    data = event_data(order_id, DEFAULT_TENANT, 7, 9980, "EUR", state, 1)
    dead = PostgresDatabase(url, node_name="dead", node_lease_seconds=0.1)
    with closing(dead.intake_store()) as store:
        store.store([NewOrder(order_id, DEFAULT_TENANT, request, data)])
    return order_id


def test_other_orders_settle_beside_one_that_a_stranger_holds(
    make_node, empty_database_url: str, order_body: Body, wait_until
) -> None:
    node = make_node()
    node.start()

    def settle(number: int) -> float:
        began = time.monotonic()
        body = order_body(user_id=number + 1)
        answer = node.post("/v1/orders", body, Prefer="wait=10")
        assert answer.json()["status"] == "PAID", answer.data
        return time.monotonic() - began

    with psycopg.connect(empty_database_url) as stranger:
        held = store_elsewhere(empty_database_url)
        stranger.execute("select from orders where order_id = %s for update", [held])
        wait_until(lambda: node.metric("orders_held_total") >= 1, 20)
        with ThreadPoolExecutor(10) as pool:
            took = sorted(pool.map(settle, range(200)))
        assert node.status_of(held) == "PENDING"
    wait_until(lambda: node.status_of(held) == "PAID", 60)

    assert took[int(len(took) * 0.99)] < 2.0


def test_a_row_that_nobody_can_read_costs_its_own_answers_alone(
    node, empty_database_url: str, order_body: Body
) -> None:
    body = order_body()
    first = node.post("/v1/orders", body, Idempotency_Key="k").json()["order_id"]
    with psycopg.connect(empty_database_url) as person:
        person.execute("""update orders set items = '{"a": 1}'""")

    repeated = [node.post("/v1/orders", body, Idempotency_Key="k") for _ in range(20)]
    looked = node.get(f"/v1/orders/{first}")
    listed = node.get("/v1/orders")
    stored = node.post("/v1/orders", body, Prefer="wait=10")

    assert {answer.status for answer in (*repeated, looked)} == {500}
    assert {answer.json()["code"] for answer in repeated} == {"order_unreadable"}
    assert [order["items"] for order in listed.json()["orders"]] == [None]
    assert stored.json()["status"] == "PAID"
    assert node.metric("orders_actor_restarts_total") == 0
    named = [ln for ln in node.log_lines() if ln["event"] == "order.unreadable"]
    assert {line["order_id"] for line in named} == {first}
