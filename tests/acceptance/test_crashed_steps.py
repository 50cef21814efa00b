"""Another node takes up what a node left behind that crashed at a certain step."""

from collections.abc import Callable
from contextlib import closing, suppress

import psycopg
import pytest
from urllib3.exceptions import HTTPError

from orders.config.exit_codes import ESCALATED
from orders.devstack.kafka import EmbeddedKafka
from orders.failpoints.registry import KILLED
from orders.messaging.topic_audit import KafkaTopicAudit

pytestmark = pytest.mark.acceptance

EXIT_SECONDS = 30
Body = Callable[..., dict[str, object]]
QUICK = {
    "ORDERS_KAFKA__SESSION_TIMEOUT_SECONDS": "6",  # until its partitions move on
    "ORDERS_SWEEPER__LEASE_SECONDS": "1",
    # An order that is taken for stuck is settled without its event.
    "ORDERS_SWEEPER__STUCK_AFTER_SECONDS": "600",
}
UNPUBLISHED = "select count(*) from outbox"


def unpublished(url: str) -> object:
    """Count the events that Kafka has not confirmed."""
    with psycopg.connect(url, autocommit=True) as connection:
        [(count,)] = connection.execute(UNPUBLISHED).fetchall()
    return count


def published(broker: EmbeddedKafka, topic: str) -> set[tuple[str | None, int | None]]:
    """The order and version of each record in the topic."""
    with closing(KafkaTopicAudit(broker.bootstrap_servers, topic, None)) as audit:
        audit.ends()
        return {(record.order_id, record.version) for record in audit.records()}


def test_an_event_that_its_node_did_not_live_to_publish_is_published_by_another(
    make_node,
    order_body: Body,
    empty_database_url: str,
    kafka_server: EmbeddedKafka,
    topic: str,
    wait_until,
) -> None:
    crashing = make_node(ORDERS_FAILPOINTS="publish.before_send:1:exit", **QUICK)
    crashing.start()
    with suppress(HTTPError):  # it may be gone before it answers
        crashing.post("/v1/orders", order_body(), Idempotency_Key="k-1")
    exit_code = crashing.process.wait(10)

    other = make_node(**QUICK)
    other.start()
    again = other.post("/v1/orders", order_body(), Idempotency_Key="k-1")
    order_id = again.json()["order_id"]
    wait_until(lambda: unpublished(empty_database_url) == 0, 30)

    assert exit_code == KILLED
    assert again.headers.get("Idempotency-Replayed") == "true"
    assert (order_id, 1) in published(kafka_server, topic)


def test_a_node_whose_event_loop_crashes_says_so_and_asks_to_be_restarted(
    make_node, order_body: Body
) -> None:
    crashing = make_node(ORDERS_FAILPOINTS="http.before_answer:1:fatal")
    crashing.start()

    with pytest.raises(HTTPError):
        crashing.post("/v1/orders", order_body())
    exit_code = crashing.process.wait(EXIT_SECONDS)

    said = [line for line in crashing.log_lines() if line["event"] == "process.crashed"]
    assert exit_code == ESCALATED
    assert "FatalFailpointError" in said[0]["exception"]
