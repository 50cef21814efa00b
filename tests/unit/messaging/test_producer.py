"""The publisher answers for every event, whatever its client does."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from kafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidTimestampError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    TopicAuthorizationFailedError,
)

from orders.domain.events import OrderEvent
from orders.domain.identifiers import IdFactory
from orders.domain.records import EventRef, PublishResults
from orders.messaging import producer, producer_session
from orders.messaging.partitioning import partition_of
from orders.messaging.producer import KafkaPublisher
from orders.messaging.record_chunks import MAX_CHUNK_BYTES, Chunk
from orders.messaging.refused_batches import RefusedRecordsError

make_id = IdFactory()


@dataclass
class FakeFuture:
    """Stands for a chunk's future; answers once, as the client's do."""

    chunk: Chunk
    partition: int
    callbacks: list[Callable[[object], None]] = field(default_factory=list)
    errbacks: list[Callable[[object], None]] = field(default_factory=list)
    done: bool = False

    def add_callback(self, callback: Callable[[object], None]) -> None:
        self.callbacks.append(callback)

    def add_errback(self, errback: Callable[[object], None]) -> None:
        self.errbacks.append(errback)

    def confirm(self) -> None:
        self._answer(self.callbacks, object())

    def fail(self, error: Exception) -> None:
        self._answer(self.errbacks, error)

    def _answer(self, calls: list[Callable[[object], None]], answer: object) -> None:
        if not self.done:
            self.done = True
            for call in calls:
                call(answer)


class AnsweredFuture(FakeFuture):
    """One that was confirmed before anybody asked."""

    def add_callback(self, callback: Callable[[object], None]) -> None:
        callback(object())


class FakeSender:
    def __init__(self, client: "FakeClient") -> None:
        self.client = client
        self.alive = True
        self.deaf = False

    def force_close(self) -> None:
        if self.deaf:
            return
        self.alive = False
        for future in self.client.futures:
            future.fail(KafkaTimeoutError("closed by force"))

    def join(self, timeout: float) -> None:
        pass

    def is_alive(self) -> bool:
        return self.alive


class FakeClient:
    """Stands for ``KafkaProducer``; the test plays the broker."""

    def __init__(self) -> None:
        self.futures: list[FakeFuture] = []
        self.make_future: type[FakeFuture] = FakeFuture
        self.partitions = {0, 1, 2}
        self.away = False
        self.send_errors: list[Exception | None] = []
        self.closed = False
        self.broken = False
        self._sender = FakeSender(self)
        self._transaction_manager = self

    def has_fatal_error(self) -> bool:
        return self.broken

    def partitions_for(self, topic: str) -> set[int]:
        if self.away:
            raise KafkaTimeoutError(topic)
        return self.partitions

    def send(
        self,
        topic: str,
        value: bytes,
        key: bytes,
        headers: Chunk,
        partition: int,
        timestamp_ms: int,
    ) -> FakeFuture:
        error = self.send_errors.pop(0) if self.send_errors else None
        if error is not None:
            raise error
        self.futures.append(self.make_future(headers, partition))
        return self.futures[-1]

    def close(self, timeout: float) -> None:
        self.closed = True


class FakeLog:
    def __init__(self) -> None:
        self.events: list[str] = []

    def debug(self, event: str, **fields: object) -> None:
        self.events.append(event)

    info = warning = error = debug


class Stage:
    """A publisher, its clients, and a clock that the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clients: list[FakeClient] = []
        self.away = False
        self.now = 1000.0
        self.log = FakeLog()
        monkeypatch.setattr(producer, "open_producer", self._open)
        monkeypatch.setattr(producer, "monotonic", lambda: self.now)
        monkeypatch.setattr(producer_session, "monotonic", lambda: self.now)
        self.publisher = self.publisher_with()

    def publisher_with(self, max_in_flight: int = 100) -> KafkaPublisher:
        return KafkaPublisher(
            bootstrap_servers="nowhere:1",
            client_id="test",
            topic="orders",
            log=self.log,
            max_in_flight=max_in_flight,
            give_up_seconds=60.0,
        )

    def refuse(self, number: int) -> None:
        """The broker refuses a chunk of the latest client for good."""
        self.clients[-1].futures[number].fail(TopicAuthorizationFailedError())

    def break_client(self) -> None:
        """The latest client fails all it has, and all it will get."""
        self.clients[-1].broken = True
        for future in self.clients[-1].futures:
            future.fail(ClusterAuthorizationFailedError())

    def sent_to(self) -> list[int]:
        """Return the partition of each chunk that the latest client got."""
        return [future.partition for future in self.clients[-1].futures]

    def let_others_answer(self, seconds: int) -> None:
        """Partitions 1 and 2 answer; what is handed back is published again."""
        for _ in range(seconds // 10):
            self.publisher.publish([event(1)])
            for future in self.clients[-1].futures:
                if future.partition:
                    future.confirm()
            self.now += 10.0
            self.publisher.publish(self.publisher.take_results().failed)

    def _open(self, settings: object) -> FakeClient:
        client = FakeClient()
        client.away = self.away
        self.clients.append(client)
        return client


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def event(partition: int, data: str = "{}") -> OrderEvent:
    """Make an event of one of three partitions."""
    order_id = make_id()
    while partition_of(order_id.encode(), 3) != partition:
        order_id = make_id()
    return OrderEvent(order_id, 1, "t", data, datetime.now(UTC))


def events(count: int) -> list[OrderEvent]:
    """Make events of partitions 0, 1, 2, 0, and so on: up to three chunks."""
    return [event(number % 3) for number in range(count)]


def refs(sent: list[OrderEvent]) -> list[EventRef]:
    return [EventRef(event.order_id, event.version) for event in sent]


def test_confirmed_events_are_named(stage: Stage) -> None:
    sent = events(2)
    stage.publisher.publish(sent)

    stage.clients[0].futures[1].confirm()

    assert stage.publisher.take_results() == PublishResults(refs(sent[1:]), [])


def test_events_of_a_partition_share_a_chunk_in_their_order(stage: Stage) -> None:
    sent = [event(0, data) for data in ("first", "second", "third")]

    stage.publisher.publish([sent[0], event(1), *sent[1:]])

    chunk = stage.clients[0].futures[0].chunk
    found = [
        (e.order_id.encode() in body, e.data.encode() in body)
        for e, (_, body) in zip(sent, chunk.bodies, strict=True)
    ]
    assert found == [(True, True)] * 3


def test_a_chunk_goes_to_the_partition_of_its_keys(stage: Stage) -> None:
    stage.publisher.publish([event(2), event(1)])

    assert [future.partition for future in stage.clients[0].futures] == [2, 1]


def test_the_answer_for_a_chunk_is_that_of_all_its_events(stage: Stage) -> None:
    sent = [event(0) for _ in range(3)]
    stage.publisher.publish(sent)

    stage.clients[0].futures[0].confirm()

    assert stage.publisher.in_flight == 0
    assert stage.publisher.take_results() == PublishResults(refs(sent), [])


def test_a_chunk_stays_within_its_size(stage: Stage) -> None:
    half = "x" * (MAX_CHUNK_BYTES // 2)

    stage.publisher.publish([event(0, half), event(0), event(0, half), event(0)])

    chunks = [future.chunk for future in stage.clients[0].futures]
    assert [len(chunk.bodies) for chunk in chunks] == [2, 2]
    assert all(chunk.size <= MAX_CHUNK_BYTES for chunk in chunks)


def test_an_event_larger_than_a_chunk_travels_alone(stage: Stage) -> None:
    large = event(0, "x" * MAX_CHUNK_BYTES)

    stage.publisher.publish([event(0), large, event(0)])

    futures = stage.clients[0].futures
    assert [len(future.chunk.bodies) for future in futures] == [1, 1, 1]


def test_answers_that_are_there_at_once_count(stage: Stage) -> None:
    sent = events(2)
    stage.publisher.publish([])
    stage.clients[0].make_future = AnsweredFuture

    stage.publisher.publish(sent)

    assert stage.publisher.in_flight == 0
    assert stage.publisher.take_results() == PublishResults(refs(sent), [])


# --- refusals ---


def test_a_refused_partition_leaves_the_events_of_the_others_under_way(
    stage: Stage,
) -> None:
    sent = events(3)
    stage.publisher.publish(sent)

    stage.refuse(0)

    expected = PublishResults([], [], tuple(refs(sent[:1])))
    assert stage.publisher.take_results() == expected
    assert (stage.publisher.in_flight, len(stage.clients)) == (2, 1)
    assert stage.log.events == [
        "publisher.partition_refused",
        "publisher.partitions_unwritable",
    ]


def test_a_refused_partition_turns_events_away_for_a_delay_and_others_pass(
    stage: Stage,
) -> None:
    stage.publisher.publish([event(0)])
    stage.refuse(0)
    stage.publisher.take_results()
    sick, healthy = event(0), event(1)

    stage.publisher.publish([sick, healthy])

    assert stage.publisher.take_results().turned_away == (*refs([sick]),)
    assert stage.sent_to() == [0, 1]


def test_a_refused_partition_takes_events_again_after_the_delay(stage: Stage) -> None:
    stage.publisher.publish([event(0)])
    stage.refuse(0)
    early = stage.publisher.take_results().reopened

    stage.now += 0.3

    assert (early, stage.publisher.take_results().reopened) == (False, True)
    assert stage.publisher.publish([event(0)]) == 1
    assert stage.sent_to() == [0, 0]


def test_a_partition_refused_in_a_row_is_tried_again_ever_later(stage: Stage) -> None:
    for _ in range(10):
        stage.publisher.publish([event(0)])
        stage.refuse(-1)
        stage.publisher.take_results()
        stage.now += 30.0
    stage.publisher.publish([event(0)])
    stage.refuse(-1)
    stage.publisher.take_results()

    stage.now += 14.0

    assert not stage.publisher.take_results().reopened
    assert stage.log.events.count("publisher.partition_refused") == 1


def test_answers_to_one_attempt_count_as_one_refusal(stage: Stage) -> None:
    half = "x" * (MAX_CHUNK_BYTES // 2 + 1)
    stage.publisher.publish([event(0, half) for _ in range(20)])
    for number in range(20):
        stage.refuse(number)
    stage.publisher.take_results()

    stage.now += 0.3

    assert stage.publisher.take_results().reopened


def test_what_is_refused_at_once_is_tried_in_parts(stage: Stage) -> None:
    publisher = stage.publisher_with(max_in_flight=300)
    batch = [event(0) for _ in range(100)]
    sizes = []

    for _ in range(4):
        publisher.publish(batch)
        sizes.append(publisher.in_flight)
        stage.refuse(-1)
        publisher.take_results()
        stage.now += 30.0

    assert sizes == [100, 50, 25, 12]


def test_a_partition_that_is_written_to_gets_its_places_back(stage: Stage) -> None:
    publisher = stage.publisher_with(max_in_flight=300)
    batch = [event(0) for _ in range(100)]
    publisher.publish(batch)
    stage.refuse(-1)
    publisher.take_results()
    stage.now += 1.0
    publisher.publish(batch)

    stage.clients[-1].futures[-1].confirm()
    publisher.take_results()
    publisher.publish(batch)

    assert publisher.in_flight == 100
    assert publisher.unwritable == frozenset()


def test_records_that_the_broker_names_are_refused_and_no_others(stage: Stage) -> None:
    sent = [event(0) for _ in range(4)]
    stage.publisher.publish(sent)

    error = RefusedRecordsError(InvalidTimestampError(), 10, frozenset({3, 11, 13}))
    stage.clients[0].futures[0].fail(error)
    results = stage.publisher.take_results()

    assert results.failed == [sent[0], sent[2]]
    assert results.turned_away == (*refs([sent[1], sent[3]]),)
    assert stage.publisher.publish(results.failed) == 2
    assert stage.sent_to() == [0, 0]


def test_records_that_were_refused_are_offered_again_after_a_while(
    stage: Stage,
) -> None:
    stage.publisher.publish([event(0) for _ in range(2)])
    error = RefusedRecordsError(InvalidTimestampError(), 0, frozenset({1}))
    stage.clients[0].futures[0].fail(error)
    stage.publisher.take_results()

    stage.now += 14.0
    early = stage.publisher.take_results().reopened
    stage.now += 16.1

    assert (early, stage.publisher.take_results().reopened) == (False, True)
    assert not stage.publisher.take_results().reopened


def test_records_that_were_refused_do_not_keep_others_from_another_try(
    stage: Stage,
) -> None:
    publisher = stage.publisher_with(max_in_flight=9)
    refused = [event(0) for _ in range(3)]
    publisher.publish(refused)
    error = RefusedRecordsError(InvalidTimestampError(), 0, frozenset(range(3)))
    stage.clients[0].futures[0].fail(error)
    publisher.take_results()
    stage.now += 1.0
    others = [event(0) for _ in range(3)]

    publisher.publish([*refused, *others])
    stage.clients[0].futures[-1].confirm()

    results = publisher.take_results()
    assert results.turned_away == (*refs(refused),)
    assert results.confirmed == refs(others)


def test_what_might_succeed_later_goes_again_at_once(stage: Stage) -> None:
    sent = [event(0)]
    stage.publisher.publish(sent)

    stage.clients[0].futures[0].fail(NotEnoughReplicasError())

    assert stage.publisher.take_results() == PublishResults([], sent)
    assert stage.publisher.publish(sent) == 1


def test_a_client_that_failed_for_good_is_ended_and_its_events_handed_back(
    stage: Stage,
) -> None:
    sent = events(3)
    stage.publisher.publish(sent)
    stage.clients[0].futures[2].confirm()

    stage.break_client()

    assert stage.publisher.take_results() == PublishResults(refs(sent[2:]), sent[:2])
    assert not stage.clients[0]._sender.alive


def test_after_a_failure_nothing_is_taken_until_a_delay_is_over(stage: Stage) -> None:
    stage.publisher.publish(events(1))
    stage.break_client()
    stage.publisher.take_results()

    too_early = stage.publisher.publish(events(1))
    stage.now += 0.3

    assert (too_early, stage.publisher.publish(events(1))) == (0, 1)


def test_failures_in_a_row_are_tried_again_ever_later(stage: Stage) -> None:
    for _ in range(8):
        stage.publisher.publish(events(1))
        stage.break_client()
        stage.publisher.take_results()
        stage.now += 5.0
    stage.publisher.publish(events(1))
    stage.break_client()
    stage.publisher.take_results()

    stage.now += 2.0

    assert stage.publisher.publish(events(1)) == 0


# --- places ---


def test_a_partition_that_stands_still_fills_its_own_places_alone(
    stage: Stage,
) -> None:
    publisher = stage.publisher_with(max_in_flight=30)
    sick = [event(0) for _ in range(12)]

    taken = publisher.publish([*sick, event(1), event(2)])

    assert (taken, publisher.in_flight) == (14, 12)
    assert publisher.take_results().turned_away == (*refs(sick[10:]),)


def test_a_partition_has_its_places_in_all_calls_together(stage: Stage) -> None:
    publisher = stage.publisher_with(max_in_flight=30)
    for _ in range(3):
        publisher.publish([event(0) for _ in range(6)])

    assert publisher.in_flight == 10


def test_a_partition_with_half_its_places_free_takes_events_again(
    stage: Stage,
) -> None:
    publisher = stage.publisher_with(max_in_flight=30)
    for count in (5, 5, 5):
        publisher.publish([event(0) for _ in range(count)])
    full = publisher.take_results().reopened

    stage.clients[0].futures[0].confirm()
    half = publisher.take_results().reopened
    stage.clients[0].futures[1].confirm()

    assert (full, half) == (False, False)
    assert publisher.take_results().reopened
    assert not publisher.take_results().reopened


def test_a_partition_that_stands_still_is_named_until_it_moves(stage: Stage) -> None:
    stage.publisher.publish(events(3))
    for future in stage.clients[0].futures[:2]:
        future.confirm()
    stage.now += 5.1
    stage.publisher.take_results()
    named = stage.publisher.unwritable

    stage.clients[0].futures[2].confirm()
    stage.publisher.take_results()

    assert (named, stage.publisher.unwritable) == ({2}, frozenset())
    assert stage.log.events == [
        "publisher.partitions_unwritable",
        "publisher.partitions_writable",
    ]


def test_answered_events_are_no_longer_in_flight(stage: Stage) -> None:
    stage.publisher.publish(events(3))

    stage.clients[0].futures[0].confirm()

    assert stage.publisher.in_flight == 2


def test_nothing_is_in_flight_before_the_first_event(stage: Stage) -> None:
    assert stage.publisher.in_flight == 0


def test_no_more_are_taken_than_may_be_in_flight(stage: Stage) -> None:
    publisher = stage.publisher_with(max_in_flight=3)

    calls = [event(0), event(1)], [event(2), event(0)], [event(1)]
    taken = [publisher.publish(some) for some in calls]

    assert taken == [2, 1, 0]


def test_room_comes_back_with_the_answers(stage: Stage) -> None:
    publisher = stage.publisher_with(max_in_flight=2)
    publisher.publish(events(2))

    stage.clients[0].futures[0].confirm()

    assert publisher.publish(events(5)) == 1


def test_nothing_is_taken_while_the_broker_was_never_reached(stage: Stage) -> None:
    stage.away = True

    assert stage.publisher.publish(events(2)) == 0


def test_an_absent_broker_is_not_asked_again_at_once(stage: Stage) -> None:
    stage.away = True
    stage.publisher.publish(events(1))
    stage.clients[0].away = False

    too_early = stage.publisher.publish(events(1))
    stage.now += 10.0

    assert (too_early, stage.publisher.publish(events(1))) == (0, 1)


def test_an_outage_is_logged_when_it_begins_and_when_it_ends(stage: Stage) -> None:
    stage.away = True
    for _ in range(5):
        stage.publisher.publish(events(1))
        stage.now += 10.0

    stage.clients[0].away = False
    stage.publisher.publish(events(1))

    assert stage.log.events == ["publisher.broker_away", "publisher.broker_back"]


def test_events_stay_with_the_caller_where_none_could_be_sent(stage: Stage) -> None:
    stage.publisher.publish([])
    stage.clients[0].send_errors = [KafkaTimeoutError()]

    assert stage.publisher.publish(events(3)) == 0
    assert stage.publisher.take_results() == PublishResults([], [])


def test_events_behind_one_that_could_not_be_sent_are_handed_back(
    stage: Stage,
) -> None:
    sent = events(3)
    stage.publisher.publish([])
    stage.clients[0].send_errors = [None, KafkaTimeoutError()]

    taken = stage.publisher.publish(sent)

    assert (taken, stage.publisher.in_flight) == (3, 1)
    assert stage.publisher.take_results() == PublishResults([], sent[1:])


def test_an_event_that_is_too_large_does_not_hold_up_those_behind_it(
    stage: Stage,
) -> None:
    sent = events(3)
    stage.publisher.publish([])
    stage.clients[0].send_errors = [None, MessageSizeTooLargeError()]

    taken = stage.publisher.publish(sent)

    assert taken == 3
    expected = PublishResults([], [], tuple(refs(sent[1:2])))
    assert stage.publisher.take_results() == expected


def test_an_event_that_the_broker_finds_too_large_is_set_aside(stage: Stage) -> None:
    stage.publisher.publish(events(1))
    stage.clients[0].futures[0].fail(MessageSizeTooLargeError())
    stage.publisher.take_results()

    assert "publisher.event_refused" in stage.log.events


def test_a_partition_stays_named_while_a_new_client_sends_its_events_again(
    stage: Stage,
) -> None:
    stage.publisher.publish([event(0)])
    stage.let_others_answer(seconds=130)

    named = stage.publisher.unwritable
    stage.clients[-1].futures[0].confirm()
    stage.publisher.take_results()

    assert (len(stage.clients), named) == (2, {0})
    assert stage.log.events.count("publisher.partitions_unwritable") == 1
    assert stage.publisher.unwritable == frozenset()


def test_a_client_that_does_not_answer_is_ended(stage: Stage) -> None:
    stage.publisher.publish(events(2))

    stage.now += 60.1
    stage.publisher.take_results()

    assert not stage.clients[0]._sender.alive
    assert stage.clients[0].closed


def test_all_events_of_an_ended_client_are_handed_back(stage: Stage) -> None:
    sent = events(3)
    stage.publisher.publish(sent)
    stage.clients[0].futures.pop().confirm()
    confirmed = stage.publisher.take_results()

    stage.now += 60.1

    assert confirmed == PublishResults(refs(sent[2:]), [])
    assert stage.publisher.take_results() == PublishResults([], sent[:2])


def test_events_are_handed_back_by_a_client_that_does_not_even_end(
    stage: Stage,
) -> None:
    sent = events(2)
    stage.publisher.publish(sent)
    stage.clients[0]._sender.deaf = True

    stage.now += 60.1

    assert stage.publisher.take_results() == PublishResults([], sent)
    assert "publisher.thread_left" in stage.log.events


def test_an_ended_client_is_followed_by_a_new_one(stage: Stage) -> None:
    stage.publisher.publish(events(1))
    stage.now += 60.1
    stage.publisher.take_results()

    again = events(1)
    stage.publisher.publish(again)
    stage.clients[1].futures[0].confirm()

    assert stage.publisher.take_results() == PublishResults(refs(again), [])


def test_late_answers_of_an_ended_client_are_ignored(stage: Stage) -> None:
    stage.publisher.publish(events(1))
    late = stage.clients[0].futures.pop()
    stage.now += 60.1
    stage.publisher.take_results()

    stage.publisher.publish(events(1))
    late.confirm()

    assert stage.publisher.take_results() == PublishResults([], [])
    assert stage.publisher.in_flight == 1


def test_a_client_that_answers_is_kept(stage: Stage) -> None:
    for _ in range(5):
        stage.publisher.publish(events(1))
        stage.now += 40.0
        stage.clients[0].futures.pop(0).confirm()
        stage.publisher.take_results()

    assert len(stage.clients) == 1


def test_a_client_is_kept_while_one_partition_alone_does_not_answer(
    stage: Stage,
) -> None:
    stage.publisher.publish([event(0)])

    stage.let_others_answer(seconds=110)

    assert len(stage.clients) == 1


def test_a_client_of_which_one_partition_does_not_answer_is_replaced_ever_later(
    stage: Stage,
) -> None:
    stage.publisher.publish([event(0)])

    replaced_after = []
    for _ in range(6):
        began, clients = stage.now, len(stage.clients)
        while len(stage.clients) == clients:
            stage.let_others_answer(seconds=10)
        replaced_after.append(round((stage.now - began) / 60))

    assert replaced_after == [2, 4, 8, 16, 16, 16]


def test_a_partition_that_answered_meanwhile_has_the_first_patience_again(
    stage: Stage,
) -> None:
    stage.publisher.publish([event(0)])
    stage.let_others_answer(seconds=150)
    stage.clients[-1].futures[0].confirm()
    stage.let_others_answer(seconds=10)
    stage.publisher.publish([event(0)])

    stage.let_others_answer(seconds=150)

    assert len(stage.clients) == 3


def test_closing_with_events_in_flight_ends_the_client_by_force(stage: Stage) -> None:
    stage.publisher.publish(events(1))

    stage.publisher.close()

    assert not stage.clients[0]._sender.alive


def test_closing_calmly_leaves_the_clients_thread_to_the_client(stage: Stage) -> None:
    stage.publisher.publish([])

    stage.publisher.close()

    assert (stage.clients[0].closed, stage.clients[0]._sender.alive) == (True, True)
