"""What chunks and lazy headers save of CPU, beside the client as it comes.

``pytest -s tests/integration/test_messaging_cost.py`` shows the figures.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from statistics import median

import pytest
import structlog
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.producer import record_accumulator
from kafka.record import memory_records
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.memory_records import MemoryRecordsBuilder

from orders.devstack.deadline import wait_until
from orders.devstack.kafka import EmbeddedKafka
from orders.domain.events import OrderEvent
from orders.domain.identifiers import IdFactory
from orders.messaging.client_logs import quieten_client_logs
from orders.messaging.client_settings import consumer_settings, producer_settings
from orders.messaging.codec import EventEncoder, decode
from orders.messaging.lazy_headers import LazyRecordBatch
from orders.messaging.partitioning import partition_of
from orders.messaging.producer import KafkaPublisher
from orders.messaging.topics import TopicPlan, ensure_topic

pytestmark = pytest.mark.integration

EVENTS = 20_000
BURST = 500
ROUNDS = 3
PARTITIONS = 6
SECONDS = 60.0
make_id = IdFactory()
log = structlog.get_logger()


@pytest.fixture
def servers(kafka_server: EmbeddedKafka, topic: str) -> str:
    kafka_server.start()  # a test may have left it stopped
    quieten_client_logs()
    ensure_topic(
        TopicPlan(topic, PARTITIONS),
        bootstrap_servers=kafka_server.bootstrap_servers,
        client_id="test-cost",
    )
    return kafka_server.bootstrap_servers


def events() -> list[OrderEvent]:
    now, data = datetime.now(UTC), '{"total":"' + "1" * 300 + '"}'
    kind = "orders.order.accepted.v1"
    return [OrderEvent(make_id(), 1, kind, data, now) for _ in range(EVENTS)]


def cost_of(work: Callable[[], int]) -> float:
    """Return the CPU microseconds of all our threads for each thing done."""
    before = time.process_time()
    done = work()
    return (time.process_time() - before) * 1e6 / done


def publish_alone(servers: str, topic: str, sent: list[OrderEvent]) -> int:
    """Send each event with a call of its own, as the client has it."""
    producer = KafkaProducer(**producer_settings(servers, "test-alone", {}))
    encode, answers = EventEncoder(), []

    def answered(number: int, answer: object) -> None:
        answers.append((number, answer))

    for number, event in enumerate(sent):
        record = encode(event)
        key, value = record.key, record.value
        place = partition_of(key, PARTITIONS)
        future = producer.send(topic, value, key, record.headers, place)
        future.add_callback(partial(answered, number))
        future.add_errback(partial(answered, number))
    producer.flush(SECONDS)
    producer.close()
    return len(answers)


def publish_in_chunks(servers: str, topic: str, sent: list[OrderEvent]) -> int:
    publisher = KafkaPublisher(
        bootstrap_servers=servers,
        client_id="test-chunks",
        topic=topic,
        log=log,
        max_in_flight=2 * EVENTS,  # no partition turns any away
    )
    for start in range(0, len(sent), BURST):
        publisher.publish(sent[start : start + BURST])
    assert wait_until(lambda: publisher.in_flight == 0, SECONDS)
    confirmed = publisher.take_results().confirmed
    publisher.close()
    return len(confirmed)


def read_all(servers: str, topic: str) -> int:
    settings = consumer_settings(
        servers, "test-read", "g", {}, max_poll_records=BURST, session_timeout_ms=10_000
    )
    consumer = KafkaConsumer(**settings)
    consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
    deadline, done = time.monotonic() + SECONDS, 0
    while done < EVENTS and time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=200).values():
            done += len([decode(record) for record in records])
    consumer.close(autocommit=False)
    return done


def report(what: str, before: list[float], after: list[float]) -> float:
    """Show the medians; return the ratio of what is left."""
    old, new = median(before), median(after)
    log.info(what, us_before=round(old, 1), us_after=round(new, 1), ratio=new / old)
    return new / old


def test_an_event_in_a_chunk_costs_less_to_publish_than_alone(
    servers: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = events()
    alone, chunks = [], []

    for _ in range(ROUNDS):
        with monkeypatch.context() as patch:
            patch.setattr(
                record_accumulator, "MemoryRecordsBuilder", MemoryRecordsBuilder
            )
            alone.append(cost_of(lambda: publish_alone(servers, topic, sent)))
        chunks.append(cost_of(lambda: publish_in_chunks(servers, topic, sent)))

    assert report("cost.publish", alone, chunks) < 0.8


def test_a_record_with_lazy_headers_costs_less_to_read(
    servers: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_in_chunks(servers, topic, events())
    eager, lazy = [], []

    for _ in range(ROUNDS):
        for batch, costs in [(DefaultRecordBatch, eager), (LazyRecordBatch, lazy)]:
            with monkeypatch.context() as patch:
                patch.setattr(memory_records, "DefaultRecordBatch", batch)
                costs.append(cost_of(lambda: read_all(servers, topic)))

    assert report("cost.consume", eager, lazy) < 0.8
