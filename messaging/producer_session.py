"""One Kafka producer with the events it has not answered for."""

from collections import deque
from collections.abc import Sequence
from functools import partial
from threading import Lock
from time import monotonic, time

from kafka.errors import KafkaError

from orders.domain.events import OrderEvent
from orders.domain.records import EventRef
from orders.messaging.client_logs import Log
from orders.messaging.client_types import ProducerClient
from orders.messaging.kafka_clients import sender_thread
from orders.messaging.record_chunks import Chunk

JOIN_SECONDS = 2.0
CLOSE_SECONDS = 2.0


class ProducerSession:
    """Wraps one client for its whole life; a publisher replaces sessions.

    All methods belong to the owner's thread. The client's network thread only
    appends to this session's own queue, so what an abandoned client reports late
    reaches nobody. Answers that are there before they are waited for come on the
    owner's thread, at the same time as others: so their count is locked.
    """

    def __init__(self, client: ProducerClient, topic: str, log: Log) -> None:
        self._client = client
        self._topic = topic
        self._log = log
        self.last_error: BaseException | None = None
        """What failed an event, as last taken."""
        self._last_number = 0
        self._sent = 0
        self._answered_count = 0
        self._counting = Lock()
        self._unanswered: dict[int, tuple[Sequence[OrderEvent], float]] = {}
        self._answers: deque[tuple[int, object]] = deque()

    @property
    def in_flight(self) -> int:
        """Events sent and neither confirmed nor failed."""
        return self._sent - self._answered_count

    def partition_count(self) -> int:
        """Return the topic's partitions, waiting for metadata up to the client's
        ``max_block_ms``.

        Raises:
            KafkaError: not known in time.

        """
        return len(self._client.partitions_for(self._topic))

    def send(self, events: Sequence[OrderEvent], chunk: Chunk, partition: int) -> None:
        """Queue events of one partition, encoded in ``chunk``.

        Raises:
            KafkaError: none of them was queued; not retriable where the chunk is
                larger than a batch.

        """
        future = self._client.send(
            self._topic, b"", b"", chunk, partition, timestamp_ms=int(time() * 1000)
        )
        self._last_number = number = self._last_number + 1
        self._unanswered[number] = (events, monotonic())
        self._sent += len(events)
        answered = partial(self._answered, number, len(events))
        future.add_callback(answered)
        future.add_errback(answered)

    def take_answers(self) -> tuple[list[EventRef], list[OrderEvent]]:
        """Return what was confirmed and what failed since the last call."""
        confirmed: list[EventRef] = []
        failed: list[OrderEvent] = []
        for _ in range(len(self._answers)):
            number, answer = self._answers.popleft()
            events, _ = self._unanswered.pop(number)
            if isinstance(answer, BaseException):
                self.last_error = answer
                failed.extend(events)
            else:
                confirmed.extend(EventRef(e.order_id, e.version) for e in events)
        return confirmed, failed

    def oldest_age_seconds(self) -> float:
        """Return how long the oldest unanswered event is under way."""
        for _, sent_at in self._unanswered.values():
            return monotonic() - sent_at
        return 0.0

    def unanswered(self) -> list[OrderEvent]:
        """Return the events that were neither confirmed nor failed when last taken."""
        return [e for events, _ in self._unanswered.values() for e in events]

    def close(self) -> None:
        """End the client; within 2 s, or 4 s where the broker is away."""
        if self.in_flight == 0 and self._close_calmly():
            return
        self.kill()

    def kill(self) -> None:
        """End the client without sending what is queued.

        ``KafkaProducer.close`` raises and leaves its thread running while the
        broker is away, whatever its timeout.
        """
        sender = sender_thread(self._client)
        sender.force_close()
        sender.join(JOIN_SECONDS)
        if sender.is_alive():
            self._log.warning("publisher.thread_left", seconds=JOIN_SECONDS)
        self._close_calmly()

    def _close_calmly(self) -> bool:
        try:
            self._client.close(timeout=CLOSE_SECONDS)
        except KafkaError as error:
            self._log.debug("publisher.close_failed", error=repr(error))
            return False
        return True

    def _answered(self, number: int, count: int, answer: object) -> None:
        """Note the answer for a chunk; runs on the client's network thread, or in
        ``send``.
        """
        self._answers.append((number, answer))
        with self._counting:
            self._answered_count += count
