"""The record source keeps its marks and replaces a client that is stuck."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import NamedTuple, NoReturn

import pytest
from kafka import TopicPartition
from kafka.errors import (
    CommitFailedError,
    KafkaConnectionError,
    KafkaTimeoutError,
    TopicAuthorizationFailedError,
    UnsupportedCodecError,
)
from kafka.structs import MemberState

from orders.domain.errors import BrokerFault, BrokerUnavailableError
from orders.domain.events import FINAL_EVENT_TYPES
from orders.domain.identifiers import IdFactory
from orders.domain.records import PartitionLag, RecordBatch
from orders.messaging import group_member
from orders.messaging.codec import RECORD_UNREADABLE
from orders.messaging.consumer import KafkaRecordSource
from orders.messaging.partition_outages import MOST_SECONDS

make_id = IdFactory()
TOPIC = "orders"
FINAL_TYPE = min(FINAL_EVENT_TYPES).encode()


class Record(NamedTuple):
    offset: int
    partition: int = 0
    kind: bytes = b"orders.order.accepted.v1"
    topic: str = TOPIC
    value: bytes | None = b"{}"
    key: bytes | None = b""

    @property
    def headers(self) -> list[tuple[str, bytes | None]]:
        return [("ce_type", self.kind)]


def record(offset: int, partition: int = 0, kind: bytes = b"t") -> Record:
    return Record(offset, partition, kind, key=make_id().encode())


class FakeConsumer:
    """Stands for ``KafkaConsumer``; the test plays the broker and the group."""

    def __init__(self, *, away: bool = False) -> None:
        self.away = away
        self.questions = 0
        self.state = MemberState.STABLE
        self.assigned: set[TopicPartition] = set()
        self.paused_now: set[TopicPartition] = set()
        self.incoming: list[list[Record] | Exception] = []
        self.listener = SimpleNamespace()
        self.commits: list[dict[int, int]] = []
        self.callbacks: list[Callable[[Mapping[object, object], object], None]] = []
        self.closed = False
        self.ends: dict[int, int] = {}
        self.position_now = 0
        self.seeks: list[tuple[int, int]] = []
        self.drained: list[int] = []
        self.close_error: Exception | None = None
        self.network_ended = False
        self.away_leaders: set[int] = set()
        self.leaders = {0: 1, 1: 1}
        self.committed: dict[int, int] = {}
        self._cluster = self._coordinator = self
        self._client = SimpleNamespace(close=self._end_network)
        self._fetcher = SimpleNamespace(
            _next_partition_records=None,
            _next_in_line_exception_metadata=None,
            _paused_partition_records={},
        )

    def end_offsets(
        self, partitions: Sequence[TopicPartition], timeout_ms: int
    ) -> dict[TopicPartition, int]:
        self.questions += 1
        leaders = {self.leaders.get(tp.partition) for tp in partitions}
        if self.away or leaders & self.away_leaders:
            raise KafkaTimeoutError("away")
        if -1 in leaders:
            raise KeyError("what kafka-python raises for one without a leader")
        return {tp: self.ends.get(tp.partition, 0) for tp in partitions}

    def beginning_offsets(
        self, partitions: Sequence[TopicPartition], timeout_ms: int
    ) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    def fetch_committed_offsets(
        self, partitions: Sequence[TopicPartition], timeout_ms: int
    ) -> dict[TopicPartition, SimpleNamespace]:
        self.questions += 1
        return {
            tp: SimpleNamespace(offset=self.committed[tp.partition])
            for tp in partitions
            if tp.partition in self.committed
        }

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set() if self.away else set(self.leaders)

    def leader_for_partition(self, partition: TopicPartition) -> int:
        return self.leaders[partition.partition]

    def subscribe(self, topics: Sequence[str], *, listener: SimpleNamespace) -> None:
        self.listener = listener

    def assign(self, *partitions: int) -> None:
        added = {TopicPartition(TOPIC, partition) for partition in partitions}
        self.assigned |= added
        self.listener.on_partitions_assigned(added)

    def revoke(self, *partitions: int) -> None:
        gone = {TopicPartition(TOPIC, partition) for partition in partitions}
        self.assigned -= gone
        self.listener.on_partitions_revoked(gone)

    def poll(
        self, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[Record]]:
        records = self.incoming.pop(0) if self.incoming else []
        if isinstance(records, Exception):
            raise records
        found: dict[TopicPartition, list[Record]] = {}
        for one in records:
            found.setdefault(TopicPartition(TOPIC, one.partition), []).append(one)
        return found

    def pause(self, *partitions: TopicPartition) -> None:
        self.paused_now |= set(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        self.paused_now -= set(partitions)

    def paused(self) -> set[TopicPartition]:
        return self.paused_now

    def assignment(self) -> set[TopicPartition]:
        return self.assigned

    def in_line(self, offset: int, fetched_from: int = 0, partition: int = 0) -> None:
        """What the client was unpacking, up to ``offset``, when it raised."""
        self._fetcher._next_partition_records = SimpleNamespace(
            topic_partition=TopicPartition(TOPIC, partition),
            next_fetch_offset=offset,
            fetch_offset=fetched_from,
            drain=lambda: self.drained.append(partition),
        )

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.seeks.append((partition.partition, offset))

    def position(self, partition: TopicPartition, timeout_ms: int) -> int:
        return self.position_now

    def highwater(self, partition: TopicPartition) -> int | None:
        return self.ends.get(partition.partition)

    def commit(self, offsets: Mapping[TopicPartition, object], timeout_ms: int) -> None:
        self._note(offsets)

    def commit_async(
        self,
        offsets: Mapping[TopicPartition, object],
        callback: Callable[[Mapping[object, object], object], None],
    ) -> None:
        self._note(offsets)
        self.callbacks.append(callback)

    def _note(self, offsets: Mapping[TopicPartition, object]) -> None:
        self.commits.append({tp.partition: o.offset for tp, o in offsets.items()})

    def group_metadata(self) -> SimpleNamespace:
        return SimpleNamespace(state=self.state)

    def close(self, *, autocommit: bool, timeout_ms: int) -> None:
        assert not autocommit
        if self.close_error is not None:
            raise self.close_error
        self.closed = True

    def _end_network(self) -> None:
        self.network_ended = True


class FakeLog:
    def __init__(self) -> None:
        self.events: list[str] = []

    def debug(self, event: str, **fields: object) -> None:
        self.events.append(event)

    info = warning = error = debug


class Stage:
    """A source, its clients, and a clock that the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clients: list[FakeConsumer] = []
        self.away = False
        self.state = MemberState.STABLE
        self.now = 1000.0
        self.pauses: list[float] = []
        self.log = FakeLog()
        monkeypatch.setattr(group_member, "open_consumer", self._open)
        self.source = KafkaRecordSource(
            bootstrap_servers="nowhere:1",
            client_id="test",
            topic=TOPIC,
            group="group",
            log=self.log,
            max_poll_records=8,
            max_outstanding_records=10,
            unstable_seconds=40.0,
            silent_seconds=30.0,
            gather_seconds=(0.02, 0.004, 0.006),
            clock=lambda: self.now,
            pause=self.pauses.append,
        )

    def _open(self, settings: object) -> FakeConsumer:
        self.clients.append(FakeConsumer(away=self.away))
        self.clients[-1].state = self.state
        return self.clients[-1]

    def joined(self, *partitions: int) -> FakeConsumer:
        self.source.poll()
        self.clients[-1].assign(*partitions)
        return self.clients[-1]

    def polled(self, *records: Record) -> RecordBatch:
        self.clients[-1].incoming.append(list(records))
        batch = self.source.poll()
        assert batch is not None
        return batch

    def tick(self, seconds: float = 1.0) -> None:
        self.now += seconds
        self.source.poll()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def test_metadata_is_asked_for_before_the_group_is_joined(stage: Stage) -> None:
    stage.away = True

    with pytest.raises(BrokerUnavailableError):
        stage.source.poll()

    assert stage.clients[0].listener == SimpleNamespace()


def test_a_client_that_could_not_join_is_closed(stage: Stage) -> None:
    stage.away = True

    with pytest.raises(BrokerUnavailableError):
        stage.source.poll()

    assert stage.clients[0].closed


def test_an_absent_broker_is_left_alone_for_a_while(stage: Stage) -> None:
    stage.away = True
    for _ in range(10):
        with pytest.raises(BrokerUnavailableError):
            stage.source.poll()

    assert len(stage.clients) == 1


def test_an_outage_is_logged_once_and_its_end_too(stage: Stage) -> None:
    stage.away = True
    for _ in range(4):
        stage.now += 10.0
        with pytest.raises(BrokerUnavailableError):
            stage.source.poll()

    stage.away = False
    stage.tick(10.0)

    assert stage.log.events == ["consumer.broker_away", "consumer.broker_back"]


def test_what_is_done_is_committed_within_a_second(stage: Stage) -> None:
    client = stage.joined(0)
    batch = stage.polled(record(0), record(1))

    stage.source.done(batch.token)
    stage.tick()

    assert client.commits == [{0: 2}]


def test_what_is_not_done_is_not_committed(stage: Stage) -> None:
    client = stage.joined(0)
    stage.polled(record(0))

    stage.tick()

    assert client.commits == []


def test_commits_are_at_least_a_second_apart(stage: Stage) -> None:
    client = stage.joined(0)
    stage.tick()

    for offset in range(9):
        stage.source.done(stage.polled(record(offset)).token)
        stage.tick(0.25)

    assert client.commits == [{0: 4}, {0: 8}]


def test_records_that_ask_for_no_work_are_committed_at_once(stage: Stage) -> None:
    client = stage.joined(0)
    client.incoming.append([record(5, kind=FINAL_TYPE)])

    nothing = stage.source.poll()
    stage.tick()

    assert nothing is None
    assert client.commits == [{0: 6}]


def test_records_gather_between_two_polls(stage: Stage) -> None:
    stage.joined(0)
    stage.polled(*(record(offset) for offset in range(7)))
    stage.now += 0.005

    stage.source.poll()

    assert stage.pauses == [pytest.approx(0.015)]


def test_the_fewer_records_come_the_shorter_they_gather(stage: Stage) -> None:
    stage.joined(0)
    stage.polled(record(0), record(1))

    stage.source.poll()

    assert stage.pauses == [pytest.approx(0.008)]


def test_a_few_records_gather_for_the_shortest_time(stage: Stage) -> None:
    stage.joined(0)
    stage.polled(record(0))

    stage.source.poll()

    assert stage.pauses == [pytest.approx(0.006)]


def test_nothing_needs_to_gather_behind_a_full_batch(stage: Stage) -> None:
    stage.joined(0)
    stage.polled(*(record(offset) for offset in range(8)))

    stage.source.poll()

    assert stage.pauses == []


def test_an_idle_source_does_not_pause(stage: Stage) -> None:
    stage.joined(0)
    stage.polled(record(0))
    stage.now += 0.02

    stage.source.poll()
    stage.source.poll()

    assert stage.pauses == []


def test_a_failed_commit_is_logged_and_tried_again(stage: Stage) -> None:
    client = stage.joined(0)
    stage.source.done(stage.polled(record(0)).token)
    stage.tick()

    client.callbacks[0]({TopicPartition(TOPIC, 0): None}, CommitFailedError())
    stage.tick()

    assert client.commits == [{0: 1}, {0: 1}]
    assert stage.log.events.count("consumer.commit_failed") == 1


def test_a_revoked_partition_is_committed_as_it_goes(stage: Stage) -> None:
    client = stage.joined(0, 1)
    batch = stage.polled(record(0), record(0, partition=1))
    stage.polled(record(1))
    stage.source.done(batch.token)

    client.revoke(0)

    assert client.commits[-1] == {0: 1}


def test_a_lost_partition_is_not_committed(stage: Stage) -> None:
    client = stage.joined(0)
    stage.source.done(stage.polled(record(0)).token)

    client.listener.on_partitions_lost({TopicPartition(TOPIC, 0)})
    stage.tick()

    assert client.commits == []


def test_closing_commits_what_is_done_and_leaves(stage: Stage) -> None:
    client = stage.joined(0)
    stage.source.done(stage.polled(record(0)).token)

    stage.source.close()

    assert client.commits == [{0: 1}]
    assert client.closed


def test_closing_before_the_first_poll_does_nothing(stage: Stage) -> None:
    stage.source.close()

    assert stage.clients == []


def test_partitions_that_come_while_holding_start_paused(stage: Stage) -> None:
    client = stage.joined(0)
    stage.source.poll(hold=True)

    client.assign(1)

    assert client.paused_now == client.assigned


def test_a_full_partition_is_paused_and_resumed_when_done(stage: Stage) -> None:
    client = stage.joined(0)
    batch = stage.polled(*(record(offset) for offset in range(10)))

    stage.source.poll()
    paused = set(client.paused_now)
    stage.source.done(batch.token)
    stage.source.poll()

    assert paused == client.assigned
    assert client.paused_now == set()


def test_a_member_that_does_not_get_stable_is_replaced(stage: Stage) -> None:
    first = stage.joined()
    first.state = MemberState.REBALANCING

    for _ in range(4):
        stage.tick(10.0)
    stage.tick(10.0)

    assert first.closed
    assert len(stage.clients) == 2


def test_a_rebalance_that_ends_in_time_is_no_reason(stage: Stage) -> None:
    first = stage.joined()
    for state in (MemberState.REBALANCING, MemberState.STABLE) * 3:
        first.state = state
        stage.tick(30.0)

    assert len(stage.clients) == 1


def test_a_silent_client_with_records_to_fetch_is_replaced(stage: Stage) -> None:
    first = stage.joined(0)
    first.ends = {0: 5}

    stage.tick(30.0)

    assert first.closed


@pytest.mark.parametrize("unread", [0, 5])
def test_a_silent_client_is_kept_when_it_has_a_reason(
    stage: Stage, unread: int
) -> None:
    first = stage.joined(0)
    first.ends = {0: unread}
    first.position_now = unread

    stage.tick(30.0)

    assert not first.closed


def test_the_broker_is_asked_about_a_silence_once_in_a_while(stage: Stage) -> None:
    client = stage.joined(0)
    before = client.questions

    stage.tick(30.0)
    stage.tick(1.0)
    early = client.questions - before
    stage.tick(30.0)

    assert (early, client.questions - before) == (1, 2)


def test_a_new_client_has_as_much_time_as_the_first(stage: Stage) -> None:
    stage.state = MemberState.REBALANCING
    stage.joined()
    stage.tick(40.0)
    stage.tick(40.0)

    stage.tick(39.0)

    assert not stage.clients[1].closed


def test_a_client_that_is_silent_because_it_is_paused_is_kept(stage: Stage) -> None:
    first = stage.joined(0)
    first.ends = {0: 50}
    stage.polled(*(record(offset) for offset in range(10)))

    stage.tick(0.0)
    stage.tick(30.0)
    stage.tick(30.0)

    assert not first.closed


def test_a_broker_that_is_away_is_no_fault_of_the_client(stage: Stage) -> None:
    first = stage.joined(0)
    first.away = True

    stage.tick(30.0)

    assert not first.closed


def test_a_client_whose_poll_breaks_is_replaced_after_a_while(stage: Stage) -> None:
    first = stage.joined(0)
    first.incoming.append(KafkaConnectionError())

    with pytest.raises(BrokerUnavailableError):
        stage.source.poll()
    with pytest.raises(BrokerUnavailableError):
        stage.source.poll()
    early = len(stage.clients)
    stage.tick(10.0)

    assert first.closed
    assert (early, len(stage.clients)) == (1, 2)


def test_clients_that_break_soon_are_replaced_ever_later_and_said_once(
    stage: Stage,
) -> None:
    for _ in range(100):
        try:
            client = stage.joined(0)
        except BrokerUnavailableError:
            pass
        else:
            client.incoming.append(TopicAuthorizationFailedError())
        with pytest.raises(BrokerUnavailableError) as caught:
            stage.source.poll()
        stage.now += 0.5

    assert len(stage.clients) < 20
    assert stage.log.events.count("consumer.client_replaced") == 1
    assert caught.value.fault is BrokerFault.AUTHORIZATION


def test_a_client_whose_thread_died_is_replaced(stage: Stage) -> None:
    first = stage.joined(0)
    first.incoming.append(RuntimeError("NetworkSelector closed!"))

    with pytest.raises(BrokerUnavailableError):
        stage.source.poll()

    assert first.closed


def test_a_client_that_cannot_even_close_has_its_network_ended(stage: Stage) -> None:
    first = stage.joined(0)
    first.close_error = RuntimeError("NetworkSelector closed!")

    stage.source.close()

    assert first.network_ended


def test_batches_of_a_replaced_client_are_no_longer_outstanding(stage: Stage) -> None:
    first = stage.joined(0)
    batch = stage.polled(record(0))
    first.incoming.append(KafkaConnectionError())

    with pytest.raises(BrokerUnavailableError):
        stage.source.poll()
    outstanding = stage.source.outstanding
    stage.source.done(batch.token)

    assert outstanding == 0
    assert first.commits == []


def test_tokens_of_a_replaced_client_do_not_come_again(stage: Stage) -> None:
    first = stage.joined(0)
    early = stage.polled(record(0))
    first.incoming.append(KafkaConnectionError())
    with pytest.raises(BrokerUnavailableError):
        stage.source.poll()
    stage.now += 10.0

    stage.joined(0)
    late = stage.polled(record(0))

    assert late.token != early.token


def test_an_unreadable_record_is_stepped_over_and_kept(stage: Stage) -> None:
    client = stage.joined(0)
    client.in_line(7, fetched_from=4)
    client.incoming.append(raised_while_unpacking())

    batch = stage.source.poll()

    assert batch is not None
    (letter,) = batch.dead_letters
    assert (letter.offset, letter.reason) == (7, RECORD_UNREADABLE)
    assert client.seeks == [(0, 8)]


def test_a_batch_that_breaks_before_what_was_asked_for_is_left_behind(
    stage: Stage,
) -> None:
    client = stage.joined(0)
    client.in_line(7, fetched_from=8)
    client.incoming.append(raised_while_unpacking())

    stage.source.poll()

    assert client.seeks == [(0, 9)]


def test_an_error_that_waits_for_the_next_poll_is_dealt_with_at_once(
    stage: Stage,
) -> None:
    client = stage.joined(0, 1)
    tp = TopicPartition(TOPIC, 0)
    client.in_line(7, fetched_from=4)
    client._fetcher._next_in_line_exception_metadata = SimpleNamespace(
        partition=tp, fetched_offset=7, exception=raised_while_unpacking()
    )

    batch = stage.polled(record(0, partition=1))

    assert len(batch.order_ids) == 1
    assert [letter.offset for letter in batch.dead_letters] == [7]
    assert client._fetcher._next_in_line_exception_metadata is None


def test_an_error_of_another_kind_steps_over_nothing(stage: Stage) -> None:
    client = stage.joined(0)
    client.in_line(7, fetched_from=4)
    client.incoming.append(KafkaConnectionError())

    with pytest.raises(BrokerUnavailableError):
        stage.source.poll()

    assert client.seeks == []


@pytest.mark.parametrize(
    "error", [UnsupportedCodecError, NotImplementedError, ImportError, MemoryError]
)
def test_a_record_that_this_node_lacks_a_codec_for_stays_where_it_is(
    stage: Stage, error: type[Exception]
) -> None:
    client = stage.joined(0, 1)
    client.in_line(7)
    client.incoming.append(raised_while_unpacking(error))

    batch = stage.source.poll()

    assert batch is None
    assert (client.seeks, client.drained) == ([(0, 7)], [0])


def test_a_partition_that_cannot_be_read_does_not_hold_up_the_others(
    stage: Stage,
) -> None:
    client = stage.joined(0, 1)
    client.in_line(7)
    client.incoming.append(raised_while_unpacking(UnsupportedCodecError))
    stage.source.poll()

    batch = stage.polled(record(0, partition=1))

    assert len(batch.order_ids) == 1
    assert client.paused_now == {TopicPartition(TOPIC, 0)}


def test_a_partition_that_could_not_be_read_is_tried_again(stage: Stage) -> None:
    client = stage.joined(0)
    client.in_line(7)
    client.incoming.append(raised_while_unpacking(UnsupportedCodecError))
    stage.source.poll()

    stage.tick(MOST_SECONDS)
    batch = stage.polled(record(7))

    assert len(batch.order_ids) == 1
    assert not client.paused_now


def test_an_unreadable_partition_is_said_once_when_it_begins_and_once_when_it_ends(
    stage: Stage,
) -> None:
    client = stage.joined(0)
    for _ in range(3):
        client.in_line(7)
        client.incoming.append(raised_while_unpacking(UnsupportedCodecError))
        stage.tick(MOST_SECONDS)

    stage.polled(record(7))
    stage.polled(record(8))

    said = [event for event in stage.log.events if "partition" in event]
    assert said == ["consumer.partition_out", "consumer.partition_back"]


def test_a_partition_that_moved_away_is_no_longer_out(stage: Stage) -> None:
    client = stage.joined(0)
    client.in_line(7)
    client.incoming.append(raised_while_unpacking(UnsupportedCodecError))
    stage.source.poll()

    client.revoke(0)
    stage.source.poll()
    client.assign(0)
    stage.source.poll()

    assert not client.paused_now & client.assigned


@pytest.mark.parametrize(("unread", "replaced"), [(5, True), (0, False)])
def test_only_partitions_that_are_read_tell_whether_a_client_is_stuck(
    stage: Stage, unread: int, replaced: bool
) -> None:
    client = stage.joined(0, 1)
    client.ends = {0: 9, 1: unread}
    for _ in range(6):
        client.in_line(7)
        client.incoming.append(raised_while_unpacking(UnsupportedCodecError))
        stage.tick(5.0)

    assert client.closed is replaced


def test_the_lag_is_what_was_not_fetched(stage: Stage) -> None:
    client = stage.joined(0, 1)
    client.ends = {0: 9}
    client.position_now = 4

    assert stage.source.lag() == {0: 5}


def test_the_groups_lag_is_known_partition_by_partition(stage: Stage) -> None:
    client = stage.joined(0)
    client.ends, client.committed = {0: 9, 1: 5}, {0: 4}

    assert stage.source.group_lag() == {0: PartitionLag(4, 5), 1: PartitionLag(0, 5)}


def test_all_committed_offsets_are_one_question(stage: Stage) -> None:
    client = stage.joined(0)
    client.leaders = dict.fromkeys(range(1000), 1)
    client.questions = 0

    stage.source.group_lag()

    assert client.questions == 2  # these, and the ends


def test_a_partition_without_a_leader_makes_no_other_unknown(stage: Stage) -> None:
    client = stage.joined(0)
    client.leaders = {0: 1, 1: -1}

    assert stage.source.group_lag() == {0: PartitionLag(0, 0), 1: None}


def test_a_leader_that_is_away_makes_no_others_partitions_unknown(
    stage: Stage,
) -> None:
    client = stage.joined(0)
    client.leaders, client.away_leaders = {0: 1, 1: 2, 2: 1}, {2}
    known = PartitionLag(0, 0)

    assert stage.source.group_lag() == {0: known, 1: None, 2: known}


def test_no_lag_is_known_where_no_leader_answers(stage: Stage) -> None:
    client = stage.joined(0)
    client.away_leaders = {1}

    assert stage.source.group_lag() is None


def test_the_group_is_joined_though_the_first_partition_has_no_leader(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(self: FakeConsumer, partitions: object, timeout_ms: int) -> NoReturn:
        raise KafkaTimeoutError("no leader")

    monkeypatch.setattr(FakeConsumer, "end_offsets", ask)

    client = stage.joined(1)

    assert stage.clients == [client]
    assert not client.closed


def test_silence_of_a_partition_without_a_leader_is_no_fault(stage: Stage) -> None:
    client = stage.joined(0, 1)
    client.leaders[1] = -1
    stage.now += 31.0

    stage.source.poll()

    assert stage.clients == [client]


def test_without_a_client_no_lag_is_known(stage: Stage) -> None:
    assert (stage.source.lag(), stage.source.group_lag()) == ({}, None)


def _unpack_records(error: Exception) -> Iterable[Record]:
    """Named as the client's own function, by which the error is told."""
    raise error


def raised_while_unpacking(kind: type[Exception] = ValueError) -> Exception:
    with pytest.raises(kind) as caught:
        _unpack_records(kind("while unpacking"))
    return caught.value
