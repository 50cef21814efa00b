"""What the harness asks and tells Kafka, past every proxy."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Protocol, TypedDict, cast

from kafka import KafkaProducer
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from orders.chaos.arena import Arena
from orders.devstack.deadline import wait_until
from orders.messaging.client_settings import admin_settings, consumer_settings
from orders.messaging.client_types import AdminClient, ConsumerClient, PartitionId
from orders.messaging.codec import RawRecord
from orders.messaging.kafka_clients import open_admin, open_consumer, partition_id

_CLIENT_ID = "orders-chaos"
PARTITIONS = 6
"""The default of ``ORDERS_KAFKA__PARTITIONS``."""
_OFFSETS = "__consumer_offsets"
_OFFSETS_PARTITIONS = 4
"""As the embedded Kafka is told."""
_ASK_SECONDS = 10.0
_ASK_MS = 5_000
_SEND_SECONDS = 30.0
_READ_SECONDS = 30.0
_READ_AT_ONCE = 5_000
_POLL_MS = 500
_CLOSE_MS = 2_000
_SESSION_MS = 10_000
_LARGEST_REQUEST_BYTES = 8_388_608


class TopicRefusedError(Exception):
    """Kafka did not do what a fault needs."""


@dataclass(frozen=True, slots=True)
class Written:
    """A record to be written, as any program with the right to write could."""

    partition: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


class _Partition(TypedDict):
    partition_index: int
    leader_id: int
    replica_nodes: Sequence[int]
    isr_nodes: Sequence[int]


class _Metadata(Protocol):
    @property
    def offset(self) -> int: ...


class _Future(Protocol):
    def get(self, timeout: float) -> _Metadata: ...


class _Producer(Protocol):
    def partitions_for(self, topic: str) -> Iterable[int]: ...

    def send(self, topic: str, **record: object) -> _Future: ...

    def flush(self, timeout: float) -> None: ...

    def close(self) -> None: ...


class _Reader(ConsumerClient, Protocol):
    def assign(self, partitions: Sequence[PartitionId]) -> None: ...


class _Admin(AdminClient, Protocol):
    def create_partitions(self, topic_partitions: Mapping[str, int]) -> object: ...

    def alter_partition_reassignments(
        self, reassignments: Mapping[PartitionId, Sequence[int]]
    ) -> object: ...

    def delete_topics(self, topics: Sequence[str]) -> object: ...

    def list_group_offsets(
        self, group_specs: Mapping[str, None]
    ) -> Mapping[str, Mapping[PartitionId, "_Metadata"]]: ...

    def list_partition_offsets(
        self, topic_partition_specs: Mapping[PartitionId, object]
    ) -> Mapping[PartitionId, "_Metadata"]: ...

    def reset_group_offsets(
        self, group_id: str, offset_specs: Mapping[PartitionId, object]
    ) -> Mapping[PartitionId, Mapping[str, object]]: ...


@contextmanager
def admin_of(arena: Arena) -> Iterator[_Admin]:
    """Give an admin client; it connects at once and raises KafkaError."""
    brokers = arena.stack.bootstrap_servers()
    with closing(open_admin(admin_settings(brokers, _CLIENT_ID, {}))) as admin:
        yield cast("_Admin", admin)


def partition_count(arena: Arena) -> int:
    """Return how many partitions the batch's topic has."""
    return len(_partitions(arena))


def leaders(arena: Arena) -> dict[int, int]:
    """Return which broker leads each partition."""
    return {it["partition_index"]: it["leader_id"] for it in _partitions(arena)}


def is_in_sync(arena: Arena) -> bool:
    """Tell whether every replica of every partition has all of it."""
    return all(
        sorted(it["isr_nodes"]) == sorted(it["replica_nodes"])
        for it in _partitions(arena)
    )


def place(arena: Arena, brokers: Mapping[int, Sequence[int]]) -> None:
    """Move each partition to these brokers, and wait until all are in sync there.

    The group's offsets are kept on the first two from now on.
    """
    wanted = {partition_id(arena.topic, n): ids for n, ids in brokers.items()}
    wanted |= {partition_id(_OFFSETS, n): (1, 2) for n in range(_OFFSETS_PARTITIONS)}
    with admin_of(arena) as admin:
        admin.alter_partition_reassignments(wanted)

    def is_placed() -> bool:
        found = {it["partition_index"]: it for it in _partitions(arena)}
        return all(
            sorted(found[n]["replica_nodes"]) == sorted(ids)
            for n, ids in brokers.items()
        ) and is_in_sync(arena)

    if not wait_until(is_placed, _ASK_SECONDS):
        raise TopicRefusedError("the partitions were not moved")


def in_sync(arena: Arena, partition: int) -> int:
    """Return how many replicas of a partition have all of it."""
    [found] = [it for it in _partitions(arena) if it["partition_index"] == partition]
    return len(found["isr_nodes"])


def fewest_replicas(arena: Arena) -> int:
    """Return on how many brokers each partition is at least."""
    return min(len(it["replica_nodes"]) for it in _partitions(arena))


def _partitions(arena: Arena) -> Sequence[_Partition]:
    with admin_of(arena) as admin:
        [topic] = admin.describe_topics([arena.topic])
    return cast("Sequence[_Partition]", topic["partitions"])


def topic_exists(arena: Arena) -> bool:
    """Tell whether there is the batch's topic."""
    with admin_of(arena) as admin:
        [topic] = admin.describe_topics([arena.topic])
    return not topic["error_code"]


def create_topic(arena: Arena) -> None:
    """Make the topic, as nodes do; it may be there by then."""
    wanted = {"num_partitions": PARTITIONS, "replication_factor": 1}
    with admin_of(arena) as admin:
        admin.create_topics({arena.topic: wanted}, _ASK_MS, raise_errors=False)
    if not wait_until(lambda: topic_exists(arena), _ASK_SECONDS):
        raise TopicRefusedError("the topic was not made")


def delete_topic(arena: Arena) -> None:
    """Delete the topic with all that is in it."""
    with admin_of(arena) as admin:
        admin.delete_topics([arena.topic])
    if not wait_until(lambda: not topic_exists(arena), _ASK_SECONDS):
        raise TopicRefusedError("the topic was not deleted")


def add_partition(arena: Arena) -> int:
    """Add one partition; return its number."""
    number = partition_count(arena)
    with admin_of(arena) as admin:
        admin.create_partitions({arena.topic: number + 1})
        if not wait_until(lambda: partition_count(arena) > number, _ASK_SECONDS):
            raise TopicRefusedError(f"partition {number} was not added")
    return number


def ends(arena: Arena) -> dict[int, int]:
    """Return the offsets behind the last records by partition."""
    everything = [partition_id(arena.topic, n) for n in range(partition_count(arena))]
    with admin_of(arena) as admin:
        found = admin.list_partition_offsets(
            dict.fromkeys(everything, OffsetSpec.LATEST)
        )
    return {tp.partition: place.offset for tp, place in found.items()}


def committed(arena: Arena) -> dict[int, int]:
    """Return the group's committed offsets by partition, where it has any."""
    with admin_of(arena) as admin:
        found = admin.list_group_offsets({arena.group: None})[arena.group]
    return {tp.partition: place.offset for tp, place in found.items()}


def has_read(arena: Arena, places: Mapping[int, int]) -> bool:
    """Tell whether the group's committed offsets have come to ``places``."""
    try:
        done = committed(arena)
    except KafkaError:
        return False
    return all(done.get(number, 0) >= offset for number, offset in places.items())


def rewind(arena: Arena) -> None:
    """Set the group's offsets to the first records; no member may be there.

    Raises:
        TopicRefusedError: the group did not become empty, or another refusal.

    """
    numbers = range(partition_count(arena))
    wanted = {partition_id(arena.topic, n): OffsetSpec.EARLIEST for n in numbers}
    refusal = ""

    def is_rewound() -> bool:
        nonlocal refusal
        with admin_of(arena) as admin:
            outcome = admin.reset_group_offsets(arena.group, wanted)
        errors = [str(entry.get("error")) for entry in outcome.values()]
        refusal = str(outcome)
        return all("NoError" in error for error in errors)

    if not wait_until(is_rewound, _ASK_SECONDS):
        raise TopicRefusedError(f"the group was not rewound: {refusal}")


def all_records(arena: Arena) -> list[RawRecord]:
    """Read everything that is on the topic now, each partition in its order.

    Raises:
        TopicRefusedError: it takes too long.

    """
    wanted = {number: end for number, end in ends(arena).items() if end}
    settings = consumer_settings(
        arena.stack.bootstrap_servers(),
        _CLIENT_ID,
        "",
        {},
        max_poll_records=_READ_AT_ONCE,
        session_timeout_ms=_SESSION_MS,
    )
    reader = cast("_Reader", open_consumer(settings | {"group_id": None}))
    found: list[RawRecord] = []
    deadline = time.monotonic() + _READ_SECONDS
    try:
        reader.assign([partition_id(arena.topic, number) for number in wanted])
        while wanted:
            for tp, records in reader.poll(_POLL_MS, _READ_AT_ONCE).items():
                found += records
                if records[-1].offset + 1 >= wanted.get(tp.partition, 0):
                    wanted.pop(tp.partition, None)
            if time.monotonic() > deadline:
                raise TopicRefusedError(f"not read in {_READ_SECONDS} s: {wanted}")
    finally:
        reader.close(autocommit=False, timeout_ms=_CLOSE_MS)
    return found


def write(arena: Arena, records: Sequence[Written]) -> dict[int, int]:
    """Write records; return the offsets behind the last of each partition."""
    return {number: offset + 1 for number, offset in sorted(places_of(arena, records))}


def places_of(arena: Arena, records: Sequence[Written]) -> list[tuple[int, int]]:
    """Write records and return partition and offset of each, in their order."""
    producer = cast(
        "_Producer",
        KafkaProducer(
            bootstrap_servers=arena.stack.bootstrap_servers(),
            client_id=_CLIENT_ID,
            max_request_size=_LARGEST_REQUEST_BYTES,
            linger_ms=20,
        ),
    )
    with closing(producer):
        producer.partitions_for(arena.topic)
        sent = [
            producer.send(
                arena.topic,
                key=record.key,
                value=record.value,
                headers=list(record.headers),
                partition=record.partition,
            )
            for record in records
        ]
        producer.flush(_SEND_SECONDS)
        offsets = [future.get(_SEND_SECONDS).offset for future in sent]
    return [(r.partition, offset) for r, offset in zip(records, offsets, strict=True)]
