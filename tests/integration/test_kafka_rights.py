"""A node needs few rights, and says which one it lacks."""

import gc
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pytest
import structlog
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from orders.devstack.deadline import wait_until
from orders.devstack.kafka import EmbeddedKafka
from orders.devstack.ports import LOOPBACK, choose_free
from orders.domain.errors import BrokerFault, BrokerUnavailableError
from orders.domain.events import OrderEvent
from orders.domain.identifiers import IdFactory
from orders.messaging.client_logs import quieten_client_logs
from orders.messaging.consumer import KafkaRecordSource
from orders.messaging.producer import KafkaPublisher
from orders.messaging.topics import TopicError, TopicPlan, TopicReport, ensure_topic

pytestmark = [
    pytest.mark.integration,
    # kafka-python leaves a socket to the collector for each refused connection.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

LEAST = (ACLOperation.READ, ACLOperation.WRITE, ACLOperation.DESCRIBE)
PASSWORD = "S3cret%zz"  # noqa: S105 - of a user that lives for a test
make_id = IdFactory()
log = structlog.get_logger()


class User:
    """A user of the broker, with the rights that a test grants."""

    def __init__(self, server: EmbeddedKafka, admin: KafkaAdminClient) -> None:
        self.name = f"user-{uuid.uuid4().hex}"
        self.bootstrap_servers = f"{LOOPBACK}:{server.listeners['SASL_PLAINTEXT'][0]}"
        self.security: Mapping[str, object] = {
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": self.name,
            "sasl_plain_password": PASSWORD,
        }
        self._admin = admin
        credential = UserScramCredentialUpsertion(
            self.name, ScramMechanism.SCRAM_SHA_512, PASSWORD
        )
        admin.alter_user_scram_credentials([credential])

    def grant(self, kind: ResourceType, name: str, *operations: ACLOperation) -> None:
        pattern = ResourcePattern(kind, name)
        allow = ACLPermissionType.ALLOW
        self._admin.create_acls(
            [ACL(f"User:{self.name}", "*", op, allow, pattern) for op in operations]
        )

    def ensure(self, topic: str, **security: object) -> TopicReport:
        return ensure_topic(
            TopicPlan(topic, 1),
            bootstrap_servers=self.bootstrap_servers,
            client_id="test",
            security={**self.security, **security},
        )

    def source(self, topic: str, group: str) -> KafkaRecordSource:
        return KafkaRecordSource(
            bootstrap_servers=self.bootstrap_servers,
            client_id="test",
            topic=topic,
            group=group,
            log=log,
            security=self.security,
        )


@pytest.fixture(autouse=True)
def collect_sockets() -> Iterator[None]:
    quieten_client_logs()
    yield
    gc.collect()


@pytest.fixture
def server(kafka_server: EmbeddedKafka) -> EmbeddedKafka:
    kafka_server.start()  # a test may have left it stopped
    return kafka_server


@pytest.fixture
def user(server: EmbeddedKafka) -> Iterator[User]:
    admin = KafkaAdminClient(bootstrap_servers=server.bootstrap_servers)
    yield User(server, admin)
    admin.close()


@pytest.fixture
def existing(server: EmbeddedKafka, topic: str) -> str:
    """A topic that an operator made."""
    ensure_topic(
        TopicPlan(topic, 1),
        bootstrap_servers=server.bootstrap_servers,
        client_id="test",
    )
    return topic


def fault_of(source: KafkaRecordSource) -> BrokerUnavailableError:
    """Poll until the source says why it cannot go on."""
    said: list[BrokerUnavailableError] = []

    def refused() -> bool:
        try:
            source.poll()
        except BrokerUnavailableError as error:
            said.append(error)
        return bool(said)

    assert wait_until(refused, 10.0)
    return said[0]


def test_the_least_rights_on_a_topic_that_exists_are_enough(
    user: User, existing: str
) -> None:
    user.grant(ResourceType.TOPIC, existing, *LEAST)
    user.grant(ResourceType.GROUP, existing, ACLOperation.READ)
    now = datetime.now(UTC)
    event = OrderEvent(make_id(), 1, "orders.order.accepted.v1", "{}", now)
    publisher = KafkaPublisher(
        bootstrap_servers=user.bootstrap_servers,
        client_id="test",
        topic=existing,
        log=log,
        security=user.security,
    )
    source = user.source(existing, group=existing)
    came: list[str] = []

    def polled() -> bool:
        batch = source.poll()
        if batch is not None:
            came.extend(batch.order_ids)
            source.done(batch.token)
        lag = source.group_lag() or {0: None}
        behind = [None if it is None else it.behind for it in lag.values()]
        return bool(came) and behind == [0] * len(behind)

    report = user.ensure(existing)
    assert publisher.publish([event]) == 1
    assert wait_until(polled, 20.0)
    publisher.close()
    source.close()

    assert came == [event.order_id]
    assert (report.created, report.problems) == (False, ())
    [note] = report.unchecked
    assert "DESCRIBE_CONFIGS" in note


def test_with_one_more_right_the_settings_are_compared(
    user: User, existing: str
) -> None:
    user.grant(ResourceType.TOPIC, existing, *LEAST, ACLOperation.DESCRIBE_CONFIGS)

    report = user.ensure(existing)

    assert (report.problems, report.unchecked) == ((), ())


def test_a_topic_that_is_missing_needs_the_right_to_create_it(
    user: User, topic: str
) -> None:
    user.grant(ResourceType.TOPIC, topic, *LEAST)

    with pytest.raises(TopicError, match="grant CREATE on it"):
        user.ensure(topic)

    user.grant(ResourceType.TOPIC, topic, ACLOperation.CREATE)
    assert user.ensure(topic).created


def test_a_topic_that_may_not_be_seen_is_told(user: User, existing: str) -> None:
    with pytest.raises(TopicError, match="grant DESCRIBE, READ and WRITE"):
        user.ensure(existing)


def test_a_group_that_may_not_be_read_is_told(user: User, existing: str) -> None:
    user.grant(ResourceType.TOPIC, existing, *LEAST)
    source = user.source(existing, group="of-others")

    told = fault_of(source)
    source.close()

    assert told.fault is BrokerFault.AUTHORIZATION
    assert "READ on the consumer group" in str(told)


def test_a_topic_that_may_not_be_read_is_told(user: User, existing: str) -> None:
    user.grant(ResourceType.TOPIC, existing, ACLOperation.DESCRIBE)
    user.grant(ResourceType.GROUP, existing, ACLOperation.READ)
    source = user.source(existing, group=existing)

    told = fault_of(source)
    source.close()

    assert told.fault is BrokerFault.AUTHORIZATION
    assert "READ, WRITE and DESCRIBE on the topic" in str(told)


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"sasl_plain_password": "wrong"}, BrokerFault.AUTHENTICATION),
        ({"sasl_plain_username": "nobody"}, BrokerFault.AUTHENTICATION),
        ({"sasl_mechanism": "PLAIN"}, BrokerFault.AUTHENTICATION),
        ({"security_protocol": "PLAINTEXT"}, BrokerFault.CLOSED),
        ({"security_protocol": "SSL"}, BrokerFault.PROTOCOL),
        ({"security_protocol": "SSL", "ssl_cafile": "/none"}, BrokerFault.CERTIFICATE),
    ],
)
def test_what_keeps_a_client_out_is_told_apart(
    user: User, topic: str, wrong: dict[str, object], fault: BrokerFault
) -> None:
    with pytest.raises(BrokerUnavailableError) as caught:
        user.ensure(topic, **wrong)

    assert caught.value.fault is fault
    assert user.bootstrap_servers in str(caught.value)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        (f"{LOOPBACK}:{choose_free()}", BrokerFault.REFUSED),
        ("kafka.invalid:9092", BrokerFault.NAME),
    ],
)
def test_where_there_is_no_broker_is_told_apart(
    topic: str, address: str, fault: BrokerFault
) -> None:
    with pytest.raises(BrokerUnavailableError) as caught:
        ensure_topic(TopicPlan(topic, 1), bootstrap_servers=address, client_id="test")

    assert caught.value.fault is fault
    assert address in str(caught.value)


def test_a_silent_name_server_holds_nobody_up_for_long(
    topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()

    def silent(*_question: object) -> list[object]:
        answers.wait(30.0)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    source = KafkaRecordSource(
        bootstrap_servers="kafka.silent:9092",
        client_id="test",
        topic=topic,
        group="test",
        log=log,
    )
    began = time.monotonic()

    told = fault_of(source)
    took = time.monotonic() - began
    answers.set()
    source.close()

    assert told.fault is BrokerFault.NAME
    assert "no name server answered" in str(told)
    assert took < 8.0


def test_a_password_on_a_listener_that_asks_for_none_is_told(
    user: User, server: EmbeddedKafka, topic: str
) -> None:
    with pytest.raises(BrokerUnavailableError) as caught:
        ensure_topic(
            TopicPlan(topic, 1),
            bootstrap_servers=server.bootstrap_servers,
            client_id="test",
            security=user.security,
        )

    assert caught.value.fault is BrokerFault.PROTOCOL
