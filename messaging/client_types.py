"""The few calls of kafka-python that are used, as protocols: it ships no types."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from orders.messaging.codec import Headers, RawRecord


class PartitionId(Protocol):
    """A ``kafka.TopicPartition``; hashable."""

    @property
    def partition(self) -> int:
        """Number of the partition."""


class SendFuture(Protocol):
    """What ``send`` returns; callbacks run on the client's network thread, or on
    the caller's where it is already done.
    """

    def add_callback(self, callback: Callable[[object], None]) -> object:
        """Call with the record's metadata once it is confirmed."""

    def add_errback(self, errback: Callable[[object], None]) -> object:
        """Call with the exception once it failed."""


class SenderThread(Protocol):
    """The producer's network thread."""

    config: dict[str, object]

    def force_close(self) -> None:
        """End without sending what is pending; does not wait."""

    def join(self, timeout: float) -> None:
        """Wait for its end, seconds."""

    def is_alive(self) -> bool:
        """Tell whether it still runs."""


class ProducerClient(Protocol):
    """The part of ``KafkaProducer`` that is used."""

    def partitions_for(self, topic: str) -> Collection[int]:
        """Return partition numbers, waiting ``max_block_ms`` for metadata."""

    def send(
        self,
        topic: str,
        value: bytes,
        key: bytes,
        headers: Headers,
        partition: int,
        timestamp_ms: int,
    ) -> SendFuture:
        """Queue a record, or a chunk of them in place of headers."""

    def close(self, timeout: float) -> None:
        """Flush and end; raises where flushing takes longer."""


class GroupState(Protocol):
    """The part of a group membership that is used."""

    @property
    def state(self) -> str:
        """One of ``MemberState``."""


CommitCallback = Callable[[Mapping[PartitionId, object], object], None]


class ConsumerClient(Protocol):
    """The part of ``KafkaConsumer`` that is used."""

    def subscribe(self, topics: Sequence[str], *, listener: object) -> None:
        """Ask for membership; the join happens in ``poll``."""

    def poll(
        self, timeout_ms: int, max_records: int
    ) -> Mapping[PartitionId, Sequence[RawRecord]]:
        """Return records, or nothing when time ran out."""

    def pause(self, *partitions: PartitionId) -> None:
        """Return no records of these."""

    def resume(self, *partitions: PartitionId) -> None:
        """Undo ``pause``."""

    def paused(self) -> set[PartitionId]:
        """Return what is paused."""

    def assignment(self) -> set[PartitionId]:
        """Return what is assigned."""

    def seek(self, partition: PartitionId, offset: int) -> None:
        """Read on from ``offset``."""

    def position(self, partition: PartitionId, timeout_ms: int) -> int | None:
        """Return the next offset to fetch."""

    def highwater(self, partition: PartitionId) -> int | None:
        """Return the end of the partition as the last fetch saw it."""

    def beginning_offsets(
        self, partitions: Sequence[PartitionId], timeout_ms: int
    ) -> Mapping[PartitionId, int]:
        """Ask for the first offsets."""

    def end_offsets(
        self, partitions: Sequence[PartitionId], timeout_ms: int
    ) -> Mapping[PartitionId, int]:
        """Ask for the offsets behind the last records."""

    def commit(self, offsets: Mapping[PartitionId, object], timeout_ms: int) -> None:
        """Commit and wait."""

    def commit_async(
        self, offsets: Mapping[PartitionId, object], callback: CommitCallback
    ) -> object:
        """Commit; the callback runs in a later call on this client."""

    def group_metadata(self) -> GroupState:
        """Return the membership."""

    def close(self, *, autocommit: bool, timeout_ms: int) -> None:
        """Leave the group and end the client's thread."""


class AdminClient(Protocol):
    """The part of ``KafkaAdminClient`` that is used."""

    def create_topics(
        self,
        new_topics: Mapping[str, Mapping[str, object]],
        timeout_ms: int,
        *,
        raise_errors: bool,
    ) -> Mapping[str, Sequence[Mapping[str, object]]]:
        """Create topics and report a code for each."""

    def wait_for_topics(self, topic_names: Sequence[str], timeout_ms: int) -> None:
        """Wait until each topic has a leader for every partition."""

    def describe_topics(
        self, topics: Sequence[str]
    ) -> Sequence[Mapping[str, Sequence[Mapping[str, Sequence[int]]]]]:
        """Return each topic with its partitions."""

    def describe_configs(
        self, config_resources: Sequence[object], *, config_filter: str
    ) -> Mapping[str, Mapping[str, Mapping[str, Mapping[str, object]]]]:
        """Return settings by kind of resource, name and key."""

    def close(self) -> None:
        """End the client's thread."""


class RebalanceListener(Protocol):
    """Called on the client's IO thread while its owner waits in ``poll`` or
    ``close``: must not wait, must not raise.
    """

    def on_partitions_assigned(self, assigned: Collection[PartitionId]) -> None:
        """These are new."""

    def on_partitions_revoked(self, revoked: Collection[PartitionId]) -> None:
        """These go to somebody else; offsets may still be committed."""

    def on_partitions_lost(self, lost: Collection[PartitionId]) -> None:
        """These went to somebody else already."""
