"""Publishes events; the one Kafka producer of a node."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from time import monotonic
from typing import NamedTuple

from kafka.errors import KafkaError, MessageSizeTooLargeError

from orders.domain.events import OrderEvent
from orders.domain.records import EventRef, PublishResults
from orders.failpoints.registry import failpoint
from orders.messaging.backoff import Backoff
from orders.messaging.client_logs import Log
from orders.messaging.client_settings import producer_settings
from orders.messaging.codec import DEFAULT_SOURCE, EventEncoder
from orders.messaging.kafka_clients import open_producer
from orders.messaging.partition_places import PartitionPlaces
from orders.messaging.partitioning import partition_of
from orders.messaging.patience import Patience
from orders.messaging.producer_session import Answer, ProducerSession
from orders.messaging.record_chunks import Chunk
from orders.messaging.refused_batches import RefusedRecordsError, told_apart


class _PartitionChunk(NamedTuple):
    partition: int
    room: int
    """Events that it may have."""
    events: list[OrderEvent]
    records: Chunk


class KafkaPublisher:
    """An event publisher that replaces its client when that fails, or is silent.

    Owned by one thread, which polls ``take_results``. At-least-once: an event that
    is handed back as failed may be in the topic all the same.

    A partition that is not written to has its share of the places, and a retry of its
    own; what it has no place for is turned away.

    Args:
        bootstrap_servers: ``host:port,...``; need not be reachable yet.
        client_id: names this node in the broker's logs.
        topic: must exist; it is never created here.
        source: ``ce_source`` of every event.
        linger_ms: longest wait to fill a batch of records.
        max_in_flight: events handed over and not answered; about 2 KB each. Each
            partition has an equal share.
        give_up_seconds: silence after which the client is taken for dead. Far longer
            than a broker's restart, which it survives.
        security: kafka-python's TLS and SASL settings.

    """

    def __init__(
        self,
        *,
        bootstrap_servers: str,
        client_id: str,
        topic: str,
        log: Log,
        source: str = DEFAULT_SOURCE,
        linger_ms: int = 5,
        max_in_flight: int = 20_000,
        give_up_seconds: float = 60.0,
        security: Mapping[str, object] | None = None,
    ) -> None:
        self._settings = producer_settings(
            bootstrap_servers, client_id, security or {}, linger_ms=linger_ms
        )
        self._topic = topic
        self._log = log
        self._encode = EventEncoder(source)
        self._max_in_flight = max_in_flight
        self._session: ProducerSession | None = None
        self._backoff = Backoff(monotonic)
        self._failures = Backoff(monotonic)
        self._places = PartitionPlaces(max_in_flight, log=log, clock=monotonic)
        self._patience = Patience(give_up_seconds)
        self._unsent: list[OrderEvent] = []
        self._turned_away: list[EventRef] = []
        self._aside: set[EventRef] = set()
        """Refused for themselves: not worth a try before the others."""
        self._before_send = failpoint("publish.before_send")
        self._after_send = failpoint("publish.after_send")
        self._after_confirm = failpoint("publish.after_confirm")

    @property
    def in_flight(self) -> int:
        """Events handed over and neither confirmed nor failed."""
        return 0 if self._session is None else self._session.in_flight

    @property
    def unwritable(self) -> frozenset[int]:
        """Partitions that are not written to, as of the last ``take_results``."""
        return self._places.unwritable

    def publish(self, events: Sequence[OrderEvent]) -> int:
        """Hand over events; return how many were taken, which are the first ones.

        Those of a partition keep their order. Fewer are taken when ``max_in_flight``
        is reached or the broker has never been reached. When it cannot be reached
        any more halfway through, the rest counts as taken and failed. Taken are also
        those that ``take_results`` then says were turned away. Waits up to 2 s for the
        first metadata, and never for one partition; after a failure it takes nothing,
        without waiting, until a growing delay is over.
        """
        partition_count = self._partition_count()
        session = self._session
        if partition_count == 0 or session is None:
            return 0
        taken = events[: max(0, self._max_in_flight - self.in_flight)]
        if self._before_send is not None:
            self._before_send()
        unsent: list[OrderEvent] = []
        self._places.share_among(partition_count)
        for chunk in self._chunks(session, taken, partition_count):
            if unsent or not self._send(session, chunk):
                unsent.extend(chunk.events)
        if self._after_send is not None:
            self._after_send()
        if len(unsent) == len(taken):
            return 0
        self._unsent.extend(unsent)
        return len(taken)

    def take_results(self) -> PublishResults:
        """Return what became of events since the last call.

        A client that failed for good, or is silent for too long (``patience.py``), is
        ended, and all its events are handed back as failed. After a failure nothing is
        taken until a delay is over, which grows until an event is confirmed.
        """
        unsent, self._unsent = self._unsent, []
        session = self._session
        if session is None:
            return self._results([], unsent)
        answers = session.take_answers()
        confirmed = self._confirmed(answers)
        if confirmed and self._after_confirm is not None:
            self._after_confirm()
        failed = [it for it in answers if it.error is not None]
        if session.is_beyond_repair() or self._patience.is_over(
            session.silent_seconds(), session.ages_seconds()
        ):
            if failed:
                self._failures.failed()
            handed_back = [event for it in failed for event in it.events]
            late, others = self._give_up(session)
            return self._results(confirmed + late, handed_back + others + unsent)
        handed_back = self._spared(failed)
        self._places.look(session.ages_seconds())
        reopened = self._places.reopened(session.under_way)
        if self._places.aside_is_over():
            self._aside.clear()
            reopened = True
        return self._results(confirmed, handed_back + unsent, reopened=reopened)

    def close(self) -> None:
        """Release the client, within 4 s whatever the broker does.

        Events in flight are forgotten: their outbox rows are still there.
        """
        if self._session is not None:
            self._session.close()
            self._session = None

    def _partition_count(self) -> int:
        """Return the topic's partitions, 0 while the broker is away."""
        if self._backoff.remaining_seconds or self._failures.remaining_seconds:
            return 0
        try:
            if self._session is None:
                self._session = self._open()
            count = self._session.partition_count()
        except KafkaError as error:
            self._note_away(error)
            return 0
        if self._backoff.succeeded():
            self._log.info("publisher.broker_back")
        return count

    def _chunks(
        self,
        session: ProducerSession,
        events: Sequence[OrderEvent],
        partition_count: int,
    ) -> list[_PartitionChunk]:
        """Encode events and put those of a partition together, in their order, as far
        as it has places.
        """
        open_chunks: dict[int, _PartitionChunk] = {}
        chunks: list[_PartitionChunk] = []
        for event in events:
            if self._aside and (event.order_id, event.version) in self._aside:
                self._turned_away.append(EventRef(event.order_id, event.version))
                continue
            record = self._encode(event)
            partition = partition_of(record.key, partition_count)
            chunk = open_chunks.get(partition)
            if chunk is None:
                room = self._places.room(partition, session.under_way(partition))
                chunk = _PartitionChunk(partition, room, [], Chunk())
                open_chunks[partition] = chunk
                chunks.append(chunk)
            if len(chunk.events) >= chunk.room:
                self._places.turn_away(partition)
                self._turned_away.append(EventRef(event.order_id, event.version))
                continue
            if not chunk.records.add(record):
                room = chunk.room - len(chunk.events)
                chunk = _PartitionChunk(partition, room, [], Chunk())
                chunk.records.add(record)
                open_chunks[partition] = chunk
                chunks.append(chunk)
            chunk.events.append(event)
        return [chunk for chunk in chunks if chunk.events]

    def _send(self, session: ProducerSession, chunk: _PartitionChunk) -> bool:
        """Send one chunk; False where the broker cannot be reached.

        Events that the client refuses for themselves count as sent and failed, so
        that they cannot hold up those behind them.
        """
        try:
            session.send(chunk.events, chunk.records, chunk.partition)
        except KafkaError as error:
            if error.retriable:
                self._note_away(error)
                return False
            self._turned_away.extend(_names(chunk.events))
            self._set_aside(chunk.events, error)
        return True

    def _results(
        self,
        confirmed: list[EventRef],
        failed: list[OrderEvent],
        *,
        reopened: bool = False,
    ) -> PublishResults:
        turned_away, self._turned_away = self._turned_away, []
        return PublishResults(confirmed, failed, tuple(turned_away), reopened)

    def _confirmed(self, answers: Sequence[Answer]) -> list[EventRef]:
        """Note the partitions that were written to; return the events."""
        confirmed: list[EventRef] = []
        for partition, events, error in answers:
            if error is not None:
                continue
            confirmed.extend(_names(events))
            self._places.confirmed(partition)
            self._patience.confirmed(partition)
        if confirmed:
            self._failures.succeeded()
        return confirmed

    def _spared(self, failed: Sequence[Answer]) -> list[OrderEvent]:
        """Turn away what the broker refuses; return the others, which may go again.

        A partition is to blame where it takes none of a batch.
        """
        handed_back: list[OrderEvent] = []
        blamed: dict[int, tuple[list[OrderEvent], BaseException]] = {}
        spared: set[int] = set()
        for partition, events, error in failed:
            assert error is not None  # noqa: S101 - those that failed
            if isinstance(error, KafkaError) and error.retriable:
                handed_back.extend(events)
                continue
            refused, others = told_apart(events, error)
            if others:
                handed_back.extend(others)
                spared.add(partition)
            if refused:
                blamed.setdefault(partition, ([], error))[0].extend(refused)
                self._turned_away.extend(_names(refused))
        for partition, (refused, error) in blamed.items():
            # Alone and too large, it would take the partition's only place for ever.
            alone = len(refused) == 1 and isinstance(error, MessageSizeTooLargeError)
            aside = alone or isinstance(error, RefusedRecordsError)
            if aside:
                self._set_aside(refused, error)
            if partition not in spared:
                self._places.refuse(partition, error, in_parts=not aside)
        return handed_back

    def _give_up(
        self, session: ProducerSession
    ) -> tuple[list[EventRef], list[OrderEvent]]:
        """End a client; return its last confirmations, and all its other events."""
        age = max((age for _, age in session.ages_seconds()), default=0.0)
        session.kill()
        self._session = None
        answers = session.take_answers()
        confirmed = self._confirmed(answers)
        failed = [e for it in answers if it.error is not None for e in it.events]
        failed += session.unanswered()
        self._log.warning(
            "publisher.client_replaced",
            events=len(failed),
            oldest_age_seconds=age,
        )
        return confirmed, failed

    def _open(self) -> ProducerSession:
        client = open_producer(self._settings)
        return ProducerSession(client, self._topic, self._log)

    def _set_aside(self, events: Sequence[OrderEvent], error: BaseException) -> None:
        if len(self._aside) + len(events) > self._max_in_flight:
            self._aside.clear()
        self._aside.update(_names(events))
        self._places.set_aside()
        self._log.error(
            "publisher.event_refused",
            order_id=events[0].order_id,
            count=len(events),
            error=repr(error),
        )

    def _note_away(self, error: KafkaError) -> None:
        if self._backoff.failed():
            self._log.warning("publisher.broker_away", error=repr(error))


def _names(events: Iterable[OrderEvent]) -> Iterator[EventRef]:
    return (EventRef(event.order_id, event.version) for event in events)
