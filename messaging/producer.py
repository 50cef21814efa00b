"""Publishes events; the one Kafka producer of a node."""

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import NamedTuple

from kafka.errors import KafkaError

from orders.domain.events import OrderEvent
from orders.domain.records import EventRef, PublishResults
from orders.failpoints.registry import failpoint
from orders.messaging.backoff import Backoff
from orders.messaging.client_logs import Log
from orders.messaging.client_settings import producer_settings
from orders.messaging.codec import DEFAULT_SOURCE, EventEncoder
from orders.messaging.kafka_clients import open_producer
from orders.messaging.partitioning import partition_of
from orders.messaging.producer_session import ProducerSession
from orders.messaging.record_chunks import Chunk


class _PartitionChunk(NamedTuple):
    partition: int
    events: list[OrderEvent]
    records: Chunk


class KafkaPublisher:
    """An event publisher that replaces its client when that does not come back, or
    fails: after most errors kafka-python's idempotent producer never sends again.

    Owned by one thread, which polls ``take_results``. At-least-once: an event that
    is handed back as failed may be in the topic all the same.

    Args:
        bootstrap_servers: ``host:port,...``; need not be reachable yet.
        client_id: names this node in the broker's logs.
        topic: must exist; it is never created here.
        source: ``ce_source`` of every event.
        linger_ms: longest wait to fill a batch of records.
        max_in_flight: events handed over and not answered; about 2 KB each.
        give_up_seconds: age of the oldest such event at which the client is taken
            for dead. Far longer than a broker's restart, which it survives.
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
        self._give_up_seconds = give_up_seconds
        self._session: ProducerSession | None = None
        self._backoff = Backoff(monotonic)
        self._failures = Backoff(monotonic)
        self._refused: list[OrderEvent] = []
        self._before_send = failpoint("publish.before_send")
        self._after_send = failpoint("publish.after_send")
        self._after_confirm = failpoint("publish.after_confirm")

    @property
    def in_flight(self) -> int:
        """Events handed over and neither confirmed nor failed."""
        return 0 if self._session is None else self._session.in_flight

    def publish(self, events: Sequence[OrderEvent]) -> int:
        """Hand over events; return how many were taken, which are the first ones.

        Those of a partition keep their order. Fewer are taken when ``max_in_flight``
        is reached or the broker has never been reached. When it cannot be reached
        any more halfway through, the rest counts as taken and failed. Waits up to
        2 s for the first metadata; after a failure it takes nothing, without waiting,
        until a growing delay is over.
        """
        partition_count = self._partition_count()
        session = self._session
        if partition_count == 0 or session is None:
            return 0
        taken = events[: max(0, self._max_in_flight - self.in_flight)]
        if self._before_send is not None:
            self._before_send()
        unsent: list[OrderEvent] = []
        for chunk in self._chunks(taken, partition_count):
            if unsent or not self._send(session, chunk):
                unsent.extend(chunk.events)
        if self._after_send is not None:
            self._after_send()
        if len(unsent) == len(taken):
            return 0
        self._refused.extend(unsent)
        return len(taken)

    def take_results(self) -> PublishResults:
        """Return what was confirmed or failed since the last call.

        A client that failed an event, or whose oldest one is in flight for longer
        than ``give_up_seconds``, is ended, and all its events are handed back as
        failed. After a failure nothing is taken until a delay is over, which grows
        until an event is confirmed.
        """
        refused, self._refused = self._refused, []
        session = self._session
        if session is None:
            return PublishResults([], refused)
        confirmed, failed = session.take_answers()
        if confirmed:
            self._failures.succeeded()
            if self._after_confirm is not None:
                self._after_confirm()
        if failed:
            self._failures.failed()
            self._note_refused(failed, session.last_error)
        if failed or session.oldest_age_seconds() > self._give_up_seconds:
            confirmed_late, handed_back = self._give_up(session)
            confirmed += confirmed_late
            failed += handed_back
        return PublishResults(confirmed, failed + refused)

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
        self, events: Sequence[OrderEvent], partition_count: int
    ) -> list[_PartitionChunk]:
        """Encode events and put those of a partition together, in their order."""
        open_chunks: dict[int, _PartitionChunk] = {}
        chunks: list[_PartitionChunk] = []
        for event in events:
            record = self._encode(event)
            partition = partition_of(record.key, partition_count)
            chunk = open_chunks.get(partition)
            if chunk is None or not chunk.records.add(record):
                chunk = _PartitionChunk(partition, [], Chunk())
                chunk.records.add(record)
                open_chunks[partition] = chunk
                chunks.append(chunk)
            chunk.events.append(event)
        return chunks

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
            self._note_refused(chunk.events, error)
            self._refused.extend(chunk.events)
        return True

    def _give_up(
        self, session: ProducerSession
    ) -> tuple[list[EventRef], list[OrderEvent]]:
        """End a client; return its last confirmations, and all its other events."""
        age = session.oldest_age_seconds()
        session.kill()
        self._session = None
        confirmed, failed = session.take_answers()
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

    def _note_refused(
        self, events: Sequence[OrderEvent], error: BaseException | None
    ) -> None:
        self._log.error(
            "publisher.event_refused", order_id=events[0].order_id, error=repr(error)
        )

    def _note_away(self, error: KafkaError) -> None:
        if self._backoff.failed():
            self._log.warning("publisher.broker_away", error=repr(error))
