"""Kafka as others run it: with TLS, passwords, client certificates, and of 3.9."""

import gc
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import structlog
import trustme
from cryptography.hazmat.primitives import serialization
from kafka.admin import (
    KafkaAdminClient,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from orders.devstack.deadline import wait_until
from orders.devstack.kafka import EmbeddedKafka
from orders.devstack.kafka_jars import CURRENT, Release
from orders.devstack.kafka_settings import SCRAM
from orders.devstack.ports import LOOPBACK, choose_free
from orders.domain.errors import BrokerFault, BrokerUnavailableError
from orders.domain.events import OrderEvent
from orders.domain.identifiers import IdFactory
from orders.messaging.client_logs import quieten_client_logs
from orders.messaging.consumer import KafkaRecordSource
from orders.messaging.producer import KafkaPublisher
from orders.messaging.topics import TopicPlan, ensure_topic

pytestmark = [
    pytest.mark.more,
    # kafka-python leaves a socket to the collector for each refused connection.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

RELEASES = {
    "4.4": CURRENT,
    "3.9": Release("3.9.1", Path(__file__).with_name("kafka-3.9.lock.toml")),
}
USER, PASSWORD = "node", "S3cret%zz"
LISTENERS = ("SASL_SSL", "SSL", "SSL_EXPIRED", "SSL_MISNAMED")
make_id = IdFactory()
log = structlog.get_logger()


class Papers(NamedTuple):
    """Where a node finds its certificates."""

    authority: Path
    certificate: Path
    key: Path
    strange_authority: Path


class Broker(NamedTuple):
    """A broker with a listener for each way in."""

    server: EmbeddedKafka
    papers: Papers

    def address(self, listener: str) -> str:
        return f"{LOOPBACK}:{self.server.listeners[listener][0]}"


def write_keys(leaf: trustme.LeafCert, file: Path) -> Path:
    """Write key and certificates as Kafka reads them: PKCS #8 in one file."""
    key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), None)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = b"".join(it.bytes() for it in leaf.cert_chain_pems)
    file.write_bytes(pem + chain)
    return file


def tls_settings(folder: Path, authority: trustme.CA) -> dict[str, str]:
    good = authority.issue_cert(LOOPBACK)
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    expired = authority.issue_cert(
        LOOPBACK, not_before=an_hour_ago - timedelta(1), not_after=an_hour_ago
    )
    misnamed = authority.issue_cert("elsewhere.example")
    return {
        **SCRAM,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(write_keys(good, folder / "good.pem")),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / "authority.pem"),
        "listener.name.ssl.ssl.client.auth": "required",
        **{
            f"listener.name.ssl_{name}.ssl.keystore.{key}": value
            for name, leaf in {"expired": expired, "misnamed": misnamed}.items()
            for key, value in {
                "type": "PEM",
                "location": str(write_keys(leaf, folder / f"{name}.pem")),
            }.items()
        },
    }


@pytest.fixture(scope="module", params=RELEASES)
def broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("kafka")
    authority, stranger = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    stranger.cert_pem.write_to_path(folder / "stranger.pem")
    mine = authority.issue_cert("node.example")
    mine.private_key_pem.write_to_path(folder / "key.pem")
    mine.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    papers = Papers(
        folder / "authority.pem",
        folder / "certificate.pem",
        folder / "key.pem",
        folder / "stranger.pem",
    )
    ports = {name: choose_free() for name in LISTENERS}
    with EmbeddedKafka(
        folder / "data",
        listeners={name: (port, port) for name, port in ports.items()},
        settings=tls_settings(folder, authority),
        release=RELEASES[request.param],
    ) as server:
        admin = KafkaAdminClient(bootstrap_servers=server.bootstrap_servers)
        admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(USER, ScramMechanism.SCRAM_SHA_512, PASSWORD)]
        )
        admin.close()
        yield Broker(server, papers)


@pytest.fixture(autouse=True)
def collect_sockets() -> Iterator[None]:
    quieten_client_logs()
    yield
    gc.collect()


def way_in(broker: Broker, listener: str) -> tuple[str, dict[str, object]]:
    """Return an address and what a client needs to come in there."""
    if listener == "PLAINTEXT":
        return broker.server.bootstrap_servers, {}
    papers = broker.papers
    security: dict[str, object] = {"ssl_cafile": str(papers.authority)}
    if listener == "SASL_SSL":
        security |= {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": USER,
            "sasl_plain_password": PASSWORD,
        }
    else:
        security |= {
            "security_protocol": "SSL",
            "ssl_certfile": str(papers.certificate),
            "ssl_keyfile": str(papers.key),
        }
    return broker.address(listener), security


def fault_at(address: str, security: Mapping[str, object]) -> BrokerUnavailableError:
    with pytest.raises(BrokerUnavailableError) as caught:
        ensure_topic(
            TopicPlan("t", 1),
            bootstrap_servers=address,
            client_id="test",
            security=security,
        )
    assert address in str(caught.value)
    return caught.value


@pytest.mark.parametrize("listener", ["PLAINTEXT", "SASL_SSL", "SSL"])
def test_events_go_there_and_back(broker: Broker, listener: str) -> None:
    address, security = way_in(broker, listener)
    topic = f"test-{uuid.uuid4().hex}"
    now = datetime.now(UTC)
    kind = "orders.order.accepted.v1"
    events = [OrderEvent(make_id(), 1, kind, "{}", now) for _ in range(500)]
    came: set[str] = set()

    report = ensure_topic(
        TopicPlan(topic, 3),
        bootstrap_servers=address,
        client_id="test",
        security=security,
    )
    publisher = KafkaPublisher(
        bootstrap_servers=address,
        client_id="test",
        topic=topic,
        log=log,
        security=security,
    )
    source = KafkaRecordSource(
        bootstrap_servers=address,
        client_id="test",
        topic=topic,
        group=topic,
        log=log,
        security=security,
    )

    def all_came() -> bool:
        batch = source.poll()
        if batch is not None:
            came.update(batch.order_ids)
            source.done(batch.token)
        lag = source.group_lag() or {0: None}
        behind = [None if it is None else it.behind for it in lag.values()]
        return len(came) == len(events) and behind == [0] * len(behind)

    assert publisher.publish(events) == len(events)
    assert wait_until(all_came, 30.0)
    confirmed = publisher.take_results().confirmed
    publisher.close()
    source.close()

    assert (report.created, report.problems) == (True, ())
    assert came == {event.order_id for event in events}
    assert len(confirmed) == len(events)


def test_a_wrong_password_is_told(broker: Broker) -> None:
    address, security = way_in(broker, "SASL_SSL")

    told = fault_at(address, security | {"sasl_plain_password": "wrong"})

    assert told.fault is BrokerFault.AUTHENTICATION


@pytest.mark.parametrize(
    ("listener", "words"),
    [
        ("SSL_EXPIRED", "certificate has expired"),
        ("SSL_MISNAMED", "IP address mismatch"),
    ],
)
def test_what_is_wrong_with_the_certificate_is_told(
    broker: Broker, listener: str, words: str
) -> None:
    told = fault_at(*way_in(broker, listener))

    assert told.fault is BrokerFault.CERTIFICATE
    assert words in str(told)


@pytest.mark.parametrize("listener", ["SSL", "SASL_SSL"])
def test_a_strange_authority_is_told(broker: Broker, listener: str) -> None:
    address, security = way_in(broker, listener)
    strange = {"ssl_cafile": str(broker.papers.strange_authority)}

    told = fault_at(address, security | strange)

    assert told.fault is BrokerFault.CERTIFICATE
    assert "certificate" in str(told)


def test_a_certificate_that_is_asked_for_and_missing_is_told(broker: Broker) -> None:
    address, security = way_in(broker, "SSL")
    without = {"security_protocol": "SSL", "ssl_cafile": security["ssl_cafile"]}

    told = fault_at(address, without)

    assert told.fault is BrokerFault.CERTIFICATE


def test_plain_text_on_a_port_of_tls_is_told(broker: Broker) -> None:
    told = fault_at(broker.address("SSL"), {})

    assert told.fault is BrokerFault.PROTOCOL


def test_tls_on_a_port_of_plain_text_is_told(broker: Broker) -> None:
    _, security = way_in(broker, "SSL")

    told = fault_at(broker.server.bootstrap_servers, security)

    assert told.fault is BrokerFault.PROTOCOL
