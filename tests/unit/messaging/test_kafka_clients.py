"""What is touched of kafka-python's inside is where it is looked for."""

import inspect
import threading

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.consumer.fetcher import Fetcher
from kafka.errors import KafkaConfigurationError
from kafka.producer.sender import Sender

from orders.messaging import client_settings
from orders.messaging.kafka_clients import open_consumer

NOWHERE = "127.0.0.1:1"


def consumer_settings(**changes: object) -> dict[str, object]:
    settings = client_settings.consumer_settings(
        NOWHERE, "test", "group", {}, max_poll_records=1, session_timeout_ms=6_000
    )
    return settings | changes


def test_the_client_accepts_the_consumers_settings() -> None:
    assert set(consumer_settings()) <= set(KafkaConsumer.DEFAULT_CONFIG)


def test_the_client_accepts_the_producers_settings() -> None:
    settings = client_settings.producer_settings(NOWHERE, "test", {})

    assert set(settings) <= set(KafkaProducer.DEFAULT_CONFIG)


def test_security_settings_are_passed_on() -> None:
    settings = consumer_settings() | client_settings.producer_settings(
        NOWHERE, "test", {"security_protocol": "SASL_SSL"}
    )

    assert settings["security_protocol"] == "SASL_SSL"


def test_the_producers_thread_can_be_ended_by_force() -> None:
    assert "_sender" in inspect.getsource(KafkaProducer.__init__)
    assert callable(Sender.force_close)


def test_the_fetcher_names_the_record_that_it_could_not_unpack() -> None:
    source = inspect.getsource(Fetcher.__init__)

    assert "_next_partition_records" in source
    assert "_next_in_line_exception_metadata" in source
    assert callable(Fetcher.PartitionRecords._unpack_records)


def test_a_constructor_that_fails_leaves_no_thread() -> None:
    before = threading.active_count()

    with pytest.raises(KafkaConfigurationError):
        open_consumer(consumer_settings(isolation_level="nonsense"))

    assert threading.active_count() == before
