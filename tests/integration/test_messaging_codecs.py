"""Whatever compresses the topic, its records are read; or they wait unharmed."""

import gc
from collections.abc import Iterator
from datetime import UTC, datetime

import kafka.codec
import pytest
import structlog
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from orders.devstack.deadline import wait_until
from orders.devstack.kafka import EmbeddedKafka
from orders.domain.events import OrderEvent
from orders.domain.identifiers import IdFactory
from orders.domain.records import RecordBatch
from orders.messaging.client_logs import quieten_client_logs
from orders.messaging.consumer import KafkaRecordSource
from orders.messaging.producer import KafkaPublisher
from orders.messaging.topics import TopicPlan, ensure_topic

pytestmark = pytest.mark.integration

CODECS = ["gzip", "snappy", "lz4", "zstd"]
SHRINKS = b"{" + b" " * 1_000 + b"}"
"""A value that is worth compressing: the producer leaves others as they are."""
LIBRARIES = {"snappy": "snappy", "lz4": "lz4", "zstd": "zstd"}
make_id = IdFactory()
log = structlog.get_logger()


@pytest.fixture(autouse=True)
def collect_sockets() -> Iterator[None]:
    quieten_client_logs()
    yield
    gc.collect()


@pytest.fixture
def servers(kafka_server: EmbeddedKafka) -> str:
    kafka_server.start()  # a test may have left it stopped
    return kafka_server.bootstrap_servers


@pytest.fixture
def source(servers: str, topic: str) -> Iterator[KafkaRecordSource]:
    source = KafkaRecordSource(
        bootstrap_servers=servers,
        client_id="test-codecs",
        topic=topic,
        group=f"group-{topic}",
        log=log,
    )
    yield source
    source.close()


def make_topic(servers: str, topic: str, compression: str = "producer") -> None:
    ensure_topic(TopicPlan(topic, 2), bootstrap_servers=servers, client_id="test")
    admin = KafkaAdminClient(bootstrap_servers=servers)
    resource = ConfigResource(
        ConfigResourceType.TOPIC, topic, configs={"compression.type": compression}
    )
    admin.alter_configs([resource])
    admin.close()


def publish(servers: str, topic: str, count: int) -> set[str]:
    now = datetime.now(UTC)
    kind = "orders.order.accepted.v1"
    events = [OrderEvent(make_id(), 1, kind, "{}", now) for _ in range(count)]
    publisher = KafkaPublisher(
        bootstrap_servers=servers, client_id="test", topic=topic, log=log
    )
    assert publisher.publish(events) == count
    assert wait_until(lambda: publisher.in_flight == 0, 30.0)
    publisher.close()
    return {event.order_id for event in events}


def send(servers: str, topic: str, codec: str | None, partition: int) -> str:
    """Send one record as somebody else might, and return its order."""
    order_id = make_id()
    producer = KafkaProducer(bootstrap_servers=servers, compression_type=codec)
    producer.send(topic, SHRINKS, order_id.encode(), partition=partition).get(10)
    producer.close()
    return order_id


def poll_until(source: KafkaRecordSource, wanted: set[str]) -> list[RecordBatch]:
    """Poll until all of ``wanted`` came, and return the batches."""
    batches: list[RecordBatch] = []

    def all_came() -> bool:
        batch = source.poll()
        if batch is not None:
            batches.append(batch)
            source.done(batch.token)
        return wanted <= {order_id for it in batches for order_id in it.order_ids}

    assert wait_until(all_came, 20.0), batches
    return batches


@pytest.mark.parametrize("codec", CODECS)
def test_events_are_read_whatever_the_topic_makes_of_them(
    servers: str, topic: str, source: KafkaRecordSource, codec: str
) -> None:
    make_topic(servers, topic, codec)
    sent = publish(servers, topic, 300)

    batches = poll_until(source, sent)

    assert not [letter for batch in batches for letter in batch.dead_letters]


@pytest.mark.parametrize("codec", CODECS)
def test_records_of_others_are_read_in_any_codec(
    servers: str, topic: str, source: KafkaRecordSource, codec: str
) -> None:
    make_topic(servers, topic)
    sent = send(servers, topic, codec, partition=0)

    poll_until(source, {sent})


@pytest.mark.parametrize("codec", LIBRARIES)
def test_without_a_codec_a_partition_waits_and_the_others_go_on(
    servers: str,
    topic: str,
    source: KafkaRecordSource,
    codec: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_topic(servers, topic)
    first = send(servers, topic, None, partition=0)
    waits = {send(servers, topic, codec, partition=0) for _ in range(2)}
    monkeypatch.setattr(kafka.codec, LIBRARIES[codec], None)
    healthy = {first, send(servers, topic, None, partition=1)}

    before = poll_until(source, healthy)
    later = {send(servers, topic, None, partition=1)}
    before += poll_until(source, later)
    monkeypatch.undo()
    after = poll_until(source, waits)

    came = [order_id for batch in before for order_id in batch.order_ids]
    assert set(came) == healthy | later
    assert not [it for batch in before + after for it in batch.dead_letters]


def test_a_topic_that_compresses_is_reported_with_what_to_do(
    servers: str, topic: str
) -> None:
    make_topic(servers, topic, "zstd")

    report = ensure_topic(
        TopicPlan(topic, 2), bootstrap_servers=servers, client_id="test"
    )

    [problem] = report.problems
    assert problem.startswith("compression.type is zstd, not producer")
    assert f"--entity-name {topic} --add-config compression.type=producer" in problem
