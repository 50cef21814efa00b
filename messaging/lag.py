"""How far reading is behind, from what a client knows or by asking the broker."""

from time import monotonic

from kafka.errors import KafkaError, UnknownTopicOrPartitionError

from orders.messaging.client_types import ConsumerClient, PartitionId
from orders.messaging.kafka_clients import known_partitions, partition_id

_ASK_SECONDS = 2.0
_QUICKLY_MS = 1_000


def records_to_fetch(consumer: ConsumerClient) -> dict[int, int]:
    """Return records not yet fetched by partition, where a fetch saw the end."""
    lags: dict[int, int] = {}
    for tp in consumer.assignment():
        try:
            end = consumer.highwater(tp)
            position = None if end is None else _position(consumer, tp)
        except KafkaError:
            continue  # its position is not known yet
        if end is not None and position is not None:
            lags[tp.partition] = max(0, end - position)
    return lags


def has_unread_records(consumer: ConsumerClient) -> bool:
    """Ask the broker whether an assigned partition goes on behind our position.

    Raises:
        KafkaError: it did not answer within a second.

    """
    mine = list(consumer.assignment())
    ends = consumer.end_offsets(mine, timeout_ms=_QUICKLY_MS)
    positions = {tp: _position(consumer, tp) for tp in mine}
    return any(
        position is not None and ends[tp] > position
        for tp, position in positions.items()
    )


def group_lag(consumer: ConsumerClient, topic: str) -> int:
    """Ask the broker how far the whole group's committed offsets are behind.

    A partition without a committed offset counts from its first record.

    Raises:
        UnknownTopicOrPartitionError: the topic is gone.
        KafkaError: it did not answer within about 2 s.

    """
    deadline = monotonic() + _ASK_SECONDS

    def left_ms() -> int:
        return max(1, int((deadline - monotonic()) * 1_000))

    every = [
        partition_id(topic, number) for number in known_partitions(consumer, topic)
    ]
    if not every:
        raise UnknownTopicOrPartitionError(topic)
    ends = consumer.end_offsets(every, timeout_ms=left_ms())
    done = {tp: consumer.committed(tp, timeout_ms=left_ms()) for tp in every}
    new = [tp for tp, offset in done.items() if offset is None]
    starts = consumer.beginning_offsets(new, timeout_ms=left_ms()) if new else {}
    return sum(
        max(0, ends[tp] - (starts[tp] if offset is None else offset))
        for tp, offset in done.items()
    )


def _position(consumer: ConsumerClient, partition: PartitionId) -> int | None:
    return consumer.position(partition, timeout_ms=0)
