"""What a running node does when a part goes away and comes back."""

import signal
import threading
import time
from collections.abc import Callable

import psycopg
import pytest

from orders.devstack.kafka import EmbeddedKafka
from orders.devstack.postgres import EmbeddedPostgres

pytestmark = pytest.mark.acceptance

Body = Callable[..., dict[str, object]]
SETTLED = "select count(*) from orders where status in ('PAID', 'FAILED')"


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def count(url: str, query: str) -> int:
    return int(str(rows(url, query)[0][0]))


class Clients:
    """Threads that post orders and note what was acknowledged."""

    def __init__(self, node, body: dict[str, object], threads: int = 16) -> None:
        self.acknowledged: list[str] = []
        self.statuses: set[int] = set()
        self._node = node
        self._body = body
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                answer = self._node.post("/v1/orders", self._body)
            except Exception:  # noqa: BLE001 - an answer that never came counts as none
                return
            self.statuses.add(answer.status)
            if answer.status == 202:
                self.acknowledged.append(answer.json()["order_id"])


def test_orders_are_there_again_after_a_restart(node, order_body: Body) -> None:
    before = node.post("/v1/orders", order_body(), Prefer="wait=10").json()

    exit_code = node.stop()
    node.start()

    after = node.get(f"/v1/orders/{before['order_id']}").json()
    assert exit_code == 0
    assert after == before


def test_sigterm_under_load_loses_nothing_that_was_acknowledged(
    node, order_body: Body, empty_database_url: str, wait_until
) -> None:
    with Clients(node, order_body()) as clients:
        wait_until(lambda: len(clients.acknowledged) > 500, 30)
        began = time.monotonic()
        exit_code = node.stop(signal.SIGTERM)
        took = time.monotonic() - began

    assert exit_code == 0
    assert took < 20
    assert clients.statuses <= {202, 503}
    stored = count(empty_database_url, "select count(*) from orders")
    assert len(set(clients.acknowledged)) <= stored
    node.start()
    wait_until(lambda: count(empty_database_url, SETTLED) == stored, 30)
    told = rows(empty_database_url, "select order_id from notifications")
    assert set(clients.acknowledged) <= {str(order_id) for (order_id,) in told}


def test_a_killed_node_leaves_nothing_unsettled(
    node, order_body: Body, empty_database_url: str, wait_until
) -> None:
    with Clients(node, order_body()) as clients:
        wait_until(lambda: len(clients.acknowledged) > 500, 30)
        node.kill()

    node.start()
    stored = count(empty_database_url, "select count(*) from orders")
    assert len(set(clients.acknowledged)) <= stored
    wait_until(lambda: count(empty_database_url, SETTLED) == stored, 45)
    told = rows(empty_database_url, "select order_id from notifications")
    assert len(told) == stored
    assert set(clients.acknowledged) <= {str(order_id) for (order_id,) in told}


def test_kafka_may_go_away_and_come_back(
    node,
    order_body: Body,
    kafka_server: EmbeddedKafka,
    empty_database_url: str,
    wait_until,
) -> None:
    node.post("/v1/orders", order_body(), Prefer="wait=10")

    kafka_server.stop()
    statuses = {node.post("/v1/orders", order_body()).status for _ in range(200)}
    wait_until(lambda: node.metric("orders_outbox_pending") > 0, 15)
    readiness = node.probe("/readyz")
    kafka_server.start()

    assert statuses == {202}
    assert readiness == 200
    wait_until(lambda: count(empty_database_url, SETTLED) == 201, 60)
    wait_until(
        lambda: count(empty_database_url, "select count(*) from outbox") == 0, 30
    )


def test_postgresql_may_go_away_and_come_back(
    node,
    order_body: Body,
    postgres_server: EmbeddedPostgres,
    empty_database_url: str,
    wait_until,
) -> None:
    known = node.post("/v1/orders", order_body(), Prefer="wait=10").json()

    postgres_server.stop()
    for ask in (
        lambda: node.post("/v1/orders", order_body()),
        lambda: node.get(f"/v1/orders/{known['order_id']}"),
        lambda: node.get("/v1/notifications?user_id=7"),
    ):
        began = time.monotonic()
        answer = ask()
        assert time.monotonic() - began < 2.0
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) >= 1
    wait_until(lambda: node.probe("/readyz") == 503, 5)
    postgres_server.start()

    wait_until(lambda: node.post("/v1/orders", order_body()).status == 202, 10)
    wait_until(lambda: count(empty_database_url, SETTLED) >= 2, 30)
    assert node.process.poll() is None


def test_a_node_starts_with_everything_away_and_serves_when_it_comes(
    make_node,
    order_body: Body,
    postgres_server: EmbeddedPostgres,
    kafka_server: EmbeddedKafka,
) -> None:
    postgres_server.stop()
    kafka_server.stop()
    node = make_node()
    node.start(ready=False)
    refused = node.post("/v1/orders", order_body())
    live, ready = node.probe("/livez"), node.probe("/readyz")

    postgres_server.start()
    kafka_server.start()
    node.wait_ready()
    answer = node.post("/v1/orders", order_body(), Prefer="wait=20")

    assert (refused.status, live, ready) == (503, 200, 503)
    assert any(ln["event"] == "database.unavailable" for ln in node.log_lines())
    assert answer.json()["status"] == "PAID"
