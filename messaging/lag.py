"""How far reading is behind, from what a client knows or by asking the broker."""

from collections.abc import Callable, Mapping, Sequence
from time import monotonic

from kafka.errors import (
    KafkaError,
    LeaderNotAvailableError,
    UnknownTopicOrPartitionError,
)

from orders.domain.records import PartitionLag
from orders.messaging.client_types import ConsumerClient, PartitionId
from orders.messaging.kafka_clients import (
    committed_offsets,
    known_partitions,
    led_partitions,
    partition_id,
)

_ASK_SECONDS = 2.0
_QUICKLY_MS = 1_000
_COORDINATOR_MS = 1_500
_LEADER_MS = 500


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


def has_unread_records(consumer: ConsumerClient, topic: str) -> bool:
    """Ask the brokers whether a partition that we read goes on behind our position.

    Partitions that no broker leads are not asked about.

    Raises:
        KafkaError: nobody answered within a second.

    """
    led = {tp for part in led_partitions(consumer, topic) for tp in part}
    mine = list(led & consumer.assignment() - consumer.paused())
    ends = _offsets(consumer.end_offsets, mine, _QUICKLY_MS) if mine else {}
    positions = {tp: _position(consumer, tp) for tp in mine}
    return any(
        position is not None and ends[tp] > position
        for tp, position in positions.items()
    )


def group_lag(consumer: ConsumerClient, topic: str) -> dict[int, PartitionLag | None]:
    """Ask the brokers how far the group is with each partition.

    All committed offsets are one request; the ends are asked of each leader by itself,
    so that one which does not answer costs the others nothing: its partitions are None,
    as are those without a leader. A partition without a committed offset counts from
    its first record.

    Raises:
        UnknownTopicOrPartitionError: the topic is gone.
        KafkaError: the group's coordinator did not answer; all takes about 2 s at most.

    """
    deadline = monotonic() + _ASK_SECONDS

    def left_ms(most: int) -> int:
        return max(1, min(most, int((deadline - monotonic()) * 1_000)))

    every = [
        partition_id(topic, number) for number in known_partitions(consumer, topic)
    ]
    if not every:
        raise UnknownTopicOrPartitionError(topic)
    done = committed_offsets(consumer, every, left_ms(_COORDINATOR_MS))
    found: dict[int, PartitionLag | None] = {tp.partition: None for tp in every}
    for led in led_partitions(consumer, topic):
        new = [tp for tp in led if tp not in done]
        try:
            ends = _offsets(consumer.end_offsets, led, left_ms(_LEADER_MS))
            starts = (
                _offsets(consumer.beginning_offsets, new, left_ms(_LEADER_MS))
                if new
                else {}
            )
        except KafkaError:
            continue  # this leader is away; the others are not
        for tp in led:
            committed = done[tp] if tp in done else starts[tp]
            behind = max(0, ends[tp] - committed)
            found[tp.partition] = PartitionLag(committed, behind)
    return found


def _offsets(
    ask: Callable[[Sequence[PartitionId], int], Mapping[PartitionId, int]],
    partitions: Sequence[PartitionId],
    timeout_ms: int,
) -> Mapping[PartitionId, int]:
    """Ask about every partition or raise: kafka-python has a KeyError for one that
    lost its leader between its request and its answer.
    """
    try:
        return ask(partitions, timeout_ms)
    except KeyError as error:
        raise LeaderNotAvailableError(str(error)) from error


def _position(consumer: ConsumerClient, partition: PartitionId) -> int | None:
    return consumer.position(partition, timeout_ms=0)
