"""Records whose headers are only taken apart when somebody looks.

kafka-python decodes every header of every record, byte by byte, and measures it
again. Most are looked at for their first header only, the event's type. The private
parts that are touched are pinned by a test.
"""

from collections.abc import Iterator
from typing import Protocol, cast

from kafka.record import memory_records
from kafka.record.default_records import DefaultRecord, DefaultRecordBatch
from kafka.record.util import decode_varint as _untyped_decode_varint

Header = tuple[str, bytes | None]

MALFORMED = "malformed-headers"
"""Name under which what cannot be taken apart is kept."""


class _DecodeVarint(Protocol):
    def __call__(self, buffer: bytes | memoryview, pos: int) -> tuple[int, int]: ...


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


class _Batch(Protocol):
    """The part of kafka-python's ``DefaultRecordBatch`` that is used."""

    _buffer: bytes | memoryview
    _pos: int
    base_offset: int
    first_timestamp: int
    max_timestamp: int
    timestamp_type: int
    is_control_batch: bool
    LOG_APPEND_TIME: int


class LazyRecordBatch(DefaultRecordBatch):  # type: ignore[misc]  # no types there
    """The client's batch, whose records keep their headers packed."""

    __slots__ = ()

    def _read_msg(self) -> object:
        """Return the next record (https://kafka.apache.org/documentation/#record).

        Raises:
            IndexError, ValueError: the record is broken; the client wraps it.

        """
        batch = cast("_Batch", self)
        if batch.is_control_batch:
            return super()._read_msg()
        buffer = batch._buffer  # noqa: SLF001 - see the module
        length, start = _decode_varint(buffer, batch._pos)  # noqa: SLF001
        end = start + length
        if length < 0 or end > len(buffer):
            raise ValueError(f"a record of {length} bytes")
        later, position = _decode_varint(buffer, start + 1)  # behind the attributes
        further, position = _decode_varint(buffer, position)
        key_length, position = _decode_varint(buffer, position)
        key = value = None
        if key_length >= 0:
            key = bytes(buffer[position : position + key_length])
            position += key_length
        value_length, position = _decode_varint(buffer, position)
        if value_length >= 0:
            value = bytes(buffer[position : position + value_length])
            position += value_length
        if position > end:
            raise ValueError("a record longer than it says")
        batch._pos = end  # noqa: SLF001
        appended = batch.timestamp_type == batch.LOG_APPEND_TIME
        return DefaultRecord(
            length,
            batch.base_offset + further,
            batch.max_timestamp if appended else batch.first_timestamp + later,
            batch.timestamp_type,
            key,
            value,
            LazyHeaders(bytes(buffer[position:end])),
        )


def install() -> None:
    """Have consumers read so from now on; doing it twice does nothing."""
    memory_records.DefaultRecordBatch = LazyRecordBatch
