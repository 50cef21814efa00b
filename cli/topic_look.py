"""Looks at the Kafka topic on an operator's behalf."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypedDict, cast

from orders.cli.adapters import security_of, topic_plan_of
from orders.config.kafka import KafkaSettings
from orders.messaging.broker_faults import away
from orders.messaging.client_logs import quieten_client_logs
from orders.messaging.client_settings import admin_settings
from orders.messaging.kafka_clients import open_admin
from orders.messaging.topics import TopicReport, ensure_topic

_CLIENT_ID = "orders-cli"
_UNKNOWN_TOPIC = 3
"""https://kafka.apache.org/protocol#protocol_error_codes"""
_LIBRARY_ERRORS = "kafka.errors"


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition; brokers by their ids."""

    partition: int
    leader: int
    replicas: list[int]
    in_sync: list[int]


@dataclass(frozen=True, slots=True)
class Topic:
    """The topic as it is; ``problems`` says where it differs from the settings."""

    name: str
    created: bool
    partitions: list[Partition]
    problems: tuple[str, ...]
    unchecked: tuple[str, ...] = ()
    """What this user may not look at."""


class TopicDesk:
    """Answers about the settings' topic at the brokers ``bootstrap_servers``.

    Every method raises ``BrokerUnavailableError`` when Kafka does not answer within
    a few seconds.
    """

    def __init__(self, kafka: KafkaSettings, bootstrap_servers: str) -> None:
        quieten_client_logs()
        self._kafka = kafka
        self._bootstrap_servers = bootstrap_servers
        self._security = security_of(kafka)

    def look(self) -> Topic | None:
        """Return the topic compared with the settings, None where there is none."""
        partitions = self._partitions()
        if partitions is None:
            return None
        # It is there, so this only compares: an existing topic is never changed.
        report = self._ensure()
        return _topic(report, partitions)

    def ensure(self) -> Topic:
        """Create the topic where it is missing, and return it.

        Raises:
            TopicError: the brokers refuse to make it as the settings ask.

        """
        report = self._ensure()
        partitions = self._partitions() or []
        return _topic(report, partitions)

    def _ensure(self) -> TopicReport:
        return ensure_topic(
            topic_plan_of(self._kafka),
            bootstrap_servers=self._bootstrap_servers,
            client_id=_CLIENT_ID,
            security=self._security,
        )

    def _partitions(self) -> list[Partition] | None:
        """Return the partitions as the brokers have them, None without the topic."""
        settings = admin_settings(self._bootstrap_servers, _CLIENT_ID, self._security)
        try:
            admin = open_admin(settings)
            try:
                topics = cast("_Describes", admin).describe_topics([self._kafka.topic])
            finally:
                admin.close()
        except Exception as error:
            # The library's base class is out of reach in this room; its module is not.
            if type(error).__module__ != _LIBRARY_ERRORS:
                raise
            raise away(error) from error
        [topic] = topics
        if topic["error_code"] == _UNKNOWN_TOPIC:
            return None
        return sorted(map(_partition, topic["partitions"]), key=lambda p: p.partition)


class _DescribedPartition(TypedDict):
    partition_index: int
    leader_id: int
    replica_nodes: list[int]
    isr_nodes: list[int]


class _DescribedTopic(TypedDict):
    error_code: int
    partitions: list[_DescribedPartition]


class _Describes(Protocol):
    def describe_topics(self, topics: Sequence[str]) -> Sequence[_DescribedTopic]: ...


def _topic(report: TopicReport, partitions: list[Partition]) -> Topic:
    return Topic(
        report.name, report.created, partitions, report.problems, report.unchecked
    )


def _partition(described: _DescribedPartition) -> Partition:
    return Partition(
        described["partition_index"],
        described["leader_id"],
        described["replica_nodes"],
        described["isr_nodes"],
    )
