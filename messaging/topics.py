"""Makes sure that the topic is there and fit for the service."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, cast

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    AuthorizationError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)

from orders.messaging.broker_faults import away
from orders.messaging.client_settings import (
    BATCH_BYTES,
    REQUEST_TIMEOUT_MS,
    admin_settings,
)
from orders.messaging.client_types import AdminClient
from orders.messaging.kafka_clients import open_admin

_MS = 1_000
_GRANT_CONFIGS = "DESCRIBE_CONFIGS on the topic lets this node compare them"
_BATCH_KEY = "max.message.bytes"
_KEPT_KEY = "retention.bytes"
_FEW_BYTES = 64 * 1024 * 1024
"""Some minutes of events at full load, which an outage of consumers outlasts."""


class TopicError(Exception):
    """The topic is not there, and the broker refuses to make it as asked."""


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
            # As they come: ours are not compressed, and every node can read them.
            "compression.type": "producer",
            # The broker's clock: it refuses stamps of one that is an hour ahead.
            "message.timestamp.type": "LogAppendTime",
            "min.insync.replicas": str(self.min_insync_replicas),
            "retention.ms": str(kept if kept < 0 else kept * _MS),
        }


class TopicReport(NamedTuple):
    """The topic as it is."""

    name: str
    created: bool
    partitions: int
    problems: tuple[str, ...]
    """Sentences about what differs from the plan and what to do; empty where all is
    well."""
    unchecked: tuple[str, ...] = ()
    """Sentences about what this user may not look at."""


def ensure_topic(
    plan: TopicPlan,
    *,
    bootstrap_servers: str,
    client_id: str,
    security: Mapping[str, object] | None = None,
) -> TopicReport:
    """Compare the topic with ``plan``, and create it if it is missing.

    An existing topic is never changed, and never refused: what differs is reported.
    More partitions than planned are fine. Looking needs the right to DESCRIBE the
    topic, its settings DESCRIBE_CONFIGS, creating it CREATE. Takes at most about 20 s,
    2 s where the broker is away.

    Raises:
        BrokerUnavailableError: Kafka is away; call again later, not at once.
        TopicError: there is no topic, and the plan cannot be met: more replicas than
            brokers, for example, or no right to create it.

    """
    admin: AdminClient | None = None
    try:
        admin = open_admin(admin_settings(bootstrap_servers, client_id, security or {}))
        return _see_to_it(admin, plan)
    except KafkaError as error:
        raise away(error) from error
    finally:
        if admin is not None:
            admin.close()


def _see_to_it(admin: AdminClient, plan: TopicPlan) -> TopicReport:
    created = False
    try:
        partitions = _partitions(admin, plan.name)
    except UnknownTopicOrPartitionError:
        created = _create(admin, plan)
        # Only a new topic is waited for: of another some partitions may be away.
        admin.wait_for_topics([plan.name], timeout_ms=REQUEST_TIMEOUT_MS)
        partitions = _partitions(admin, plan.name)
    replicas = min((len(it["replica_nodes"]) for it in partitions), default=0)
    settings = _read_settings(admin, plan.name)
    problems = [
        *_partition_problems(plan, len(partitions)),
        *_replica_problems(plan, replicas),
    ]
    unchecked = [f"its settings could not be read: {_GRANT_CONFIGS}"]
    if settings:
        problems += _setting_problems(plan, replicas, settings)
        unchecked = []
    return TopicReport(
        plan.name, created, len(partitions), tuple(problems), tuple(unchecked)
    )


def _partitions(
    admin: AdminClient, topic: str
) -> Sequence[Mapping[str, Sequence[int]]]:
    [found] = admin.describe_topics([topic])
    code = cast("int", found["error_code"])
    if code == TopicAuthorizationFailedError.errno:
        raise TopicError(
            f"this user may not see the topic {topic}: grant DESCRIBE, READ and WRITE"
            " on it"
        )
    if code:
        raise for_code(code)(f"topic {topic}")
    return found["partitions"]


def _create(admin: AdminClient, plan: TopicPlan) -> bool:
    """Create the topic; False where another node was faster."""
    if plan.min_insync_replicas > plan.replication_factor:
        raise TopicError(
            f"min.insync.replicas {plan.min_insync_replicas} is more than the"
            f" replication factor {plan.replication_factor}: nothing could be written"
        )
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
        raise refusal(message)
    advice = ""
    if issubclass(refusal, AuthorizationError):
        advice = "; create it with Kafka's own tools, or grant CREATE on it"
    raise TopicError(
        f"Kafka refused to create the topic {plan.name}: {message}{advice}"
    )


def _read_settings(admin: AdminClient, topic: str) -> dict[str, object]:
    """Return the topic's settings; none where this user may not read them."""
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    settings = admin.describe_configs([resource], config_filter="all")["topic"][topic]
    return {key: setting["value"] for key, setting in settings.items()}


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


def _setting_problems(
    plan: TopicPlan, replicas: int, actual: Mapping[str, object]
) -> Iterator[str]:
    for key, wanted in plan.settings().items():
        found = actual.get(key)
        if found != wanted:
            yield f"{key} is {found}, not {wanted}: {_alter(plan.name, key, wanted)}"
    if _number(actual, _BATCH_KEY) < BATCH_BYTES:
        yield (
            f"{_BATCH_KEY} is {actual[_BATCH_KEY]}, less than a full batch, which will"
            f" be refused: {_alter(plan.name, _BATCH_KEY, BATCH_BYTES)}"
        )
    if 0 <= _number(actual, _KEPT_KEY) < _FEW_BYTES:
        yield (
            f"{_KEPT_KEY} is {actual[_KEPT_KEY]}: records may go unread, and"
            f" their orders wait for the sweeper; {_alter(plan.name, _KEPT_KEY, -1)}"
        )
    if _number(actual, "min.insync.replicas") > replicas:
        yield (
            f"min.insync.replicas is more than its {replicas} replicas: nothing can be"
            " written"
        )


def _number(settings: Mapping[str, object], key: str) -> int:
    return int(cast("str", settings[key]))


def _alter(topic: str, key: str, value: object) -> str:
    """Say how to change a setting; a node never changes a topic that is there."""
    return (
        f"kafka-configs.sh --alter --entity-type topics --entity-name {topic}"
        f" --add-config {key}={value}"
    )
