"""Publishes events; the one Kafka producer of a node."""

from collections.abc import Callable, Mapping, Sequence
from time import monotonic

from orders.domain.events import OrderEvent
from orders.domain.records import EventRef, PublishResults
from orders.messaging.backoff import Backoff
from orders.messaging.client_logs import Log
from orders.messaging.client_settings import producer_settings
from orders.messaging.codec import DEFAULT_SOURCE, EventEncoder
from orders.messaging.kafka_clients import KafkaError, open_producer
from orders.messaging.producer_session import ProducerSession


class KafkaPublisher:
    """An event publisher that replaces its client when that does not come back.

    Owned by one thread; only ``on_results`` is called on another, the client's
    network thread, and must not wait. At-least-once: an event that is handed back
    as failed may be in the topic all the same.

    Args:
        bootstrap_servers: ``host:port,...``; need not be reachable yet.
        client_id: names this node in the broker's logs.
        topic: must exist; it is never created here.
        on_results: wakes the owner, once until results are taken.
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
        on_results: Callable[[], None],
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
        self._on_results = on_results
        self._log = log
        self._encode = EventEncoder(source)
        self._max_in_flight = max_in_flight
        self._give_up_seconds = give_up_seconds
        self._session: ProducerSession | None = None
        self._backoff = Backoff(monotonic)
        self._refused: list[OrderEvent] = []

    @property
    def in_flight(self) -> int:
        """Events handed over and neither confirmed nor failed."""
        return 0 if self._session is None else self._session.in_flight

    def publish(self, events: Sequence[OrderEvent]) -> int:
        """Hand over events in order; return how many were taken.

        Fewer are taken when ``max_in_flight`` is reached or the broker has never
        been reached. Waits up to 2 s for the first metadata; after a failure it
        takes nothing, without waiting, until a growing delay is over.
        """
        partition_count = self._partition_count()
        if partition_count == 0 or self._session is None:
            return 0
        taken = 0
        for event in events[: max(0, self._max_in_flight - self.in_flight)]:
            if not self._send(self._session, event, partition_count):
                break
            taken += 1
        return taken

    def take_results(self) -> PublishResults:
        """Return what was confirmed or failed since the last call.

        A client whose oldest event is in flight for longer than
        ``give_up_seconds`` is ended, and all its events are handed back as failed.
        """
        refused, self._refused = self._refused, []
        session = self._session
        if session is None:
            return PublishResults([], refused)
        confirmed, failed = session.take_answers()
        if session.oldest_age_seconds() > self._give_up_seconds:
            confirmed_late, handed_back = self._give_up(session)
            confirmed += confirmed_late
            failed += handed_back
        return PublishResults(confirmed, failed + refused)

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until nothing is in flight; False when time ran out."""
        return self._session is None or self._session.wait(timeout_seconds)

    def close(self) -> None:
        """Release the client, within 4 s whatever the broker does.

        Events in flight are forgotten: their outbox rows are still there.
        """
        if self._session is not None:
            self._session.close()
            self._session = None

    def _partition_count(self) -> int:
        """Return the topic's partitions, 0 while the broker is away."""
        if self._backoff.remaining_seconds:
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

    def _send(
        self, session: ProducerSession, event: OrderEvent, partition_count: int
    ) -> bool:
        """Send one event; False where the broker cannot be reached.

        An event that the client refuses for itself counts as sent and failed, so
        that it cannot hold up those behind it.
        """
        try:
            session.send(event, self._encode(event), partition_count)
        except KafkaError as error:
            if error.retriable:
                self._note_away(error)
                return False
            self._log.error(
                "publisher.event_refused", order_id=event.order_id, error=repr(error)
            )
            self._refused.append(event)
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
            "publisher.client_replaced", events=len(failed), oldest_age_seconds=age
        )
        return confirmed, failed

    def _open(self) -> ProducerSession:
        client = open_producer(self._settings)
        return ProducerSession(client, self._topic, self._on_results, self._log)

    def _note_away(self, error: KafkaError) -> None:
        if self._backoff.failed():
            self._log.warning("publisher.broker_away", error=repr(error))
