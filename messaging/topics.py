"""Makes sure that the topic is there and fit for the service."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, cast

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from orders.domain.errors import BrokerUnavailableError
from orders.messaging.client_logs import Log
from orders.messaging.client_settings import (
    BATCH_BYTES,
    REQUEST_TIMEOUT_MS,
    admin_settings,
)
from orders.messaging.client_types import AdminClient
from orders.messaging.kafka_clients import open_admin

_MS = 1_000


class TopicError(Exception):
    """The broker refuses to make the topic as asked, or it cannot be written to."""


class TopicPlan(NamedTuple):
    """What the topic should be like."""

    name: str
    partitions: int
    replication_factor: int = 1
    min_insync_replicas: int = 1
    retention_seconds: int = 7 * 24 * 3600
    """How long records are kept; -1 for ever."""

    def settings(self) -> dict[str, str]:
        """Return the topic's settings as Kafka names and spells them."""
        kept = self.retention_seconds
        return {
            "cleanup.policy": "delete",
            "min.insync.replicas": str(self.min_insync_replicas),
            "retention.ms": str(kept if kept < 0 else kept * _MS),
        }


class TopicReport(NamedTuple):
    """The topic as it is."""

    name: str
    created: bool
    partitions: int
    problems: tuple[str, ...]
    """Sentences about what differs from the plan; empty where all is well."""


def ensure_topic(
    plan: TopicPlan,
    *,
    bootstrap_servers: str,
    client_id: str,
    security: Mapping[str, object] | None = None,
    log: Log,
) -> TopicReport:
    """Create the topic if it is missing, and compare it with ``plan`` if it is not.

    An existing topic is never changed: what differs is reported and logged. More
    partitions than planned are fine. Takes at most about 20 s, 2 s where the broker
    is away.

    Raises:
        BrokerUnavailableError: Kafka is away; call again later, not at once.
        TopicError: the plan cannot be met, for example more replicas than brokers,
            or the topic takes smaller batches than the producer makes.

    """
    if plan.min_insync_replicas > plan.replication_factor:
        raise TopicError(
            f"min.insync.replicas {plan.min_insync_replicas} is more than the"
            f" replication factor {plan.replication_factor}: nothing could be written"
        )
    try:
        admin = open_admin(admin_settings(bootstrap_servers, client_id, security or {}))
        try:
            report = _create_and_compare(admin, plan)
        finally:
            admin.close()
    except KafkaError as error:
        raise BrokerUnavailableError(f"Kafka is away: {error}") from error
    for problem in report.problems:
        log.warning("topic.differs_from_plan", topic=plan.name, problem=problem)
    if report.created:
        log.info("topic.created", topic=plan.name, partitions=report.partitions)
    return report


def _create_and_compare(admin: AdminClient, plan: TopicPlan) -> TopicReport:
    created = _create(admin, plan)
    admin.wait_for_topics([plan.name], timeout_ms=REQUEST_TIMEOUT_MS)
    (topic,) = admin.describe_topics([plan.name])
    partitions = topic["partitions"]
    replicas = min(len(partition["replica_nodes"]) for partition in partitions)
    settings = _read_settings(admin, plan.name)
    _check_batches_fit(plan.name, settings)
    problems = (
        *_partition_problems(plan, len(partitions)),
        *_replica_problems(plan, replicas),
        *_setting_problems(plan, settings),
    )
    return TopicReport(plan.name, created, len(partitions), problems)


def _create(admin: AdminClient, plan: TopicPlan) -> bool:
    """Create the topic; False where it was there."""
    wanted = {
        "num_partitions": plan.partitions,
        "replication_factor": plan.replication_factor,
        "configs": plan.settings(),
    }
    response = admin.create_topics(
        {plan.name: wanted}, timeout_ms=REQUEST_TIMEOUT_MS, raise_errors=False
    )
    (outcome,) = response["topics"]
    code = cast("int", outcome["error_code"])
    if code == 0:
        return True
    if code == TopicAlreadyExistsError.errno:
        return False
    refusal = for_code(code)
    message = f"{refusal.__name__}: {outcome.get('error_message')}"
    if refusal.retriable:
        raise BrokerUnavailableError(message)
    raise TopicError(f"Kafka refused to create the topic {plan.name}: {message}")


def _read_settings(admin: AdminClient, topic: str) -> dict[str, object]:
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    settings = admin.describe_configs([resource], config_filter="all")["topic"][topic]
    return {key: setting["value"] for key, setting in settings.items()}


def _check_batches_fit(topic: str, settings: Mapping[str, object]) -> None:
    """Refuse a topic that would answer a full batch with "too large", every time."""
    most = int(cast("str", settings["max.message.bytes"]))
    if most < BATCH_BYTES:
        raise TopicError(
            f"the topic {topic} has a max.message.bytes of {most}; batches have up to"
            f" {BATCH_BYTES} bytes"
        )


def _partition_problems(plan: TopicPlan, partitions: int) -> Iterator[str]:
    if partitions < plan.partitions:
        yield (
            f"it has {partitions} partitions, fewer than the {plan.partitions} asked"
            " for: no more consumers than that can work at once; add partitions with"
            " Kafka's own tools"
        )


def _replica_problems(plan: TopicPlan, replicas: int) -> Iterator[str]:
    if replicas < plan.replication_factor:
        yield (
            f"it has {replicas} replicas, fewer than the {plan.replication_factor}"
            " asked for"
        )


def _setting_problems(plan: TopicPlan, actual: Mapping[str, object]) -> Iterator[str]:
    for key, wanted in plan.settings().items():
        found = actual.get(key)
        if found != wanted:
            yield f"{key} is {found}, not {wanted}"
