"""kafka-python as this room sees it: typed, and opened without leaking threads.

The private attributes that are touched are named here and in ``unreadable.py``,
``record_chunks.py``, ``refused_batches.py``, ``lazy_headers.py``, ``kept_joins.py``,
``parked_records.py``, ``name_lookups.py`` and ``connection_troubles.py`` only, and
tests pin them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol, cast

from kafka import (
    ConsumerRebalanceListener,
    KafkaAdminClient,
    KafkaConsumer,
    KafkaProducer,
    OffsetAndMetadata,
    TopicPartition,
)
from kafka.structs import MemberState

from orders.messaging.client_settings import FOLLOWERS_TIMEOUT_MS
from orders.messaging.client_types import (
    AdminClient,
    ConsumerClient,
    PartitionId,
    ProducerClient,
    RebalanceListener,
    SenderThread,
)
from orders.messaging.connection_troubles import install as install_troubles
from orders.messaging.connection_troubles import troubles_of
from orders.messaging.kept_joins import install as install_kept_joins
from orders.messaging.lazy_headers import install as install_lazy_headers
from orders.messaging.name_lookups import install as install_lookups
from orders.messaging.record_chunks import install as install_chunks
from orders.messaging.refused_batches import install as install_refused_batches

STABLE = cast("str", MemberState.STABLE)
"""The state of a member that joined and sends heartbeats."""


def partition_id(topic: str, partition: int) -> PartitionId:
    """Name a partition."""
    return cast("PartitionId", TopicPartition(topic, partition))


def offsets_of(topic: str, offsets: Mapping[int, int]) -> dict[PartitionId, object]:
    """Put offsets into the form that ``commit`` asks for."""
    return {
        partition_id(topic, partition): OffsetAndMetadata(offset, "", -1)
        for partition, offset in offsets.items()
    }


def open_producer(settings: Mapping[str, object]) -> ProducerClient:
    """Make a producer; with ``api_version`` given it connects later.

    A broker holds back everything else on a connection until a request is answered. The
    client gives it as long for the followers of one partition as it waits itself for
    the answer; here it is told to give up much sooner, which is repeated by the client
    for that partition alone.
    """
    install_lookups()
    install_troubles()
    install_chunks()
    install_refused_batches()
    producer = cast("ProducerClient", KafkaProducer(**settings))
    sender_thread(producer).config["request_timeout_ms"] = FOLLOWERS_TIMEOUT_MS
    return producer


def is_beyond_repair(producer: ProducerClient) -> bool:
    """Tell whether it had an error after which it never sends again."""
    manager = cast("_HasManager", producer)._transaction_manager  # noqa: SLF001 - no public way
    return manager.has_fatal_error()


def sender_thread(producer: ProducerClient) -> SenderThread:
    """Return the network thread: ``close`` cannot end it while the broker is away."""
    return cast("_HasSender", producer)._sender  # noqa: SLF001 - no public way


def open_consumer(settings: Mapping[str, object]) -> ConsumerClient:
    """Make a consumer; with ``api_version`` given it connects later."""
    install_lazy_headers()
    install_kept_joins()
    return cast("ConsumerClient", _open(KafkaConsumer, settings))


def open_admin(settings: Mapping[str, object]) -> AdminClient:
    """Make an admin client; it connects at once and raises KafkaError where it
    cannot.
    """
    return cast("AdminClient", _open(KafkaAdminClient, settings))


def known_partitions(consumer: ConsumerClient, topic: str) -> Collection[int]:
    """Return the topic's partitions as the latest metadata has them, without asking:
    none where the broker knows no such topic.
    """
    cluster = cast("_HasCluster", consumer)._cluster  # noqa: SLF001 - what is public waits without limit
    return cluster.partitions_for_topic(topic) or ()


def led_partitions(
    consumer: ConsumerClient, topic: str
) -> Collection[Sequence[PartitionId]]:
    """Return the partitions that have a leader, as the latest metadata has it; those
    of one leader together.
    """
    cluster = cast("_HasCluster", consumer)._cluster  # noqa: SLF001 - no public way
    by_leader: dict[int, list[PartitionId]] = {}
    for number in cluster.partitions_for_topic(topic) or ():
        partition = partition_id(topic, number)
        leader = cluster.leader_for_partition(partition)
        if leader is not None and leader >= 0:
            by_leader.setdefault(leader, []).append(partition)
    return by_leader.values()


def committed_offsets(
    consumer: ConsumerClient, partitions: Sequence[PartitionId], timeout_ms: int
) -> dict[PartitionId, int]:
    """Ask once for the group's offsets of all these; what has none is left out.

    Raises KafkaError where the group's coordinator does not answer.
    """
    coordinator = cast("_HasCoordinator", consumer)._coordinator  # noqa: SLF001 - what is public asks for each by itself
    found = coordinator.fetch_committed_offsets(partitions, timeout_ms=timeout_ms)
    return {partition: committed.offset for partition, committed in found.items()}


def end_network(client: object) -> None:
    """End the IO thread of a consumer or admin client that cannot do it itself."""
    network = cast("_NetworkClient | None", getattr(client, "_client", None))
    if network is not None:
        network.close()


def rebalance_listener(listener: RebalanceListener) -> object:
    """Return ``listener`` as the client accepts it: it checks the base class."""
    ConsumerRebalanceListener.register(type(listener))
    return listener


class _HasSender(Protocol):
    _sender: SenderThread


class _HasManager(Protocol):
    _transaction_manager: "_TransactionManager"


class _TransactionManager(Protocol):
    def has_fatal_error(self) -> bool: ...


class _HasCluster(Protocol):
    _cluster: "_Cluster"


class _Cluster(Protocol):
    def partitions_for_topic(self, topic: str) -> Collection[int] | None: ...

    def leader_for_partition(self, partition: PartitionId) -> int | None: ...


class _HasCoordinator(Protocol):
    _coordinator: "_Coordinator"


class _Coordinator(Protocol):
    def fetch_committed_offsets(
        self, partitions: Sequence[PartitionId], timeout_ms: int
    ) -> Mapping[PartitionId, "_Committed"]: ...


class _Committed(Protocol):
    @property
    def offset(self) -> int: ...


class _NetworkClient(Protocol):
    def close(self) -> None: ...


def _open(kind: type, settings: Mapping[str, object]) -> object:
    """Construct in two steps: a constructor that raises leaves its IO thread
    running, and only the half-made object leads to it.
    """
    install_lookups()
    install_troubles()
    client: object = object.__new__(kind)
    construct = cast("Callable[..., None]", vars(kind)["__init__"])
    try:
        construct(client, **settings)
    except Exception as error:
        end_network(client)
        # What it raises says little; why its connections failed may say more.
        raise error from next(iter(troubles_of(client)), None)
    return client
