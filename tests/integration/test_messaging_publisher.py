"""Topic and publisher against a real broker, in good times and bad."""

import gc
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime

import pytest
import structlog
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import KafkaError

from orders.devstack.deadline import wait_until as _wait_until
from orders.devstack.kafka import EmbeddedKafka
from orders.domain.errors import BrokerUnavailableError
from orders.domain.events import OrderEvent
from orders.domain.identifiers import IdFactory
from orders.domain.records import EventRef
from orders.messaging import client_settings
from orders.messaging.client_logs import quieten_client_logs
from orders.messaging.client_settings import BATCH_BYTES
from orders.messaging.codec import EncodedEvent, EventEncoder
from orders.messaging.kafka_clients import (
    open_admin,
    open_consumer,
    open_producer,
    sender_thread,
)
from orders.messaging.partitioning import partition_of
from orders.messaging.producer import KafkaPublisher
from orders.messaging.topics import TopicError, TopicPlan, TopicReport, ensure_topic

pytestmark = [
    pytest.mark.integration,
    # kafka-python leaves a socket to the collector for each refused connection.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

NOWHERE = "127.0.0.1:1"
make_id = IdFactory()
log = structlog.get_logger()

WaitUntil = Callable[[Callable[[], bool], float], None]
MakePublisher = Callable[..., KafkaPublisher]


@pytest.fixture(autouse=True)
def collect_sockets() -> Iterator[None]:
    quieten_client_logs()
    yield
    gc.collect()


@pytest.fixture
def broker(kafka_server: EmbeddedKafka) -> EmbeddedKafka:
    kafka_server.start()  # a test may have left it stopped
    return kafka_server


@pytest.fixture
def made_topic(broker: EmbeddedKafka, topic: str) -> str:
    ensure(broker, TopicPlan(topic, 3))
    return topic


@pytest.fixture
def make_publisher(broker: EmbeddedKafka, topic: str) -> Iterator[MakePublisher]:
    made: list[KafkaPublisher] = []

    def make(**settings: object) -> KafkaPublisher:
        publisher = KafkaPublisher(
            bootstrap_servers=broker.bootstrap_servers,
            client_id="test-publisher",
            topic=topic,
            log=log,
            **settings,
        )
        made.append(publisher)
        return publisher

    yield make
    for publisher in made:
        publisher.close()


def ensure(broker: EmbeddedKafka, plan: TopicPlan) -> TopicReport:
    return ensure_topic(
        plan, bootstrap_servers=broker.bootstrap_servers, client_id="test"
    )


def limit_batches(broker: EmbeddedKafka, topic: str, most_bytes: int) -> None:
    """Set the largest batch that a topic takes."""
    alter(broker, topic, "max.message.bytes", str(most_bytes))


def alter(broker: EmbeddedKafka, topic: str, key: str, value: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, {key: value})
    admin.alter_configs([resource])
    admin.close()


def events(count: int) -> list[OrderEvent]:
    now = datetime.now(UTC)
    ids = [make_id() for _ in range(count)]
    return [
        OrderEvent(i, 1, "orders.order.accepted.v1", f'{{"order_id":"{i}"}}', now)
        for i in ids
    ]


def refs(sent: list[OrderEvent]) -> list[EventRef]:
    return [EventRef(event.order_id, event.version) for event in sent]


def fields_of(event: EncodedEvent) -> tuple[object, ...]:
    return event.key, event.value, event.headers


def publish_all(publisher: KafkaPublisher, sent: list[OrderEvent]) -> None:
    deadline = time.monotonic() + 10.0
    while sent and time.monotonic() < deadline:
        sent = sent[publisher.publish(sent) :]
    assert not sent


def all_answered(publisher: KafkaPublisher, seconds: float) -> bool:
    """Wait until nothing is in flight; False when time ran out."""
    return _wait_until(lambda: publisher.in_flight == 0, seconds)


def read_topic(broker: EmbeddedKafka, topic: str) -> list[ConsumerRecord]:
    """Read every record from the first to the last as of now."""
    consumer = KafkaConsumer(
        bootstrap_servers=broker.bootstrap_servers, auto_offset_reset="earliest"
    )
    partitions = [TopicPartition(topic, number) for number in range(3)]
    missing = sum(consumer.end_offsets(partitions).values())
    consumer.assign(partitions)
    records: list[ConsumerRecord] = []
    deadline = time.monotonic() + 10.0
    while len(records) < missing and time.monotonic() < deadline:
        for some in consumer.poll(timeout_ms=200).values():
            records += some
    consumer.close()
    return records


@contextmanager
def frozen(broker: EmbeddedKafka) -> Iterator[None]:
    """A broker that keeps its connections and answers nothing."""
    broker.kill(signal.SIGSTOP)
    try:
        yield
    finally:
        broker.kill(signal.SIGCONT)


@contextmanager
def stopped(broker: EmbeddedKafka) -> Iterator[None]:
    """A broker that refuses connections."""
    broker.stop()
    try:
        yield
    finally:
        broker.start()


def test_a_missing_topic_is_created_as_planned(
    broker: EmbeddedKafka, topic: str
) -> None:
    report = ensure(broker, TopicPlan(topic, 4, retention_seconds=3600))

    assert report == TopicReport(topic, created=True, partitions=4, problems=())


def test_a_topic_that_is_there_and_fit_is_left_alone(
    broker: EmbeddedKafka, topic: str
) -> None:
    ensure(broker, TopicPlan(topic, 4))

    again = ensure(broker, TopicPlan(topic, 4))

    assert again == TopicReport(topic, created=False, partitions=4, problems=())


def test_more_partitions_than_planned_are_fine(
    broker: EmbeddedKafka, topic: str
) -> None:
    ensure(broker, TopicPlan(topic, 4))

    assert ensure(broker, TopicPlan(topic, 2)).problems == ()


def test_what_differs_from_the_plan_is_said(broker: EmbeddedKafka, topic: str) -> None:
    ensure(broker, TopicPlan(topic, 1, retention_seconds=60))

    report = ensure(broker, TopicPlan(topic, 2, 2, 2, retention_seconds=120))

    about = [problem.split(":")[0] for problem in report.problems]
    assert about == [
        "it has 1 partitions, fewer than the 2 asked for",
        "it has 1 replicas, fewer than the 2 asked for",
        "min.insync.replicas is 1, not 2",
        "retention.ms is 60000, not 120000",
    ]


def test_a_plan_that_the_broker_refuses_is_an_error(
    broker: EmbeddedKafka, topic: str
) -> None:
    with pytest.raises(TopicError, match="InvalidReplicationFactorError"):
        ensure(broker, TopicPlan(topic, 1, replication_factor=3))


def test_a_topic_that_takes_no_full_batch_is_used_and_reported(
    broker: EmbeddedKafka, topic: str
) -> None:
    ensure(broker, TopicPlan(topic, 1))
    limit_batches(broker, topic, BATCH_BYTES - 1)

    [problem] = ensure(broker, TopicPlan(topic, 1)).problems

    assert problem.startswith(f"max.message.bytes is {BATCH_BYTES - 1}, less than")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("cleanup.policy", "compact", "is compact, not delete: kafka-configs.sh"),
        ("compression.type", "lz4", "is lz4, not producer: kafka-configs.sh"),
        ("message.timestamp.type", "CreateTime", "not LogAppendTime: kafka-configs"),
        ("retention.bytes", "1000", "records may go unread"),
        ("min.insync.replicas", "2", "nothing can be written"),
    ],
)
def test_a_topic_that_is_otherwise_is_used_and_reported(
    broker: EmbeddedKafka, topic: str, key: str, value: str, words: str
) -> None:
    ensure(broker, TopicPlan(topic, 1))
    alter(broker, topic, key, value)

    problems = ensure(broker, TopicPlan(topic, 1)).problems

    assert [key in problem and words in problem for problem in problems].count(
        True
    ) == 1


def test_a_topic_that_just_takes_a_full_batch_is_fit(
    broker: EmbeddedKafka, topic: str
) -> None:
    ensure(broker, TopicPlan(topic, 1))
    limit_batches(broker, topic, BATCH_BYTES)

    assert ensure(broker, TopicPlan(topic, 1)).problems == ()


def test_a_plan_under_which_nothing_could_be_written_is_an_error(
    broker: EmbeddedKafka, topic: str
) -> None:
    with pytest.raises(TopicError, match=r"min\.insync"):
        ensure(broker, TopicPlan(topic, 1, 1, 2))


def test_without_a_broker_the_topic_is_given_up_in_time() -> None:
    before = threading.active_count()
    began = time.monotonic()

    with pytest.raises(BrokerUnavailableError):
        ensure_topic(TopicPlan("t", 1), bootstrap_servers=NOWHERE, client_id="t")

    assert time.monotonic() - began < 4.0
    assert threading.active_count() == before


def test_clients_made_without_a_broker_leave_no_thread() -> None:
    before = threading.active_count()
    consumer = open_consumer(
        client_settings.consumer_settings(
            NOWHERE, "t", "g", {}, max_poll_records=1, session_timeout_ms=6_000
        )
    )
    producer = open_producer(client_settings.producer_settings(NOWHERE, "t", {}))
    admin_settings = client_settings.admin_settings(NOWHERE, "t", {})

    with pytest.raises(KafkaError):
        open_admin(admin_settings | {"bootstrap_timeout_ms": 50})
    consumer.close(autocommit=False, timeout_ms=100)
    sender_thread(producer).force_close()
    sender_thread(producer).join(5.0)
    producer.close(timeout=1.0)

    assert threading.active_count() == before


def test_events_arrive_with_exactly_their_bytes_and_headers(
    broker: EmbeddedKafka, made_topic: str, make_publisher: MakePublisher
) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    (plain,) = events(1)
    sent = [plain, plain._replace(version=2, traceparent=trace)]
    publisher = make_publisher()

    publish_all(publisher, sent)
    assert all_answered(publisher, 10.0)
    records = read_topic(broker, made_topic)

    encode = EventEncoder()
    assert [(r.key, r.value, list(r.headers)) for r in records] == [
        fields_of(encode(event)) for event in sent
    ]


def test_a_record_goes_to_the_partition_of_its_key(
    broker: EmbeddedKafka, made_topic: str, make_publisher: MakePublisher
) -> None:
    publisher = make_publisher()

    publish_all(publisher, events(30))
    assert all_answered(publisher, 10.0)

    for record in read_topic(broker, made_topic):
        assert record.partition == partition_of(record.key, 3)


def test_every_event_is_confirmed_once(
    made_topic: str, make_publisher: MakePublisher
) -> None:
    sent = events(2_000)
    publisher = make_publisher()

    publish_all(publisher, sent)
    answered = all_answered(publisher, 20.0)
    results = publisher.take_results()

    assert answered
    assert sorted(results.confirmed) == sorted(refs(sent))
    assert results.failed == []


def test_chunks_of_several_moments_arrive_whole(
    broker: EmbeddedKafka, made_topic: str, make_publisher: MakePublisher
) -> None:
    publisher = make_publisher(linger_ms=200)
    sent = events(600)

    for start in range(0, 600, 200):  # several chunks, with times of their own
        publish_all(publisher, sent[start : start + 200])
        time.sleep(0.002)  # the next millisecond
    assert all_answered(publisher, 10.0)

    encode = EventEncoder()
    expected = {event.order_id.encode(): fields_of(encode(event)) for event in sent}
    records = read_topic(broker, made_topic)
    assert {r.key: (r.key, r.value, list(r.headers)) for r in records} == expected
    for partition in range(3):
        offsets = [r.offset for r in records if r.partition == partition]
        assert offsets == list(range(len(offsets)))


def test_an_event_that_no_batch_holds_is_refused_alone(
    made_topic: str, make_publisher: MakePublisher
) -> None:
    publisher = make_publisher()
    before, large, after = events(3)
    large = large._replace(data="x" * BATCH_BYTES)

    taken = publisher.publish([before, large, after])
    assert all_answered(publisher, 10.0)

    results = publisher.take_results()
    assert taken == 3
    assert sorted(results.confirmed) == sorted(refs([before, after]))
    assert results.failed == []
    assert results.turned_away == (*refs([large]),)


def test_batches_that_the_broker_finds_too_large_are_turned_away_as_a_whole(
    broker: EmbeddedKafka,
    made_topic: str,
    make_publisher: MakePublisher,
    wait_until: WaitUntil,
) -> None:
    limit_batches(broker, made_topic, 5_000)
    publisher = make_publisher()
    turned_away: list[EventRef] = []

    def all_turned_away() -> bool:
        results = publisher.take_results()
        turned_away.extend(results.turned_away)
        assert (results.confirmed, results.failed) == ([], [])
        return len(turned_away) == len(sent)

    sent = events(300)
    publish_all(publisher, sent)
    wait_until(all_turned_away, 10.0)

    assert sorted(turned_away) == sorted(refs(sent))
    assert read_topic(broker, made_topic) == []


def test_publishing_goes_on_after_a_batch_that_was_too_large(
    broker: EmbeddedKafka,
    made_topic: str,
    make_publisher: MakePublisher,
    wait_until: WaitUntil,
) -> None:
    limit_batches(broker, made_topic, 5_000)
    publisher = make_publisher()
    sent = events(300)
    publish_all(publisher, sent)
    wait_until(lambda: bool(publisher.take_results().turned_away), 10.0)

    limit_batches(broker, made_topic, BATCH_BYTES)
    missing = dict(zip(refs(sent), sent, strict=True))

    def all_confirmed() -> bool:
        results = publisher.take_results()
        for ref in results.confirmed:
            missing.pop(ref, None)
        if results.reopened:
            publisher.publish(list(missing.values()))
        return not missing

    wait_until(all_confirmed, 20.0)


def test_a_topic_that_is_missing_takes_no_events(make_publisher: MakePublisher) -> None:
    assert make_publisher().publish(events(1)) == 0


@pytest.mark.parametrize("away", [stopped, frozen])
def test_events_in_flight_outlive_an_absent_broker(
    broker: EmbeddedKafka,
    made_topic: str,
    make_publisher: MakePublisher,
    away: Callable[[EmbeddedKafka], AbstractContextManager[None]],
) -> None:
    publisher = make_publisher()
    sent = events(500)
    publish_all(publisher, sent[:100])
    assert all_answered(publisher, 10.0)

    with away(broker):
        publish_all(publisher, sent[100:])
        answered_early = all_answered(publisher, 0.5)
    answered = all_answered(publisher, 30.0)

    results = publisher.take_results()
    assert (answered_early, answered) == (False, True)
    assert sorted(results.confirmed) == sorted(refs(sent))
    keys = [record.key.decode() for record in read_topic(broker, made_topic)]
    assert sorted(keys) == sorted(event.order_id for event in sent)


def test_a_client_that_is_stuck_is_replaced_and_its_events_handed_back(
    broker: EmbeddedKafka,
    made_topic: str,
    make_publisher: MakePublisher,
    wait_until: WaitUntil,
) -> None:
    publisher = make_publisher(give_up_seconds=1.0)
    publish_all(publisher, events(1))
    assert all_answered(publisher, 10.0)
    publisher.take_results()
    sent = events(50)
    handed_back: list[OrderEvent] = []

    def all_handed_back() -> bool:
        handed_back.extend(publisher.take_results().failed)
        return len(handed_back) == len(sent)

    with frozen(broker):
        publish_all(publisher, sent)
        wait_until(all_handed_back, 5.0)
    publish_all(publisher, handed_back)
    answered = all_answered(publisher, 10.0)

    results = publisher.take_results()
    assert answered
    assert sorted(results.confirmed) == sorted(refs(sent))
    assert results.failed == []


def test_closing_does_not_wait_for_a_broker_that_does_not_answer(
    broker: EmbeddedKafka, made_topic: str, make_publisher: MakePublisher
) -> None:
    before = threading.active_count()
    publisher = make_publisher()
    publish_all(publisher, events(1))
    assert all_answered(publisher, 10.0)

    with frozen(broker):
        publish_all(publisher, events(10))
        began = time.monotonic()
        publisher.close()
        took = time.monotonic() - began

    assert took < 4.5
    assert threading.active_count() == before
