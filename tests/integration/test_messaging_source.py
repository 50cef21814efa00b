"""The record source against a real broker: shares, marks, outages and junk."""

import gc
import struct
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from kafka import KafkaAdminClient, KafkaProducer
from kafka.record.util import calc_crc32c

from orders.devstack.deadline import wait_until as _wait_until
from orders.devstack.kafka import EmbeddedKafka
from orders.domain.errors import BrokerUnavailableError
from orders.domain.events import FINAL_EVENT_TYPES, OrderEvent
from orders.domain.identifiers import IdFactory
from orders.domain.records import DeadLetter, PartitionLag, RecordBatch
from orders.messaging.client_logs import quieten_client_logs
from orders.messaging.codec import (
    KEY_MISSING,
    ORDER_ID_MALFORMED,
    RECORD_UNREADABLE,
    VALUE_MISSING,
)
from orders.messaging.consumer import KafkaRecordSource
from orders.messaging.producer import KafkaPublisher
from orders.messaging.topics import TopicPlan, ensure_topic

pytestmark = [
    pytest.mark.integration,
    # kafka-python leaves a socket to the collector for each refused connection.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

make_id = IdFactory()
log = structlog.get_logger()
FINAL_TYPE = min(FINAL_EVENT_TYPES)

MakeSource = Callable[..., KafkaRecordSource]
Damage = Callable[[bytearray, int], None]
"""Changes a batch in place, given where in it a record's key begins."""


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
def group() -> str:
    return f"group-{uuid.uuid4().hex}"


@pytest.fixture
def make_source(broker: EmbeddedKafka, topic: str, group: str) -> Iterator[MakeSource]:
    made: list[KafkaRecordSource] = []

    def make(**settings: object) -> KafkaRecordSource:
        source = KafkaRecordSource(
            bootstrap_servers=broker.bootstrap_servers,
            client_id=f"test-source-{len(made)}",
            topic=topic,
            group=group,
            log=log,
            **settings,
        )
        made.append(source)
        return source

    yield make
    for source in made:
        source.close()


class Feed:
    """Makes the topic and fills it."""

    def __init__(self, broker: EmbeddedKafka, topic: str, log_directory: Path) -> None:
        self.broker = broker
        self.topic = topic
        self.log_directory = log_directory

    def create(self, partitions: int) -> None:
        ensure_topic(
            TopicPlan(self.topic, partitions),
            bootstrap_servers=self.broker.bootstrap_servers,
            client_id="test-feed",
        )

    def publish(self, count: int, kind: str = "orders.order.accepted.v1") -> list[str]:
        """Publish events of new orders, wait for the broker, return the ids."""
        now = datetime.now(UTC)
        events = [OrderEvent(make_id(), 1, kind, "{}", now) for _ in range(count)]
        publisher = KafkaPublisher(
            bootstrap_servers=self.broker.bootstrap_servers,
            client_id="test-feed",
            topic=self.topic,
            log=log,
        )
        assert publisher.publish(events) == count
        assert _wait_until(lambda: publisher.in_flight == 0, 30.0)
        publisher.close()
        return [event.order_id for event in events]

    def send_raw(
        self,
        *records: tuple[bytes | None, bytes | None, list[tuple[str, bytes]]],
        linger_ms: int = 0,
    ) -> None:
        """Send key, value and headers as somebody else might; in one batch where
        ``linger_ms`` leaves time for it.
        """
        producer = KafkaProducer(
            bootstrap_servers=self.broker.bootstrap_servers, linger_ms=linger_ms
        )
        producer.partitions_for(self.topic)
        sent = [
            producer.send(self.topic, value, key, headers, partition=0)
            for key, value, headers in records
        ]
        for future in sent:
            future.get(10)
        producer.close()

    def damage(self, key: bytes, how: Damage) -> None:
        """Damage the record of ``key`` on the broker's disk."""
        (path,) = self.log_directory.glob(f"**/{self.topic}-0/*.log")
        with path.open("r+b") as log_file:
            content = bytearray(log_file.read())
            start = batch_around(content, content.index(key))
            (length,) = struct.unpack_from(">i", content, start + 8)
            batch = content[start : start + 12 + length]
            how(batch, batch.index(key))
            log_file.seek(start)
            log_file.write(batch)


def batch_around(content: bytes, position: int) -> int:
    """Return where the batch begins that ``position`` of a log file is in."""
    start = 0
    while True:
        (length,) = struct.unpack_from(">i", content, start + 8)
        if start + 12 + length > position:
            return start
        start += 12 + length


def spoil_checksum(batch: bytearray, key_at: int) -> None:
    batch[key_at] ^= 0xFF


def spoil_record(batch: bytearray, key_at: int) -> None:
    """Let the key be longer than its record, under a checksum that is right."""
    batch[key_at - 1] = 0x7E  # 63 bytes
    struct.pack_into(">I", batch, 17, calc_crc32c(memoryview(batch)[21:]))


@pytest.fixture
def feed(broker: EmbeddedKafka, topic: str, server_directory: Path) -> Feed:
    return Feed(broker, topic, server_directory / "kafka")


class BadName(str):
    """A header name that is written as bytes which are not UTF-8."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return b"\xff\xfe"


def poll_until(
    source: KafkaRecordSource,
    enough: Callable[[list[RecordBatch]], bool],
    seconds: float = 20.0,
    *,
    finish: bool = True,
) -> list[RecordBatch]:
    """Poll until ``enough``; an absent broker is asked again."""
    batches: list[RecordBatch] = []
    deadline = time.monotonic() + seconds
    while not enough(batches):
        assert time.monotonic() < deadline, f"{len(order_ids(batches))} order ids"
        try:
            batch = source.poll()
        except BrokerUnavailableError:
            time.sleep(0.05)  # as the owner would
            continue
        if batch is not None:
            batches.append(batch)
            if finish:
                source.done(batch.token)
    return batches


def order_ids(batches: list[RecordBatch]) -> list[str]:
    return [order_id for batch in batches for order_id in batch.order_ids]


def count_of(count: int) -> Callable[[list[RecordBatch]], bool]:
    return lambda batches: len(order_ids(batches)) >= count


def records_behind(source: KafkaRecordSource) -> int:
    """Return how far the group is behind with all partitions together, or -1 where
    that is not known of one.
    """
    lag = list((source.group_lag() or {0: None}).values())
    known = [partition.behind for partition in lag if partition is not None]
    return sum(known) if len(known) == len(lag) else -1


def poll_until_group_lag(source: KafkaRecordSource, lag: int) -> None:
    """Poll, so that commits go out, until the broker knows of them."""
    poll_until(source, lambda _: records_behind(source) == lag, seconds=10.0)


def test_a_partition_that_was_paused_half_read_goes_on_when_it_is_resumed(
    make_source: MakeSource, feed: Feed
) -> None:
    feed.create(partitions=3)
    published = feed.publish(300)
    source = make_source(max_poll_records=10, max_outstanding_records=30)
    seen: list[str] = []
    waiting: list[int] = []

    deadline = time.monotonic() + 15.0
    while len(seen) < len(published) and time.monotonic() < deadline:
        batch = source.poll()
        if batch is not None:
            seen += batch.order_ids
            waiting.append(batch.token)
        else:  # everything that came is outstanding, and paused for it
            for token in waiting:
                source.done(token)
            waiting.clear()

    assert sorted(seen) == sorted(published)


def test_every_order_is_handed_out(feed: Feed, make_source: MakeSource) -> None:
    feed.create(3)
    sent = feed.publish(1_000)

    batches = poll_until(make_source(), count_of(1_000))

    assert sorted(order_ids(batches)) == sorted(sent)


def test_batches_done_out_of_order_commit_only_what_is_done_in_a_row(
    feed: Feed, make_source: MakeSource
) -> None:
    feed.create(1)
    feed.publish(5_000)
    source = make_source(max_poll_records=100, max_outstanding_records=10_000)
    batches = poll_until(source, count_of(5_000), finish=False)
    finished = [batch for index, batch in enumerate(batches) if index != 30]

    for batch in reversed(finished):
        source.done(batch.token)

    behind = len(order_ids(batches[30:]))
    poll_until_group_lag(source, behind)
    assert source.outstanding == 1


def test_a_restart_resumes_at_the_committed_offset(
    feed: Feed, make_source: MakeSource
) -> None:
    feed.create(1)
    sent = feed.publish(300)
    first = make_source(max_poll_records=100)
    batches = poll_until(first, count_of(300), finish=False)
    first.done(batches[0].token)
    first.done(batches[2].token)
    first.close()

    again = poll_until(make_source(), count_of(200))

    assert order_ids(again) == sent[100:]


def test_closing_commits_what_is_done(feed: Feed, make_source: MakeSource) -> None:
    feed.create(2)
    feed.publish(100)
    first = make_source()
    poll_until(first, count_of(100))
    first.close()

    second = make_source()
    second.poll()

    assert records_behind(second) == 0


def test_records_of_finished_orders_are_passed_over_and_committed(
    feed: Feed, make_source: MakeSource
) -> None:
    feed.create(2)
    feed.publish(50, FINAL_TYPE)
    source = make_source()

    batches = poll_until(source, lambda _: records_behind(source) == 0)

    assert batches == []


def test_records_that_name_no_order_become_dead_letters(
    feed: Feed, make_source: MakeSource
) -> None:
    feed.create(1)
    order_id = make_id().encode()
    feed.send_raw(
        (None, b"no key", []),
        (b"junk", b"\x00\xff", [("h", b"1")]),
        (order_id, None, []),
    )
    source = make_source()

    batches = poll_until(source, bool)

    letters = [letter for batch in batches for letter in batch.dead_letters]
    assert letters == [
        DeadLetter(feed.topic, 0, 0, None, (), b"no key", KEY_MISSING),
        DeadLetter(
            feed.topic, 0, 1, b"junk", (("h", b"1"),), b"\x00\xff", ORDER_ID_MALFORMED
        ),
        DeadLetter(feed.topic, 0, 2, order_id, (), None, VALUE_MISSING),
    ]


def test_a_record_with_a_malformed_header_name_is_work_for_its_order(
    feed: Feed, make_source: MakeSource
) -> None:
    feed.create(1)
    sent = [make_id() for _ in range(2)]
    feed.send_raw(
        (sent[0].encode(), b"{}", [(BadName("x"), b"1")]),
        (sent[1].encode(), b"{}", []),
    )

    batches = poll_until(make_source(), count_of(2))

    assert order_ids(batches) == sent
    assert [letter for batch in batches for letter in batch.dead_letters] == []


@pytest.mark.parametrize("max_poll_records", [1, 500])
@pytest.mark.parametrize("damage", [spoil_checksum, spoil_record])
def test_a_record_that_cannot_be_unpacked_does_not_stop_its_partition(
    feed: Feed, make_source: MakeSource, max_poll_records: int, damage: Damage
) -> None:
    feed.create(1)
    before, bad, worse, after = (make_id() for _ in range(4))
    for order_id in (before, bad, worse, after):
        feed.send_raw((order_id.encode(), b"{}", []))
    feed.damage(bad.encode(), damage)
    feed.damage(worse.encode(), damage)
    source = make_source(max_poll_records=max_poll_records)

    batches = poll_until(source, count_of(2))

    letters = [letter for batch in batches for letter in batch.dead_letters]
    assert order_ids(batches) == [before, after]
    assert [(letter.offset, letter.reason) for letter in letters] == [
        (1, RECORD_UNREADABLE),
        (2, RECORD_UNREADABLE),
    ]
    poll_until_group_lag(source, 0)


@pytest.mark.parametrize("max_poll_records", [1, 500])
@pytest.mark.parametrize(
    ("damage", "readable"), [(spoil_checksum, 0), (spoil_record, 2)]
)
def test_a_batch_that_breaks_in_its_middle_does_not_stop_its_partition(
    feed: Feed,
    make_source: MakeSource,
    max_poll_records: int,
    damage: Damage,
    readable: int,
) -> None:
    feed.create(1)
    ids = [make_id() for _ in range(6)]
    together, after = ids[:5], ids[5]
    feed.send_raw(*[(i.encode(), b"{}", []) for i in together], linger_ms=500)
    feed.send_raw((after.encode(), b"{}", []))
    feed.damage(ids[2].encode(), damage)
    source = make_source(max_poll_records=max_poll_records)

    batches = poll_until(source, lambda found: after in order_ids(found))

    letters = [letter for batch in batches for letter in batch.dead_letters]
    assert order_ids(batches) == [*together[:readable], after]
    assert [letter.offset for letter in letters] == list(range(readable, 5))
    poll_until_group_lag(source, 0)


def test_outstanding_records_stay_bounded_and_flow_again_when_done(
    feed: Feed, make_source: MakeSource
) -> None:
    feed.create(1)
    feed.publish(2_000)
    source = make_source(max_poll_records=100, max_outstanding_records=500)
    held = poll_until(source, count_of(500), finish=False)

    stopped = [source.poll() for _ in range(5)]
    for batch in held:
        source.done(batch.token)
    rest = poll_until(source, count_of(1_500))

    assert stopped == [None] * 5
    assert len(order_ids(held)) == 500
    assert len(order_ids(rest)) == 1_500


def test_a_paused_source_waits_without_spinning(
    feed: Feed, make_source: MakeSource
) -> None:
    feed.create(1)
    feed.publish(1_000)
    source = make_source(max_poll_records=100, max_outstanding_records=100)
    poll_until(source, count_of(100), finish=False)

    began, cpu = time.monotonic(), time.process_time()
    for _ in range(5):
        source.poll()

    assert time.monotonic() - began > 0.9
    assert time.process_time() - cpu < 0.3


def test_holding_keeps_the_membership_and_takes_nothing(
    feed: Feed, make_source: MakeSource
) -> None:
    feed.create(2)
    source = make_source(session_timeout_seconds=3.0)
    source.poll()
    held = hold_for(source, 1.5)  # the leader's first metadata makes it join again
    generation = generation_of(source)
    feed.publish(10)

    held += hold_for(source, 4.0)

    assert set(held) == {None}
    assert generation_of(source) == generation
    assert len(order_ids(poll_until(source, count_of(10)))) == 10


def test_a_source_that_joins_while_holding_takes_nothing(
    feed: Feed, make_source: MakeSource
) -> None:
    feed.create(2)
    feed.publish(10)
    source = make_source()

    held = [source.poll(hold=True) for _ in range(10)]

    assert set(held) == {None}
    assert len(order_ids(poll_until(source, count_of(10)))) == 10


def test_the_lag_is_known_with_and_without_the_broker(
    feed: Feed, make_source: MakeSource
) -> None:
    feed.create(1)
    feed.publish(300)
    source = make_source(max_poll_records=100)
    poll_until(source, count_of(100), finish=False)

    assert dict(source.lag()) == {0: 200}
    assert source.group_lag() == {0: PartitionLag(0, 300)}


@pytest.mark.parametrize("partitions", [300, 1000])
def test_the_lag_of_many_partitions_is_known_in_time(
    feed: Feed, make_source: MakeSource, partitions: int
) -> None:
    feed.create(partitions)
    source = make_source()
    poll_until(source, lambda _: source.group_lag() is not None, seconds=20.0)
    seconds = []
    for _ in range(5):
        began = time.monotonic()
        lag = source.group_lag()
        seconds.append(time.monotonic() - began)

    sys.stdout.write(f"{partitions} partitions: {min(seconds) * 1000:.0f} ms\n")
    assert lag == dict.fromkeys(range(partitions), PartitionLag(0, 0))
    assert min(seconds) < 1.0


def hold_for(source: KafkaRecordSource, seconds: float) -> list[RecordBatch | None]:
    held = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        held.append(source.poll(hold=True))
    return held


def poll_and_ask_for(source: KafkaRecordSource, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        source.poll()
        source.group_lag()


def generation_of(source: KafkaRecordSource) -> int:
    assert source._member is not None
    generation: int = source._member._consumer.group_metadata().generation_id
    return generation


class Member(threading.Thread):
    """Owns a source and finishes whatever it polls."""

    def __init__(self, source: KafkaRecordSource) -> None:
        super().__init__()
        self.source = source
        self.seen: list[str] = []
        self.leaving = threading.Event()
        self.shares: set[int] = set()

    def run(self) -> None:
        while not self.leaving.is_set():
            batch = self.source.poll()
            self.shares = set(self.source.lag())
            if batch is not None:
                self.seen += batch.order_ids
                self.source.done(batch.token)
        self.source.close()

    def leave(self) -> None:
        self.leaving.set()
        self.join(10.0)
        assert not self.is_alive()


def test_members_share_the_partitions_and_take_over_from_one_that_leaves(
    feed: Feed,
    make_source: MakeSource,
    wait_until: Callable[[Callable[[], bool], float], None],
) -> None:
    feed.create(4)
    sent = feed.publish(200)
    one, two = Member(make_source()), Member(make_source())
    one.start()
    two.start()
    try:
        wait_until(lambda: len(one.shares) == len(two.shares) == 2, 20.0)
        sent += feed.publish(200)
        wait_until(lambda: set(one.seen) | set(two.seen) == set(sent), 20.0)
        shared = bool(one.seen) and bool(two.seen)
        two.leave()
        sent += feed.publish(200)
        wait_until(lambda: set(one.seen) | set(two.seen) == set(sent), 20.0)
    finally:
        one.leaving.set()
        two.leaving.set()
        one.leave()
        two.leave()

    assert shared
    # Not once only: a commit that a rebalance refuses repeats what it was for.
    assert set(one.seen) | set(two.seen) == set(sent)


class Idler(Member):
    """Keeps up its membership and does nothing."""

    def run(self) -> None:
        while not self.leaving.is_set():
            self.source.poll(hold=True)
            member = self.source._member
            self.shares = set() if member is None else member.assigned
        self.source.close()


def test_a_member_that_does_nothing_shows_as_an_offset_that_stands_still(
    feed: Feed, make_source: MakeSource
) -> None:
    feed.create(2)
    works, idler = make_source(), Idler(make_source())
    idler.start()
    reports: list[Mapping[int, PartitionLag | None]] = []

    def is_read_but_for_the_idlers(_: object) -> bool:
        lag = works.group_lag() or {}
        behind = {number for number, it in lag.items() if it and it.behind}
        reports.append(lag)
        return behind == idler.shares

    try:
        poll_until(works, lambda _: len(idler.shares) == len(works.lag()) == 1)
        for _ in range(2):
            feed.publish(100)
            poll_until(works, is_read_but_for_the_idlers)
            first, last = reports[0], reports[-1]
            reports = [last]
    finally:
        idler.leave()

    moved = {n for n in last if first[n].committed < last[n].committed}
    assert moved == last.keys() - idler.shares
    assert len(moved) == 1


def test_a_partition_that_stays_is_not_committed_past_what_is_not_done(
    feed: Feed, make_source: MakeSource
) -> None:
    feed.create(2)
    early = feed.publish(100)
    stays = make_source()
    poll_until(stays, count_of(100), finish=False)
    passes = Member(make_source())
    passes.start()
    try:
        poll_until(stays, lambda _: len(passes.shares) == len(stays.lag()) == 1)
    finally:
        passes.leave()
    late = feed.publish(100)
    poll_until(stays, lambda found: set(late) <= set(order_ids(found)))
    stays.close()

    follows = make_source()
    again = poll_until(follows, lambda _: records_behind(follows) == 0)

    assert set(early) <= {*order_ids(again), *passes.seen}


def test_polling_resumes_after_the_broker_was_killed(
    broker: EmbeddedKafka, feed: Feed, make_source: MakeSource
) -> None:
    feed.create(2)
    feed.publish(10)
    source = make_source()
    poll_until(source, count_of(10))

    broker.kill()
    for _ in range(3):
        source.poll()
    broker.start()
    sent = feed.publish(10)
    batches = poll_until(
        source, lambda found: set(sent) <= set(order_ids(found)), seconds=30.0
    )

    assert set(sent) <= set(order_ids(batches))


def test_a_source_may_start_before_its_broker(
    broker: EmbeddedKafka, feed: Feed, make_source: MakeSource
) -> None:
    feed.create(2)
    sent = feed.publish(10)
    source = make_source()
    broker.stop()

    threads = threading.active_count()
    began = time.monotonic()
    with pytest.raises(BrokerUnavailableError):
        source.poll()
    took = time.monotonic() - began
    left = threading.active_count() - threads
    broker.start()
    batches = poll_until(source, count_of(10))

    assert took < 4.0
    assert left == 0
    assert sorted(order_ids(batches)) == sorted(sent)


def test_a_source_notices_that_its_topic_was_deleted_and_reads_the_next_one(
    broker: EmbeddedKafka, feed: Feed, make_source: MakeSource
) -> None:
    feed.create(2)
    feed.publish(10)
    source = make_source()
    poll_until(source, count_of(10))

    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    admin.delete_topics([feed.topic])
    admin.close()
    with pytest.raises(BrokerUnavailableError):
        poll_and_ask_for(source, 20.0)
    feed.create(2)
    sent = feed.publish(10)
    batches = poll_until(source, count_of(10))

    assert set(sent) <= set(order_ids(batches))


def test_an_absent_broker_is_not_asked_at_every_poll(
    broker: EmbeddedKafka, feed: Feed, make_source: MakeSource
) -> None:
    source = make_source()  # its topic is missing, which is as good as no broker
    with pytest.raises(BrokerUnavailableError):
        source.poll()

    began = time.monotonic()
    with pytest.raises(BrokerUnavailableError):
        source.poll()

    assert time.monotonic() - began < 0.1
