"""The records of a real topic are what asyncapi.json and docs/schemas say."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema_rs
import pytest
from kafka import KafkaConsumer
from kafka.consumer.fetcher import ConsumerRecord
from kafka.structs import TopicPartition

from orders.devstack.deadline import wait_until as _wait_until
from orders.devstack.kafka import EmbeddedKafka

pytestmark = pytest.mark.acceptance

Body = Callable[..., dict[str, object]]
SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PARTITIONS = 6
TOLD = {
    "orders.order.accepted.v1": 2,
    "orders.order.paid.v1": 1,
    "orders.order.failed.v1": 2,
    "orders.order.payment_retried.v1": 1,
    "orders.order.refund_started.v1": 2,
    "orders.order.partially_refunded.v1": 1,
    "orders.order.refunded.v1": 1,
}


@pytest.fixture
def records(
    node, order_body: Body, kafka_server: EmbeddedKafka, topic: str
) -> list[ConsumerRecord]:
    """What is published of two orders with a history."""
    headers = {"Prefer": "wait=20", "traceparent": TRACEPARENT}
    paid = node.post("/v1/orders", order_body(), **headers).json()
    failed = node.post("/v1/orders", order_body("1000.00"), **headers).json()
    node.post(f"/v1/orders/{paid['order_id']}/refunds", {"amount": "1.00"})
    node.post(f"/v1/orders/{paid['order_id']}/refunds", {})
    node.post(f"/v1/orders/{failed['order_id']}/payments", {})
    node.get(f"/v1/orders/{failed['order_id']}?wait=20")

    consumer = KafkaConsumer(
        bootstrap_servers=kafka_server.bootstrap_servers, auto_offset_reset="earliest"
    )
    consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
    found: dict[str, ConsumerRecord] = {}

    def all_read() -> bool:
        for some in consumer.poll(timeout_ms=200).values():
            found.update({header(record, "ce_id"): record for record in some})
        return len(found) >= sum(TOLD.values())

    complete = _wait_until(all_read, 30.0)
    consumer.close()
    assert complete, sorted(header(record, "ce_type") for record in found.values())
    return list(found.values())


def header(record: ConsumerRecord, name: str) -> str:
    return str(dict(record.headers)[name].decode())


def test_records_are_what_the_documents_say(
    node, records: list[ConsumerRecord]
) -> None:
    document = node.get("/asyncapi.json").json()
    messages = {it["name"]: it for it in document["components"]["messages"].values()}

    wrong: list[str] = []
    for record in records:
        name = header(record, "ce_type")
        value = json.loads(record.value)
        headers = {key: text.decode() for key, text in record.headers}
        schema = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
        for what, rules, told in (
            ("value", schema, value),
            ("headers", messages[name]["headers"], headers),
            ("key", messages[name]["bindings"]["kafka"]["key"], record.key.decode()),
        ):
            check = jsonschema_rs.Draft202012Validator(rules, validate_formats=True)
            wrong += [f"{name} {what}: {it.message}" for it in check.iter_errors(told)]
        unknown = value.keys() - schema["properties"].keys()
        unknown |= headers.keys() - messages[name]["headers"]["properties"].keys()
        wrong += [f"{name}: nothing is said of {it}" for it in unknown]

    assert wrong == []
    names = [header(record, "ce_type") for record in records]
    assert {name: names.count(name) for name in names} == TOLD
    assert any("traceparent" in dict(record.headers) for record in records)
