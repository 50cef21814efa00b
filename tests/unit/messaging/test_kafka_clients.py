"""What is touched of kafka-python's inside is where it is looked for."""

import inspect
import re
import threading
from importlib.metadata import version
from types import SimpleNamespace
from typing import cast

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.cluster import ClusterMetadata
from kafka.consumer.fetcher import Fetcher
from kafka.errors import ClusterAuthorizationFailedError, KafkaConfigurationError
from kafka.producer import record_accumulator
from kafka.producer.future import FutureRecordMetadata
from kafka.producer.record_accumulator import RecordAccumulator
from kafka.producer.sender import Sender
from kafka.producer.transaction_manager import TransactionManager
from kafka.record import memory_records
from kafka.record.default_records import (
    DefaultRecordBatch,
    DefaultRecordBatchBuilder,
)
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder

from orders.messaging import client_settings, kafka_clients
from orders.messaging.client_settings import FOLLOWERS_TIMEOUT_MS
from orders.messaging.client_types import ConsumerClient
from orders.messaging.kafka_clients import (
    known_partitions,
    open_consumer,
    open_producer,
)
from orders.messaging.lazy_headers import LazyRecord, LazyRecordBatch
from orders.messaging.lazy_headers import install as install_lazy_headers
from orders.messaging.record_chunks import ChunkRecordsBuilder
from orders.messaging.record_chunks import install as install_chunks

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


def test_no_partitions_are_known_of_a_topic_that_is_not_there() -> None:
    consumer = SimpleNamespace(_cluster=ClusterMetadata())

    assert known_partitions(cast("ConsumerClient", consumer), "gone") == ()


def test_the_consumer_keeps_its_metadata_where_it_is_looked_for() -> None:
    assert "self._cluster = " in inspect.getsource(KafkaConsumer.__init__)


def test_the_producers_thread_can_be_ended_by_force() -> None:
    assert "_sender" in inspect.getsource(KafkaProducer.__init__)
    assert callable(Sender.force_close)


def test_the_fetcher_names_the_record_that_it_could_not_unpack() -> None:
    source = inspect.getsource(Fetcher.__init__)

    assert "_next_partition_records" in source
    assert "_next_in_line_exception_metadata" in source
    assert callable(Fetcher.PartitionRecords._unpack_records)
    records = inspect.getsource(Fetcher.PartitionRecords.__init__)
    assert "self.fetch_offset = " in records
    assert "self.next_fetch_offset = " in records
    assert "self.topic_partition = " in records


def test_the_fetcher_parks_what_is_paused_where_it_is_looked_for() -> None:
    source = inspect.getsource(Fetcher.fetched_records)

    assert "self._paused_partition_records[tp] = self._next_partition_records" in source
    # Not the fault that is worked around any more? Then take_turns can go.
    assert "if self._next_partition_records is None:" in source


def test_batches_are_built_where_chunks_are_put_in() -> None:
    install_chunks()

    assert "MemoryRecordsBuilder(" in inspect.getsource(RecordAccumulator.append)
    assert record_accumulator.MemoryRecordsBuilder is ChunkRecordsBuilder
    own = {"_builder", "_closed", "_next_offset"}
    assert own <= set(MemoryRecordsBuilder.__slots__)
    inner = {
        "_buffer",
        "_batch_size",
        "_first_timestamp",
        "_max_timestamp",
        "_num_records",
        "_last_offset",
    }
    assert inner <= set(DefaultRecordBatchBuilder.__slots__)


def test_the_client_asks_whether_a_batch_may_be_split_where_it_is_answered() -> None:
    asked = inspect.getsource(Sender._dispatch_error)

    assert "if self._can_split(batch, error_cls):" in asked
    assert inspect.getsource(Sender).count("split_and_reenqueue(") == 1


def test_the_client_is_asked_about_a_refused_batch_where_that_is_changed() -> None:
    failed = inspect.getsource(Sender._dispatch_error)

    assert "self._transaction_manager.classify_batch_error(" in failed
    assert (
        "self._record_exceptions_fn(exception, record_errors, error_message)" in failed
    )
    assert "record_exceptions_fn(batch_index)" in inspect.getsource(
        FutureRecordMetadata._produce_success
    )
    assert ClusterAuthorizationFailedError in TransactionManager._FATAL_ERRORS
    assert callable(TransactionManager.has_fatal_error)
    assert "_transaction_manager" in inspect.getsource(KafkaProducer.__init__)


def test_a_leader_waits_for_followers_as_long_as_the_senders_setting_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = inspect.getsource(Sender._create_produce_requests)
    sender = SimpleNamespace(config={"request_timeout_ms": 5_000})
    made = SimpleNamespace(_sender=sender)
    monkeypatch.setattr(kafka_clients, "KafkaProducer", lambda **_: made)

    open_producer({})

    assert "self.config['request_timeout_ms'], batches)" in asked
    assert sender.config["request_timeout_ms"] == FOLLOWERS_TIMEOUT_MS


def test_batches_are_read_where_lazy_headers_are_put_in() -> None:
    install_lazy_headers()

    assert "DefaultRecordBatch(" in inspect.getsource(MemoryRecords.next_batch)
    assert memory_records.DefaultRecordBatch is LazyRecordBatch
    parts = {"_buffer", "_pos", "_num_records"}
    assert parts <= set(DefaultRecordBatch.__slots__)
    assert "self._maybe_uncompress()" in inspect.getsource(DefaultRecordBatch.__iter__)


def test_the_fetcher_asks_of_a_record_what_ours_has() -> None:
    source = inspect.getsource(Fetcher.PartitionRecords._unpack_records)

    asked = set(re.findall(r"\brecord\.(\w+)", source))

    assert asked == {*LazyRecord._fields, "validate_crc"}


def test_the_fetcher_only_measures_headers_that_are_not_false() -> None:
    source = inspect.getsource(Fetcher.PartitionRecords._unpack_records)

    assert source.count("record.headers") == 4
    assert "headers) if headers else -1" in source


def test_the_client_is_the_release_that_its_private_parts_were_read_in() -> None:
    assert version("kafka-python") == "3.0.12"


def test_a_constructor_that_fails_leaves_no_thread() -> None:
    before = threading.active_count()

    with pytest.raises(KafkaConfigurationError):
        open_consumer(consumer_settings(isolation_level="nonsense"))

    assert threading.active_count() == before
