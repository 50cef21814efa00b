"""A refused batch costs its own events alone."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from kafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    TopicAuthorizationFailedError,
)
from kafka.producer.sender import Sender
from kafka.producer.transaction_manager import TransactionManager

from orders.domain.events import OrderEvent
from orders.messaging.refused_batches import install, told_apart

install()
CHUNK = [
    OrderEvent("order", version, "t", "{}", datetime(2026, 1, 1, tzinfo=UTC))
    for version in range(3)
]


def classified(error: KafkaError) -> object:
    manager = TransactionManager(api_version=(4, 3))
    return manager.classify_batch_error(error, SimpleNamespace())


def failure_of(start: int, *places: int) -> Exception:
    """Return what a chunk's future gets: it begins at ``start`` of the batch."""
    named = [SimpleNamespace(batch_index=place) for place in places]
    error = InvalidTimestampError()
    failure: Exception = Sender._record_exceptions_fn(None, error, named, "")(start)
    return failure


@pytest.mark.parametrize(
    "error",
    [InvalidTimestampError, MessageSizeTooLargeError, TopicAuthorizationFailedError],
)
def test_a_refused_batch_asks_for_a_new_epoch_of_the_producer(
    error: type[KafkaError],
) -> None:
    assert classified(error()) == TransactionManager.ERROR_CLASS_NEEDS_EPOCH_BUMP


def test_what_the_producer_itself_may_not_do_ends_it() -> None:
    error = ClusterAuthorizationFailedError()

    assert classified(error) == TransactionManager.ERROR_CLASS_FATAL


def test_what_might_succeed_later_changes_nothing() -> None:
    error = NotEnoughReplicasError()

    assert classified(error) == TransactionManager.ERROR_CLASS_RETRIABLE


def test_a_chunk_learns_which_of_its_records_were_refused() -> None:
    refused, others = told_apart(CHUNK, failure_of(10, 4, 11, 13))

    assert (refused, others) == ([CHUNK[1]], [CHUNK[0], CHUNK[2]])


def test_all_of_a_chunk_is_refused_where_no_records_are_named() -> None:
    refused, others = told_apart(CHUNK, failure_of(10))

    assert (refused, list(others)) == (CHUNK, [])
