"""A node that cannot use Kafka says why, once, in its log and its readiness."""

import time
from collections.abc import Callable

import pytest

from orders.devstack.kafka import EmbeddedKafka
from orders.devstack.ports import LOOPBACK, choose_free

pytestmark = pytest.mark.acceptance

PASSWORD = "S3cret%zz"  # noqa: S105 - which the broker does not know
WATCHED_SECONDS = 6.0
"""In which each node tries several times."""


def refused(_server: EmbeddedKafka) -> dict[str, str]:
    return {"ORDERS_KAFKA__BOOTSTRAP_SERVERS": f"{LOOPBACK}:{choose_free()}"}


def unknown_name(_server: EmbeddedKafka) -> dict[str, str]:
    return {"ORDERS_KAFKA__BOOTSTRAP_SERVERS": "kafka.invalid:9092"}


def authentication(server: EmbeddedKafka) -> dict[str, str]:
    port, _ = server.listeners["SASL_PLAINTEXT"]
    return {
        "ORDERS_KAFKA__BOOTSTRAP_SERVERS": f"{LOOPBACK}:{port}",
        "ORDERS_KAFKA__SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "ORDERS_KAFKA__SASL_MECHANISM": "SCRAM-SHA-512",
        "ORDERS_KAFKA__SASL_USERNAME": "nobody",
        "ORDERS_KAFKA__SASL_PASSWORD": PASSWORD,
    }


def protocol(server: EmbeddedKafka) -> dict[str, str]:
    return {
        "ORDERS_KAFKA__BOOTSTRAP_SERVERS": server.bootstrap_servers,
        "ORDERS_KAFKA__SECURITY_PROTOCOL": "SSL",
    }


TROUBLES: dict[str, Callable[[EmbeddedKafka], dict[str, str]]] = {
    "refused": refused,
    "unknown_name": unknown_name,
    "authentication": authentication,
    "protocol": protocol,
}


def test_why_kafka_cannot_be_used_is_said_once(
    make_node, kafka_server, order_body, wait_until
) -> None:
    nodes = {fault: make_node(**of(kafka_server)) for fault, of in TROUBLES.items()}
    for node in nodes.values():
        node.start()
    watched_until = time.monotonic() + WATCHED_SECONDS
    wait_until(lambda: time.monotonic() > watched_until, WATCHED_SECONDS + 1)

    for fault, node in nodes.items():
        ready = node.page("/readyz?verbose")
        assert node.post("/v1/orders", order_body()).status == 202
        lines = node.log_lines()
        [said] = [line for line in lines if line["event"] == "kafka.unavailable"]
        alarms = [line for line in lines if line["level"] in {"warning", "error"}]
        assert said["fault"] == fault
        assert f"[~]kafka degraded: {said['error']}" in ready
        assert not [line for line in lines if str(line["logger"]).startswith("kafka")]
        assert len(alarms) < 10, alarms
        assert PASSWORD not in repr(lines)
