"""A batch that the broker refuses fails alone; kafka-python would give up the client.

Its idempotent producer takes any error that it does not repeat for fatal: all batches
of all partitions fail, and it never sends again. Only the sequence numbers of the
refused batch's partition are in doubt, and a new epoch of the producer id clears them,
as after the errors that KIP-360 is about.

Some errors name the records at fault, by their place in the batch (KIP-467). The
client's futures are of chunks here: each gets the places, and where it begins itself.

The private parts that are touched are pinned by a test.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, cast

from kafka.producer.sender import Sender
from kafka.producer.transaction_manager import TransactionManager

from orders.domain.events import OrderEvent


class RefusedRecordsError(Exception):
    """Some records of a batch were refused, and so the others were not written.

    Attributes:
        start: place of the chunk's first record in the batch.
        places: of the refused records in the batch.

    """

    def __init__(self, error: Exception, start: int, places: frozenset[int]) -> None:
        super().__init__(repr(error))
        self.start = start
        self.places = places


class _RecordError(Protocol):
    """The part of a produce response's ``RecordErrors`` that is used."""

    batch_index: int


class _Manager(Protocol):
    """The part of kafka-python's ``TransactionManager`` that is used."""

    _FATAL_ERRORS: frozenset[type]
    ERROR_CLASS_FATAL: str
    ERROR_CLASS_NEEDS_EPOCH_BUMP: str


def told_apart(
    events: Sequence[OrderEvent], error: BaseException
) -> tuple[Sequence[OrderEvent], Sequence[OrderEvent]]:
    """Return the events of a chunk that the broker refused, and the others."""
    if not isinstance(error, RefusedRecordsError):
        return events, ()
    refused: list[OrderEvent] = []
    others: list[OrderEvent] = []
    for place, event in enumerate(events, error.start):
        (refused if place in error.places else others).append(event)
    return refused, others


_classify = TransactionManager.classify_batch_error


def install() -> None:
    """Have producers outlive a refused batch; doing it twice does nothing."""
    TransactionManager.classify_batch_error = _classify_batch_error
    Sender._record_exceptions_fn = _record_exceptions  # noqa: SLF001 - see the module


def _classify_batch_error(
    manager: _Manager, error: Exception, batch: object, log_start_offset: int = -1
) -> str:
    found = cast("str", _classify(manager, error, batch, log_start_offset))
    if found != manager.ERROR_CLASS_FATAL:
        return found
    if type(error) in manager._FATAL_ERRORS:  # noqa: SLF001 - see the module
        return found
    return manager.ERROR_CLASS_NEEDS_EPOCH_BUMP


def _record_exceptions(
    _sender: object,
    error: Exception,
    record_errors: Sequence[_RecordError],
    _message: str | None,
) -> Callable[[int], Exception]:
    if not record_errors:
        return lambda _: error
    places = frozenset(it.batch_index for it in record_errors)
    return lambda start: RefusedRecordsError(error, start, places)
