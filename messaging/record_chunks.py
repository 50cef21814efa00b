"""Many events appended to a Kafka batch in one step.

kafka-python makes a future with two callbacks and a lock for every record, and
encodes every header byte by byte: most of what an event costs to publish. A chunk
is the finished bytes of many records of one partition. It passes through the client
as one record, whose future stands for all of them, so that the client does per chunk
what it did per event. Retries, sequence numbers and batching stay the client's own.

What it may no longer do is to split a batch that the broker finds too large: it gives
a future to each of the first records, so a chunk would count as written when only
its beginning is. No batch is larger than the client's ``batch_size`` here, topics
that take less are refused, and if one shrinks later its batches fail as a whole.

Record layout: https://kafka.apache.org/documentation/#record. The private parts that
are touched are pinned by a test.
"""

from functools import lru_cache
from typing import Protocol, cast

from kafka.errors import MessageSizeTooLargeError
from kafka.producer import record_accumulator, sender
from kafka.record.memory_records import MemoryRecordsBuilder

from orders.messaging.codec import EncodedEvent, Header

MAX_CHUNK_BYTES = 48 * 1024
"""Two share a batch. A chunk is only larger where its one record is."""

_MAX_HEAD_BYTES = 5 + 1 + 10 + 5
"""A record's length, attributes, time and offset."""
_NO_ATTRIBUTES = b"\x00"
_KEPT_VARINTS = 0x4000
_LOW_BITS = 0x7F
_MORE = 0x80


@lru_cache(maxsize=_KEPT_VARINTS)
def varint(value: int) -> bytes:
    """Return the zigzag variable-length encoding of ``value``."""
    rest = value << 1 if value >= 0 else (-value << 1) - 1
    out = bytearray()
    while rest > _LOW_BITS:  # at most ten rounds for 64 bits
        out.append(_MORE | rest & _LOW_BITS)
        rest >>= 7
    out.append(rest)
    return bytes(out)


class Chunk(list[tuple[str, bytes]]):
    """Records of one partition, on their way through the client as its "headers".

    To the client it is an empty list of headers, which costs nothing to check; the
    builder below knows better. ``bodies`` are records from their key on, each with its
    time.
    """

    __slots__ = ("bodies", "newest_ms", "size")

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[tuple[int, bytes]] = []
        self.newest_ms = 0
        self.size = 0
        """Bytes in a batch, at the most."""

    def add(self, event: EncodedEvent) -> bool:
        """Append one record; False where the chunk is too full for it."""
        body = body_of(event)
        size = self.size + len(body) + _MAX_HEAD_BYTES
        if size > MAX_CHUNK_BYTES and self.bodies:
            return False
        time_ms = event.time_ms
        self.bodies.append((time_ms, body))
        if time_ms > self.newest_ms:  # noqa: PLR1730 - a call of max costs more
            self.newest_ms = time_ms
        self.size = size
        return True


def body_of(event: EncodedEvent) -> bytes:
    """Return the part of a record that does not depend on its place in a batch."""
    key, value, shared, own, _ = event
    parts = [varint(len(key)), key, varint(len(value)), value]
    parts += (varint(len(shared) + len(own)), _packed_shared(shared))
    for name, text in own:
        parts += (_packed_name(name), varint(len(text)), text)
    return b"".join(parts)


def pack_header(header: Header) -> bytes:
    """Return what one header is written as."""
    name, value = header
    return b"".join((_packed_name(name), varint(len(value)), value))


@lru_cache(maxsize=64)
def _packed_shared(headers: tuple[Header, ...]) -> bytes:
    return b"".join(map(pack_header, headers))


@lru_cache(maxsize=64)
def _packed_name(name: str) -> bytes:
    encoded = name.encode()
    return varint(len(encoded)) + encoded


class _Metadata:
    """What the client asks of an appended record."""

    __slots__ = ("crc", "offset", "size", "timestamp")

    def __init__(self, offset: int, size: int, timestamp: int) -> None:
        self.offset = offset
        self.size = size
        self.timestamp = timestamp
        self.crc = None


class _BatchBuilder(Protocol):
    """The part of kafka-python's ``DefaultRecordBatchBuilder`` that is used."""

    _buffer: bytearray
    _batch_size: int
    _first_timestamp: int | None
    _max_timestamp: int
    _num_records: int
    _last_offset: int


class _Counter(Protocol):
    """The part of the base class that is used."""

    _next_offset: int


class ChunkRecordsBuilder(MemoryRecordsBuilder):  # type: ignore[misc]  # no types there
    """The client's builder, which also takes chunks."""

    __slots__ = ()

    def append(
        self,
        timestamp: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> object:
        """Append a record, or a whole chunk; None when it does not fit any more.

        Raises:
            MessageSizeTooLargeError: the chunk would not fit into an empty batch.

        """
        if not isinstance(headers, Chunk):
            return super().append(timestamp, key, value, headers)
        return None if self._closed else self._append_chunk(headers)

    def _append_chunk(self, chunk: Chunk) -> _Metadata | None:
        builder = cast("_BatchBuilder", self._builder)
        buffer = builder._buffer  # noqa: SLF001 - see the module
        first = builder._first_timestamp  # noqa: SLF001
        if len(buffer) + chunk.size > builder._batch_size:  # noqa: SLF001
            if first is not None:
                return None
            raise MessageSizeTooLargeError(f"no batch holds {chunk.size} bytes")
        newest = chunk.newest_ms
        if first is None:
            builder._first_timestamp = first = chunk.bodies[0][0]  # noqa: SLF001
            builder._max_timestamp = newest  # noqa: SLF001
        counter = cast("_Counter", self)
        offset = start = counter._next_offset  # noqa: SLF001
        head, head_ms = _NO_ATTRIBUTES + varint(0), first
        for time_ms, body in chunk.bodies:
            if time_ms != head_ms:
                head, head_ms = _NO_ATTRIBUTES + varint(time_ms - first), time_ms
            place = head + varint(offset)
            buffer += varint(len(place) + len(body)) + place
            buffer += body
            offset += 1
        builder._max_timestamp = max(builder._max_timestamp, newest)  # noqa: SLF001
        builder._num_records += len(chunk.bodies)  # noqa: SLF001
        builder._last_offset = offset - 1  # noqa: SLF001
        counter._next_offset = offset  # noqa: SLF001
        return _Metadata(start, chunk.size, newest)


def install() -> None:
    """Have producers made from now on take chunks; doing it twice does nothing."""
    record_accumulator.MemoryRecordsBuilder = ChunkRecordsBuilder
    sender.Sender._can_split = _never_split  # noqa: SLF001 - see the module


def _never_split(_sender: object, _batch: object, _error: object) -> bool:
    return False
