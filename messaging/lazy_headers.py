"""Records that are taken apart no further than somebody looks.

kafka-python decodes every header of every record, byte by byte, and measures it
again. Most are looked at for their first header only, the event's type. The private
parts that are touched are pinned by a test.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol, cast

from kafka.errors import CorruptRecordError
from kafka.record import memory_records
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.util import decode_varint as _untyped_decode_varint

Header = tuple[str, bytes | None]

MALFORMED = "malformed-headers"
"""Name under which what cannot be taken apart is kept."""


_LOW_BITS = 0x7F
_MORE = 0x80


class _DecodeVarint(Protocol):
    def __call__(self, buffer: bytes, pos: int) -> tuple[int, int]: ...


_decode_varint = cast("_DecodeVarint", _untyped_decode_varint)


class LazyHeaders:
    """A record's headers as they came; each walk over them takes them apart.

    False, so that the client does not measure them. There is no length or index: what
    takes them for the client's own list fails rather than finds it empty.
    """

    __slots__ = ("_packed",)

    def __init__(self, packed: bytes) -> None:
        self._packed = packed

    def __bool__(self) -> bool:
        return False

    def begin_with(self, packed: tuple[bytes, ...]) -> bool:
        """Tell whether the first header is one of ``packed``, without a walk.

        Only sees what has at most 63 headers, whose count is one byte.
        """
        return self._packed.startswith(packed, 1)

    def __iter__(self) -> Iterator[Header]:
        """Walk over the headers; never raises.

        What is not UTF-8 in a name is replaced. From the first header that is broken
        on, the bytes that are left come as one named ``MALFORMED``.
        """
        packed, start = self._packed, 0
        try:
            count, start = _decode_varint(packed, 0)
            for _ in range(count):  # ends with the bytes, whatever the count
                name, position = _field(packed, start)
                value, position = _field(packed, position)
                if name is None:
                    break
                start = position
                yield name.decode("utf-8", "replace"), value
        except (IndexError, ValueError):
            yield MALFORMED, packed[start:]
            return
        if count < 0 or start != len(packed):
            yield MALFORMED, packed[start:]


def _field(packed: bytes, position: int) -> tuple[bytes | None, int]:
    length, position = _decode_varint(packed, position)
    if length < 0:
        return None, position
    end = position + length
    if end > len(packed):
        raise ValueError(f"a field of {length} bytes")
    return packed[position:end], end


class LazyRecord(NamedTuple):
    """What the client asks of a record: its own does it by a call for each field."""

    size_in_bytes: int
    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: LazyHeaders
    checksum: None = None

    def validate_crc(self) -> bool:
        """Say yes: since the second format the whole batch has one checksum."""
        return True


class _Batch(Protocol):
    """The part of kafka-python's ``DefaultRecordBatch`` that is used."""

    _buffer: bytearray
    _pos: int
    _num_records: int
    base_offset: int
    first_timestamp: int
    max_timestamp: int
    timestamp_type: int
    is_control_batch: bool
    LOG_APPEND_TIME: int

    def _maybe_uncompress(self) -> None: ...


class LazyRecordBatch(DefaultRecordBatch):  # type: ignore[misc]  # no types there
    """The client's batch, whose records keep their headers packed."""

    __slots__ = ()

    def __iter__(self) -> Iterator[object]:
        """Walk over the records (https://kafka.apache.org/documentation/#record).

        Raises:
            CorruptRecordError: where a record is broken, behind those before it.

        """
        batch = cast("_Batch", self)
        if batch.is_control_batch:
            return cast("Iterator[object]", super().__iter__())
        batch._maybe_uncompress()  # noqa: SLF001 - see the module
        return _records_of(batch)


def _records_of(batch: _Batch) -> Iterator[LazyRecord]:
    buffer = bytes(batch._buffer)  # noqa: SLF001 - see the module
    position = batch._pos  # noqa: SLF001
    kind, base = batch.timestamp_type, batch.base_offset
    appended = batch.max_timestamp if kind == batch.LOG_APPEND_TIME else None
    first = batch.first_timestamp
    for _ in range(batch._num_records):  # noqa: SLF001 - ends with the bytes
        try:
            length, start = _varint(buffer, position)
            position = start + length
            later, further, key, value, headers = _fields(buffer, start, position)
        except (ValueError, IndexError) as error:
            raise CorruptRecordError(f"a broken record: {error!r}") from error
        yield LazyRecord(
            length,
            base + further,
            first + later if appended is None else appended,
            kind,
            key,
            value,
            LazyHeaders(headers),
        )
    if position != len(buffer):
        raise CorruptRecordError(f"{len(buffer) - position} bytes behind all records")


def _fields(
    buffer: bytes, start: int, end: int
) -> tuple[int, int, bytes | None, bytes | None, bytes]:
    """Return time and offset, both from the batch's; key, value, packed headers."""
    if not start < end <= len(buffer):
        raise ValueError(f"a record of {end - start} bytes")
    later, position = _varint(buffer, start + 1)  # behind the attributes
    further, position = _varint(buffer, position)
    key = value = None
    length, position = _varint(buffer, position)
    if length >= 0:
        key = buffer[position : position + length]
        position += length
    length, position = _varint(buffer, position)
    if length >= 0:
        value = buffer[position : position + length]
        position += length
    if position > end:
        raise ValueError("a record longer than it says")
    return later, further, key, value, buffer[position:end]


def _varint(buffer: bytes, position: int) -> tuple[int, int]:
    """Decode a zigzag varint; most of a record's have one byte or two."""
    low = buffer[position]
    if low < _MORE:
        return low >> 1 ^ -(low & 1), position + 1
    high = buffer[position + 1]
    if high < _MORE:
        return (low & _LOW_BITS | high << 7) >> 1 ^ -(low & 1), position + 2
    return _decode_varint(buffer, position)


def install() -> None:
    """Have consumers read so from now on; doing it twice does nothing."""
    memory_records.DefaultRecordBatch = LazyRecordBatch
