"""The example client against a service that is away, busy or dies: one order each."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from orders.devstack.postgres import EmbeddedPostgres
from orders.domain.api_keys import RateLimit, Scope, mint_key
from orders.persistence.api_keys import operator_keys

pytestmark = pytest.mark.acceptance

Body = Callable[..., dict[str, object]]
EXAMPLE = Path(__file__).parents[2] / "examples" / "place_order.py"
SECONDS = 60.0


class Client:
    """The example as a process of its own; what it says of its attempts is kept."""

    def __init__(self, node, order: dict[str, object], *options: str) -> None:
        self.attempts: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, EXAMPLE, "--url", node.url, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write(json.dumps(order))
        stdin.close()
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        with stderr:
            for line in stderr:
                self.attempts.append(line)

    def order(self) -> dict[str, object]:
        """Return what it printed, once it has ended."""
        stdout = self._process.stdout
        assert stdout is not None
        with stdout:
            text = stdout.read()
        assert self._process.wait(SECONDS) == 0, self.attempts
        self._listener.join()
        placed: dict[str, object] = json.loads(text)
        return placed


ORDERS = "select order_id::text from orders"
KEYS = "select key from idempotency_keys"


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def test_an_order_placed_while_postgresql_is_away_is_there_once(
    node,
    order_body: Body,
    postgres_server: EmbeddedPostgres,
    empty_database_url: str,
    wait_until,
) -> None:
    postgres_server.kill()
    client = Client(node, order_body())
    wait_until(lambda: len(client.attempts) >= 3, SECONDS)

    postgres_server.start()
    placed = client.order()

    assert rows(empty_database_url, ORDERS) == [(placed["order_id"],)]
    assert len(rows(empty_database_url, KEYS)) == 1
    assert all("503" in attempt for attempt in client.attempts)
    assert node.get(f"/v1/orders/{placed['order_id']}").status == 200


def test_an_order_whose_answer_was_lost_with_the_node_is_there_once(
    make_node, order_body: Body, empty_database_url: str, wait_until
) -> None:
    dying = make_node(ORDERS_FAILPOINTS="intake.after_commit:1:exit")
    dying.start()
    client = Client(dying, order_body())
    wait_until(lambda: len(client.attempts) >= 1, SECONDS)

    port = dying.url.rpartition(":")[2]
    make_node(ORDERS_HTTP__PORT=port).start()
    placed = client.order()

    assert rows(empty_database_url, ORDERS) == [(placed["order_id"],)]


def test_a_client_over_its_limit_waits_as_long_as_it_is_told(
    make_node, order_body: Body, empty_database_url: str, wait_until
) -> None:
    node = make_node(ORDERS_AUTH__MODE="keys", ORDERS_AUTH__REFRESH_SECONDS="0.3")
    node.start()
    key, limit = mint_key(), RateLimit(0.5, 1)
    with operator_keys(empty_database_url) as keys:
        keys.create(
            key,
            tenant_id="acme",
            scopes=(Scope.WRITE,),
            name="",
            seconds=None,
            limit=limit,
        )
    bearer = f"Bearer {key.text}"
    wait_until(lambda: node.get("/nowhere", Authorization=bearer).status != 401, 30)

    clients = [Client(node, order_body(), "--api-key", key.text) for _ in range(2)]
    ids = {client.order()["order_id"] for client in clients}

    said = "".join(attempt for client in clients for attempt in client.attempts)
    assert "429 rate_limited" in said
    assert len(ids) == len(rows(empty_database_url, ORDERS)) == 2
