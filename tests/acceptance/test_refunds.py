"""A shop gives money back, on running nodes."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from orders.devstack.postgres import EmbeddedPostgres

pytestmark = pytest.mark.acceptance

Body = Callable[..., dict[str, object]]
OUTBOX = "select count(*) from outbox"


def paid(node, order_body: Body) -> str:
    """Place an order of 99.80 and return the path of its refunds once it is paid."""
    answer = node.post("/v1/orders", order_body(), Prefer="wait=20")
    assert answer.status == 200, answer.data
    assert answer.json()["status"] == "PAID"
    return f"/v1/orders/{answer.json()['order_id']}/refunds"


def test_an_order_is_refunded_in_parts(node, order_body: Body) -> None:
    path = paid(node, order_body)

    stale = node.post(path, {"amount": "1000.00"}, If_Match='"1"')
    part = node.post(
        path,
        {"amount": "12.50", "reason": "broken"},
        If_Match='"2"',
        Idempotency_Key="r",
    )
    too_much = node.post(path, {"amount": "87.31"})
    rest = node.post(path, b"")
    again = node.post(
        path,
        {"amount": "12.50", "reason": "broken"},
        If_Match='"2"',
        Idempotency_Key="r",
    )
    over = node.post(path, b"")

    assert (stale.status, stale.json()["code"]) == (412, "precondition_failed")
    assert (part.status, part.json()["amount"]) == (201, "12.50")
    assert (too_much.status, too_much.json()["errors"][0]["pointer"]) == (
        422,
        "/amount",
    )
    assert (rest.status, rest.json()["amount"]) == (201, "87.30")
    assert (again.status, again.json()) == (201, part.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == part.headers["Location"]
    assert (over.status, over.json()["order"]["allowed_actions"]) == (409, [])

    listed = node.get(path).json()
    order = node.get(path.removesuffix("/refunds")).json()
    assert node.get(part.headers["Location"]).json() == part.json()
    assert listed["refunds"] == [part.json(), rest.json()]
    assert (listed["refunded"], listed["left"]) == ("99.80", "0.00")
    assert (order["status"], order["payment_status"]) == ("REFUNDED", "REFUNDED")


def test_each_refund_is_in_the_history_and_told(node, order_body: Body) -> None:
    path = paid(node, order_body)

    node.post(path, {"amount": "12.50", "reason": "broken"})

    events = node.get(path.replace("refunds", "history")).json()["events"]
    told = node.get("/v1/notifications?user_id=7").json()["notifications"]
    assert [(e["version"], e["payment_status"], e["cause"]) for e in events[2:]] == [
        (3, "REFUNDING", "client_request"),
        (4, "PARTIALLY_REFUNDED", "payment_rule"),
    ]
    assert [(e["actor"], e["reason"]) for e in events[2:]] == [
        ("client", "broken"),
        ("payment-rule", None),
    ]
    assert "refunded in part" in told[0]["message"]


def test_two_nodes_refund_no_more_than_was_paid(
    make_node, order_body: Body, empty_database_url: str, wait_until
) -> None:
    nodes = [make_node(), make_node()]
    for node in nodes:
        node.start()
    paths = [paid(nodes[0], order_body) for _ in range(3)]

    def ask(number: int) -> int:
        path = paths[number % 3]
        return int(nodes[number % 2].post(path, {"amount": "30.00"}).status)

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(ask, range(60)))

    for path in paths:
        assert nodes[1].get(path).json()["refunded"] == "90.00"
    assert statuses.count(201) == 9
    assert set(statuses) <= {201, 422, 503}
    wait_until(lambda: _count(empty_database_url, OUTBOX) == 0, 30)
    verified = subprocess.run(
        [sys.executable, "-m", "orders.cli.main", "verify"],
        env=nodes[0].environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_without_postgresql_a_refund_is_refused_soon(
    node, order_body: Body, postgres_server: EmbeddedPostgres, wait_until
) -> None:
    path = paid(node, order_body)

    postgres_server.stop()
    answer = node.post(path, {}, Idempotency_Key="r")
    postgres_server.start()

    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) >= 1
    wait_until(lambda: node.post(path, {}, Idempotency_Key="r").status == 201, 15)


def _count(url: str, query: str) -> int:
    with psycopg.connect(url) as connection:
        [(count,)] = connection.execute(query.encode()).fetchall()
    return int(count)
