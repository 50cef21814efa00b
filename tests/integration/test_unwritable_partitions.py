"""Events of partitions that are written to pass those of one that is not."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import NewTopic

from orders.devstack.kafka import EmbeddedKafka
from orders.devstack.kafka_settings import BrokerPlace
from orders.domain.events import OrderEvent
from orders.domain.identifiers import IdFactory
from orders.domain.records import EventRef
from orders.messaging.client_logs import quieten_client_logs
from orders.messaging.partitioning import partition_of
from orders.messaging.producer import KafkaPublisher

pytestmark = [
    pytest.mark.integration,
    # kafka-python leaves a socket to the collector for each refused connection.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

SICK = 0
PARTITIONS = 3
MIN_INSYNC = {"min.insync.replicas": "2"}
log = structlog.get_logger()
make_id = IdFactory()

Brokers = list[EmbeddedKafka]


def addresses(brokers: Brokers) -> str:
    return ",".join(broker.bootstrap_servers for broker in brokers)


@pytest.fixture(scope="module")
def cluster(server_directory: Path) -> Iterator[Brokers]:
    """Three brokers, of which the last may be killed."""
    quieten_client_logs()
    directory = server_directory / "cluster"
    directory.mkdir()
    directory.chmod(0o711)
    first = EmbeddedKafka(directory / "1", place=BrokerPlace(1, 3))
    brokers = [first]
    for number in (2, 3):
        place = BrokerPlace(number, 3)
        broker = EmbeddedKafka(directory / str(number), place=place, controller=first)
        brokers.append(broker)
    try:
        for broker in brokers:
            broker.start()
        yield brokers
    finally:
        for broker in reversed(brokers):
            broker.stop()


def create(
    brokers: Brokers,
    topic: str,
    replicas: dict[int, list[int]],
    settings: dict[str, str] | None = None,
) -> None:
    for broker in brokers:
        broker.start()
    admin = KafkaAdminClient(bootstrap_servers=addresses(brokers))
    asked = NewTopic(
        name=topic,
        num_partitions=-1,
        replication_factor=-1,
        replica_assignments=replicas,
        topic_configs=settings or {},
    )
    admin.create_topics([asked])
    admin.close()


def event(partition: int, occurred_at: datetime | None = None) -> OrderEvent:
    order_id = make_id()
    while partition_of(order_id.encode(), PARTITIONS) != partition:
        order_id = make_id()
    at = occurred_at or datetime.now(UTC)
    return OrderEvent(order_id, 1, "orders.order.accepted.v1", "{}" * 200, at)


class Node:
    """Plays EventProducer and outbox: each event is offered until it is confirmed."""

    def __init__(self, brokers: Brokers, topic: str, max_in_flight: int = 300) -> None:
        self.publisher = KafkaPublisher(
            bootstrap_servers=addresses(brokers),
            client_id="test-node",
            topic=topic,
            log=log,
            max_in_flight=max_in_flight,
            give_up_seconds=10.0,
        )
        self.topic = topic
        self.outbox: dict[EventRef, OrderEvent] = {}
        self.seconds: dict[int, list[float]] = defaultdict(list)
        self.slowest_call = 0.0
        self._sent_at: dict[EventRef, float] = {}
        self._offered: list[OrderEvent] = []
        self._under_way: set[EventRef] = set()

    def accept(self, *events: OrderEvent) -> None:
        for new in events:
            ref = EventRef(new.order_id, new.version)
            self.outbox[ref] = new
            self._sent_at[ref] = time.monotonic()
            self._under_way.add(ref)
        self._offered += events

    def warm_up(self) -> None:
        """Connect, which takes as long as it takes."""
        self.accept(*(event(number) for number in range(PARTITIONS)))
        self.run_until(lambda: not self.outbox, 20.0)
        self.seconds.clear()
        self.slowest_call = 0.0

    def work(self) -> None:
        began = time.monotonic()
        results = self.publisher.take_results()
        for ref in results.confirmed:
            new = self.outbox.pop(ref, None)
            if new is not None:
                place = partition_of(new.order_id.encode(), PARTITIONS)
                self.seconds[place].append(began - self._sent_at[ref])
        self._under_way.difference_update(results.turned_away)
        if results.reopened:
            left = [ref for ref in self.outbox if ref not in self._under_way]
            self._offered += [self.outbox[ref] for ref in left]
            self._under_way.update(left)
        self._offered = [*results.failed, *self._offered]
        taken = self.publisher.publish(self._offered)
        self._offered = self._offered[taken:]
        self.slowest_call = max(self.slowest_call, time.monotonic() - began)

    def run(self, seconds: float, rate: float = 0.0) -> None:
        """Work, and accept ``rate`` events a second, evenly over the partitions."""
        began, accepted = time.monotonic(), 0
        while (now := time.monotonic()) < began + seconds:
            while accepted < (now - began) * rate:
                self.accept(event(accepted % PARTITIONS))
                accepted += 1
            self.work()
            time.sleep(0.005)

    def run_until(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition() and time.monotonic() < deadline:
            self.run(0.05)
        assert condition()

    def partitions_of_outbox(self) -> set[int]:
        return {partition_of(ref.order_id.encode(), PARTITIONS) for ref in self.outbox}

    def p99_seconds(self, partition: int) -> float:
        taken = sorted(self.seconds[partition])
        return taken[int(len(taken) * 0.99)]


@pytest.fixture
def make_node(cluster: Brokers, topic: str) -> Iterator[Callable[[], Node]]:
    made: list[Node] = []

    def make() -> Node:
        made.append(Node(cluster, topic))
        return made[-1]

    yield make
    for node in made:
        node.publisher.close()


def records_of(brokers: Brokers, topic: str) -> int:
    consumer = KafkaConsumer(bootstrap_servers=addresses(brokers))
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    records = sum(consumer.end_offsets(partitions).values())
    consumer.close()
    return records


@pytest.mark.parametrize(
    ("replicas", "settings"),
    [
        ({0: [2, 3], 1: [2, 1], 2: [1, 2]}, MIN_INSYNC),
        ({0: [3], 1: [2], 2: [1]}, {}),
    ],
    ids=["below min.insync.replicas", "without a leader"],
)
def test_events_pass_those_of_a_partition_that_lost_a_broker(
    cluster: Brokers,
    topic: str,
    make_node: Callable[[], Node],
    replicas: dict[int, list[int]],
    settings: dict[str, str],
) -> None:
    create(cluster, topic, replicas, settings)
    node = make_node()
    node.warm_up()

    cluster[2].kill()
    node.run(8.0, rate=100)
    node.run_until(lambda: node.partitions_of_outbox() == {SICK}, 2.0)
    named = node.publisher.unwritable
    waiting = len(node.outbox)
    cluster[2].start()
    node.run_until(lambda: not node.outbox, 60.0)

    sent = PARTITIONS + sum(len(seconds) for seconds in node.seconds.values())
    log.info(
        "unwritable.seconds",
        p99={number: round(node.p99_seconds(number), 3) for number in range(3)},
        waiting=waiting,
        slowest_call=round(node.slowest_call, 3),
    )
    assert (named, waiting > 100) == ({SICK}, True)
    assert node.p99_seconds(1) <= 2.0
    assert node.p99_seconds(2) <= 2.0
    assert node.slowest_call <= 2.0
    assert sent <= records_of(cluster, topic) <= 1.05 * sent


def test_events_pass_those_whose_time_the_broker_refuses(
    cluster: Brokers, topic: str, make_node: Callable[[], Node]
) -> None:
    create(cluster, topic, {number: [1] for number in range(3)})
    node = make_node()
    node.warm_up()
    ahead = datetime.now(UTC) + timedelta(hours=2)

    for number in range(3):
        node.accept(event(number, ahead), event(number), event(number, ahead))
    node.run(3.0, rate=100)
    node.run_until(lambda: len(node.outbox) == 6, 5.0)

    left = {new.occurred_at for new in node.outbox.values()}
    assert left == {ahead}
    assert node.publisher.unwritable == frozenset()
    assert max(node.p99_seconds(number) for number in range(3)) <= 2.0


def test_a_clock_an_hour_ahead_is_an_outage_of_publishing_until_it_is_right(
    cluster: Brokers, topic: str, make_node: Callable[[], Node]
) -> None:
    create(cluster, topic, {number: [1] for number in range(3)})
    node = make_node()
    ahead = datetime.now(UTC) + timedelta(hours=2)

    for _ in range(10):
        node.accept(*(event(number, ahead) for number in range(PARTITIONS)))
        node.run(0.2)
    named = node.publisher.unwritable
    waiting = len(node.outbox)
    node.accept(*(event(number) for number in range(PARTITIONS)))
    node.run_until(lambda: len(node.outbox) == waiting, 15.0)

    assert (named, waiting) == ({0, 1, 2}, 30)
    assert {new.occurred_at for new in node.outbox.values()} == {ahead}


def test_a_partition_that_takes_little_at_once_is_written_to_in_parts(
    cluster: Brokers, topic: str, make_node: Callable[[], Node]
) -> None:
    limit = {"max.message.bytes": "20000"}
    create(cluster, topic, {number: [1] for number in range(3)}, limit)
    node = make_node()

    node.accept(*(event(number % 3) for number in range(300)))
    node.run_until(lambda: not node.outbox, 30.0)

    assert node.publisher.in_flight == 0
