"""One Kafka producer with the events it has not answered for."""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from functools import partial
from threading import Lock
from time import monotonic
from typing import NamedTuple

from kafka.errors import KafkaError

from orders.domain.events import OrderEvent
from orders.messaging.client_logs import Log
from orders.messaging.client_types import ProducerClient
from orders.messaging.kafka_clients import is_beyond_repair, sender_thread
from orders.messaging.record_chunks import Chunk

JOIN_SECONDS = 2.0
CLOSE_SECONDS = 2.0

_Sent = tuple[Sequence[OrderEvent], float]


class Answer(NamedTuple):
    """What became of the events of one chunk."""

    partition: int
    events: Sequence[OrderEvent]
    error: BaseException | None
    """None where they are confirmed."""


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
        self._last_number = 0
        self._sent = 0
        self._answered_count = 0
        self._counting = Lock()
        self._heard_at = monotonic()
        self._unanswered: dict[int, dict[int, _Sent]] = {}
        """By partition, where there are any, the oldest first."""
        self._under_way: defaultdict[int, int] = defaultdict(int)
        self._answers: deque[tuple[int, int, object]] = deque()

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
            self._topic, b"", b"", chunk, partition, timestamp_ms=chunk.newest_ms
        )
        self._last_number = number = self._last_number + 1
        now = monotonic()
        if not self._unanswered:
            self._heard_at = now  # so long it had nothing to answer
        self._unanswered.setdefault(partition, {})[number] = (events, now)
        self._under_way[partition] += len(events)
        self._sent += len(events)
        answered = partial(self._answered, partition, number, len(events))
        future.add_callback(answered)
        future.add_errback(answered)

    def take_answers(self) -> list[Answer]:
        """Return what was confirmed and what failed since the last call."""
        answers: list[Answer] = []
        for _ in range(len(self._answers)):
            partition, number, answer = self._answers.popleft()
            waiting = self._unanswered[partition]
            events, _ = waiting.pop(number)
            if not waiting:
                del self._unanswered[partition]
            self._under_way[partition] -= len(events)
            error = answer if isinstance(answer, BaseException) else None
            answers.append(Answer(partition, events, error))
        if answers:
            self._heard_at = monotonic()
        return answers

    def under_way(self, partition: int) -> int:
        """Return how many events of a partition had no answer when last taken."""
        return self._under_way[partition]

    def ages_seconds(self) -> Iterator[tuple[int, float]]:
        """Give each partition with events under way, and the age of its oldest."""
        now = monotonic()
        for partition, waiting in self._unanswered.items():
            _, sent_at = next(iter(waiting.values()))
            yield partition, now - sent_at

    def silent_seconds(self) -> float:
        """Return for how long there was nothing but events without an answer."""
        return monotonic() - self._heard_at if self._unanswered else 0.0

    def is_beyond_repair(self) -> bool:
        """Tell whether the client failed for good: it sends nothing any more."""
        return is_beyond_repair(self._client)

    def unanswered(self) -> list[OrderEvent]:
        """Return the events that were neither confirmed nor failed when last taken."""
        return [
            event
            for waiting in self._unanswered.values()
            for events, _ in waiting.values()
            for event in events
        ]

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

    def _answered(
        self, partition: int, number: int, count: int, answer: object
    ) -> None:
        """Note the answer for a chunk; runs on the client's network thread, or in
        ``send``.
        """
        self._answers.append((partition, number, answer))
        with self._counting:
            self._answered_count += count
