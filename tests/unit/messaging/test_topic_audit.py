from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from kafka.errors import KafkaConnectionError

from orders.domain.errors import BrokerUnavailableError
from orders.messaging.kafka_clients import partition_id
from orders.messaging.topic_audit import KafkaTopicAudit, TopicMissingError, audited

ORDER = "018f0000-0000-7000-8000-000000000001"
TOPIC = "orders"


@dataclass
class Record:
    offset: int
    key: bytes | None = ORDER.encode()
    value: bytes | None = b"{}"
    headers: Sequence[tuple[str, bytes | None]] = (
        ("ce_type", b"orders.order.paid.v1"),
        ("ce_id", f"{ORDER}.2".encode()),
    )
    topic: str = TOPIC
    partition: int = 0


@dataclass
class Deferred:
    exception: Exception


@dataclass
class Fetcher:
    _next_in_line_exception_metadata: Deferred | None = None


@dataclass
class Client:
    """A consumer that returns what it is told to, or raises it."""

    polls: deque[list[Record] | Exception]
    end: int
    at: int = 0
    paused: list[object] = field(default_factory=list)
    closed: bool = False
    _fetcher: Fetcher = field(default_factory=Fetcher)

    def poll(self, timeout_ms: int, max_records: int) -> Mapping[object, list[Record]]:
        polled = self.polls.popleft() if self.polls else []
        if isinstance(polled, Exception):
            raise polled
        return {partition_id(TOPIC, 0): polled} if polled else {}

    def beginning_offsets(self, partitions, timeout_ms: int) -> dict[object, int]:
        return dict.fromkeys(partitions, 0)

    def end_offsets(self, partitions, timeout_ms: int) -> dict[object, int]:
        return dict.fromkeys(partitions, self.end)

    def assign(self, partitions) -> None: ...

    def seek(self, partition, offset: int) -> None:
        self.at = offset

    def position(self, partition, timeout_ms: int) -> int:
        return self.at

    def pause(self, *partitions) -> None:
        self.paused += partitions

    def close(self, *, autocommit: bool, timeout_ms: int) -> None:
        self.closed = True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


Opened = Callable[..., tuple[KafkaTopicAudit, list[Client]]]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    def make(*polls: list[Record] | Exception, end: int, **settings: float):
        waiting = deque(polls)
        made: list[Client] = []
        clock = Clock()
        audit = KafkaTopicAudit(
            "127.0.0.1:1", TOPIC, None, clock=clock, pause=clock.pause, **settings
        )

        def open_consumer(_settings: object) -> Client:
            made.append(Client(waiting, end))
            return made[-1]

        module = "orders.messaging.topic_audit"
        monkeypatch.setattr(f"{module}.open_consumer", open_consumer)
        monkeypatch.setattr(audit, "_find_partitions", lambda: [partition_id(TOPIC, 0)])
        audit.ends()
        return audit, made

    return make


def offsets(audit: KafkaTopicAudit) -> list[int]:
    return [record.offset for record in audit.records()]


def test_a_record_says_what_it_is() -> None:
    record = audited(Record(4))

    assert record == (0, 4, ORDER, 2, "orders.order.paid.v1", b"{}")


@pytest.mark.parametrize(
    "record",
    [Record(0, key=None), Record(0, key=b"junk"), Record(0, value=None)],
)
def test_a_record_for_the_dead_letters_names_no_order(record: Record) -> None:
    assert audited(record).order_id is None


@pytest.mark.parametrize(
    "event_id",
    [
        b"",
        None,
        b"\xff",
        ORDER.encode(),
        f"{ORDER}.0".encode(),
        f"{ORDER}.x".encode(),
        f"{ORDER}.{'9' * 5000}".encode(),
        f"{ORDER[:-1]}2.2".encode(),
    ],
)
def test_an_id_that_is_none_of_ours_names_no_version(event_id: bytes | None) -> None:
    record = Record(0, headers=[("ce_id", event_id)])

    assert audited(record).version is None


def test_reading_stops_at_the_ends_that_were_taken(opened: Opened) -> None:
    audit, [client] = opened([Record(0), Record(1)], [Record(2), Record(3)], end=3)

    assert offsets(audit) == [0, 1, 2]
    assert client.paused == [partition_id(TOPIC, 0)]


def test_after_a_failure_another_client_reads_on(opened: Opened) -> None:
    audit, made = opened([Record(0)], KafkaConnectionError(), [Record(1)], end=2)

    assert offsets(audit) == [0, 1]
    assert [client.closed for client in made] == [True, False]
    assert made[1].at == 1


def test_failures_in_a_row_are_given_up(opened: Opened) -> None:
    audit, made = opened(*[KafkaConnectionError()] * 3, end=2, max_failures=3)

    with pytest.raises(BrokerUnavailableError, match="KafkaConnectionError"):
        offsets(audit)
    assert all(client.closed for client in made)


def test_a_client_that_is_silent_is_replaced_and_given_up(opened: Opened) -> None:
    audit, made = opened(end=2, max_failures=2)

    with pytest.raises(BrokerUnavailableError, match="no records for"):
        offsets(audit)
    assert len(made) == 2


def test_reading_takes_no_longer_than_its_deadline(opened: Opened) -> None:
    audit, _ = opened(*[[Record(it)] for it in range(99)], end=99, deadline_seconds=20)

    with pytest.raises(BrokerUnavailableError, match="took longer than 20 s"):
        offsets(audit)


def test_offsets_without_records_are_passed_over(opened: Opened) -> None:
    audit, [client] = opened([Record(0)], [], end=3)

    records = audit.records()
    first = next(records)
    client.at = 3  # behind the marker of a transaction

    assert (first.offset, list(records)) == (0, [])


def test_records_that_came_with_an_error_are_not_thrown_away(opened: Opened) -> None:
    audit, made = opened([Record(0)], [Record(1)], end=2)
    made[0]._fetcher = Fetcher(Deferred(KafkaConnectionError()))

    assert offsets(audit) == [0, 1]
    assert made[1].at == 1


def test_an_error_that_comes_with_the_last_records_is_no_longer_of_interest(
    opened: Opened,
) -> None:
    audit, made = opened([Record(0)], end=1)
    made[0]._fetcher = Fetcher(Deferred(KafkaConnectionError()))

    assert offsets(audit) == [0]
    assert len(made) == 1


@dataclass
class Admin:
    """Describes a topic as it is told to."""

    described: Mapping[str, object]

    def describe_topics(self, topics: Sequence[str]) -> list[Mapping[str, object]]:
        return [self.described]

    def close(self) -> None: ...


Describe = Callable[..., KafkaTopicAudit]


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> Describe:
    def make(error_code: int, *partitions: int) -> KafkaTopicAudit:
        found = [{"partition_index": number} for number in partitions]
        admin = Admin({"error_code": error_code, "partitions": found})
        module = "orders.messaging.topic_audit"
        monkeypatch.setattr(f"{module}.open_admin", lambda _settings: admin)
        monkeypatch.setattr(
            f"{module}.open_consumer", lambda _settings: Client(deque(), 5)
        )
        return KafkaTopicAudit("127.0.0.1:1", TOPIC, None, pause=lambda _seconds: None)

    return make


def test_all_partitions_are_asked_about(described: Describe) -> None:
    assert described(0, 1, 0).ends() == {0: 5, 1: 5}


@pytest.mark.parametrize(
    ("error_code", "name"),
    [(29, "DESCRIBE on the topic"), (5, "LeaderNotAvailable"), (0, "no partitions")],
)
def test_a_topic_without_partitions_cannot_be_checked(
    described: Describe, error_code: int, name: str
) -> None:
    audit = described(error_code)

    with pytest.raises(BrokerUnavailableError, match=name):
        audit.ends()


def test_a_topic_that_is_missing_is_said_to_be(described: Describe) -> None:
    with pytest.raises(TopicMissingError):
        described(3).ends()
