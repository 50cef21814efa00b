"""The embedded Kafka is a real broker that comes back with its data."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from orders.devstack import ports
from orders.devstack.kafka import EmbeddedKafka

pytestmark = pytest.mark.integration


@pytest.fixture
def broker(server_directory: Path) -> Iterator[EmbeddedKafka]:
    with EmbeddedKafka(server_directory / "own-kafka") as running:
        yield running


def test_an_acknowledged_record_outlives_a_kill(
    broker: EmbeddedKafka, topic: str
) -> None:
    _create(broker, topic)
    _send(broker, topic, b"kept")

    broker.kill()
    broker.start()

    assert _read(broker.bootstrap_servers, topic) == [b"kept"]


def test_a_restart_has_the_same_address(broker: EmbeddedKafka) -> None:
    address = broker.bootstrap_servers

    broker.stop()
    broker.start()

    assert broker.bootstrap_servers == address


def test_topics_are_not_made_by_asking_for_them(
    broker: EmbeddedKafka, topic: str
) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)

    topics = admin.list_topics()
    admin.close()

    assert topic not in topics


def test_an_extra_listener_advertises_the_port_of_its_proxy(
    server_directory: Path,
) -> None:
    listen, advertised = ports.choose_free(), ports.choose_free()
    with EmbeddedKafka(
        server_directory / "listeners", listeners={"NODE1": (listen, advertised)}
    ) as broker:
        answer = _metadata_answer(listen)

    assert advertised.to_bytes(4, "big") in answer
    assert broker.port.to_bytes(4, "big") not in answer


def _create(broker: EmbeddedKafka, topic: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    admin.create_topics([NewTopic(topic, 1, 1)])
    admin.close()


def _send(broker: EmbeddedKafka, topic: str, value: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers, acks="all")
    producer.send(topic, value, partition=0).get(10)
    producer.close()


def _read(bootstrap_servers: str, topic: str) -> list[bytes]:
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap_servers, consumer_timeout_ms=5000
    )
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    values = [next(consumer).value]
    consumer.close()
    return values


def _metadata_answer(port: int) -> bytes:
    """Ask a listener where the brokers are (Metadata, version 1, no topics)."""
    request = bytes.fromhex("0000000e 0003 0001 00000001 ffff 00000000")
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(request)
        size = int.from_bytes(connection.recv(4), "big")
        answer = b""
        while len(answer) < size:
            answer += connection.recv(size)
    return answer
