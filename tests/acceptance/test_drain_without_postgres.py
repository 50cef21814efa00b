"""A node that is told to stop while PostgreSQL is away does not wait for nothing."""

import threading
import time
from collections.abc import Callable

import pytest

from orders.devstack.postgres import EmbeddedPostgres

pytestmark = pytest.mark.acceptance

Body = Callable[..., dict[str, object]]
LONG_GRACE = {"ORDERS_SHUTDOWN__GRACE_SECONDS": "25"}


def test_a_drain_without_postgres_is_short_and_says_what_was_left(
    make_node, order_body: Body, postgres_server: EmbeddedPostgres, wait_until
) -> None:
    node = make_node(**LONG_GRACE)
    node.start()
    statuses: list[int] = []
    enough = threading.Event()

    def ask() -> None:
        while not enough.is_set():
            statuses.append(node.post("/v1/orders", order_body()).status)

    clients = [threading.Thread(target=ask) for _ in range(16)]
    for client in clients:
        client.start()
    wait_until(lambda: statuses.count(202) > 500, 30)

    postgres_server.kill()
    wait_until(lambda: node.probe("/readyz") == 503, 10)
    enough.set()
    for client in clients:
        client.join()
    began = time.monotonic()
    exit_code = node.stop()
    took = time.monotonic() - began

    lines = node.log_lines()
    [last] = [line for line in lines if line["event"] == "node.stopped"]
    left = [line for line in lines if line["event"] == "actor.not_drained"]
    assert exit_code == 0
    assert took < 12
    assert left
    assert {line["reason"] for line in left} == {"PostgreSQL is away"}
    assert last["unfinished"] == [line["actor"] for line in left]
