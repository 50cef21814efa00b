"""Steps over records that the client cannot take apart.

A record whose fields do not fit into it, a batch with a wrong checksum or a broken
compression makes ``poll`` raise; the poll after that one never returns and burns a
core, since the client goes on asking an iterator that is already exhausted. Seeking
past the record makes it drop the iterator.

Where this node lacks what it takes to read the record, such as a codec, the record is
as good as any: its partition is left where it is.
"""

from typing import NamedTuple, Protocol, cast

from kafka.errors import UnsupportedCodecError

from orders.messaging.client_types import ConsumerClient, PartitionId

_UNPACKING = "_unpack_records"
_OURS = (UnsupportedCodecError, NotImplementedError, ImportError, MemoryError)
"""Errors while unpacking that say nothing about the record. kafka-python raises the
first two for a codec that it does not know, or whose library is not installed."""


class UnreadableRecord(NamedTuple):
    """The record (or the first of a batch) that could not be taken apart."""

    partition: PartitionId
    offset: int
    at_fault: bool = True
    """Whether it is the record: False where it is for this node to read it one day."""


class _InLine(Protocol):
    topic_partition: PartitionId
    fetch_offset: int
    next_fetch_offset: int

    def drain(self) -> None: ...


class _Deferred(Protocol):
    partition: PartitionId
    fetched_offset: int
    exception: BaseException


class _Fetcher(Protocol):
    _next_partition_records: _InLine | None
    _next_in_line_exception_metadata: _Deferred | None


class _HasFetcher(Protocol):
    _fetcher: _Fetcher


def deferred_error(consumer: ConsumerClient) -> Exception | None:
    """Return the error that the next poll would raise.

    It is dropped when its partition is paused before that poll, which then hangs:
    so it has to be looked for after each poll that returned records.
    """
    deferred = _fetcher(consumer)._next_in_line_exception_metadata  # noqa: SLF001 - not to be had otherwise
    error = None if deferred is None else deferred.exception
    return error if isinstance(error, Exception) else None


def skip_unreadable(
    consumer: ConsumerClient, error: BaseException
) -> UnreadableRecord | None:
    """Seek past the record that made ``poll`` raise ``error``, or to it where the
    record is not at fault; its partition has to be paused then.

    None where the error has another cause; nothing was changed then.
    """
    if not _raised_while_unpacking(error):
        return None
    fetcher = _fetcher(consumer)
    in_line = fetcher._next_partition_records  # noqa: SLF001 - names the partition
    if in_line is None or in_line.topic_partition not in consumer.assignment():
        return None
    fetcher._next_in_line_exception_metadata = None  # noqa: SLF001 - dealt with here
    # Behind a skipped record the same batch is read from its start again, and stops
    # at the same place, before the offset that was asked for.
    offset = max(in_line.next_fetch_offset, in_line.fetch_offset)
    at_fault = not isinstance(error, _OURS)
    skipped = UnreadableRecord(in_line.topic_partition, offset, at_fault)
    # It stands where the iterator ended: the seek alone would not drop it then.
    in_line.drain()
    consumer.seek(skipped.partition, skipped.offset + at_fault)
    return skipped


def _raised_while_unpacking(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_name == _UNPACKING:
            return True
        trace = trace.tb_next
    return False


def _fetcher(consumer: ConsumerClient) -> _Fetcher:
    return cast("_HasFetcher", consumer)._fetcher  # noqa: SLF001 - pinned by a test
