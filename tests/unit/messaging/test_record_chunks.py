"""A chunk leaves the same bytes in a batch as its events one by one."""

from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kafka import TopicPartition
from kafka.errors import MessageSizeTooLargeError
from kafka.producer.record_accumulator import RecordAccumulator
from kafka.producer.sender import Sender
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.memory_records import MemoryRecordsBuilder
from kafka.record.util import encode_varint

from orders.messaging.codec import EncodedEvent
from orders.messaging.record_chunks import (
    MAX_CHUNK_BYTES,
    Chunk,
    ChunkRecordsBuilder,
    install,
    varint,
)

BATCH_BYTES = 131_072
HEADER_BYTES = DefaultRecordBatch.HEADER_STRUCT.size
EVENT = EncodedEvent(b"key", b"value", (("all", b"1"),), [("own", b"2")], 1)

INT64 = st.integers(-(2**63), 2**63 - 1)
TIMES = st.integers(0, 2**42)
HEADERS = st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=80)), max_size=5)
EVENTS = st.builds(
    EncodedEvent,
    st.binary(max_size=100),
    st.binary(max_size=300),
    HEADERS.map(tuple),
    HEADERS,
    TIMES,
)
CHUNKS = st.lists(st.lists(EVENTS, min_size=1, max_size=5), min_size=1, max_size=5)


def builder_of(batch_bytes: int = BATCH_BYTES) -> ChunkRecordsBuilder:
    return ChunkRecordsBuilder(2, 0, batch_bytes)


def chunk_of(events: list[EncodedEvent]) -> Chunk:
    chunk = Chunk()
    for event in events:
        assert chunk.add(event)
    return chunk


def batch_in(builder: MemoryRecordsBuilder) -> bytes:
    """Return the finished bytes; a fresh copy, as the broker would get."""
    builder.close()
    return bytes(builder.buffer())


@given(INT64)
@example(-(2**63))
@example(2**63 - 1)
@example(0)
def test_a_varint_is_the_clients_own(value: int) -> None:
    expected = bytearray()
    encode_varint(value, expected.append)

    assert varint(value) == expected


@pytest.mark.parametrize("bits", range(1, 64))
def test_a_varint_grows_at_the_same_values_as_the_clients(bits: int) -> None:
    for value in (2**bits - 1, -(2**bits), min(2**bits, 2**63 - 1)):
        expected = bytearray()
        encode_varint(value, expected.append)
        assert varint(value) == expected


@given(CHUNKS)
def test_a_batch_of_chunks_has_the_bytes_of_the_clients_own(
    chunks: list[list[EncodedEvent]],
) -> None:
    chunked, single = builder_of(), MemoryRecordsBuilder(2, 0, BATCH_BYTES)

    for events in chunks:
        chunked.append(0, b"", b"", chunk_of(events))
        for event in events:
            single.append(event.time_ms, event.key, event.value, event.headers)

    assert chunked.next_offset() == single.next_offset()
    assert batch_in(chunked) == batch_in(single)


@given(CHUNKS)
def test_the_client_reads_every_event_of_a_chunk(
    chunks: list[list[EncodedEvent]],
) -> None:
    builder = builder_of()
    for events in chunks:
        builder.append(0, b"", b"", chunk_of(events))

    batch = DefaultRecordBatch(batch_in(builder))

    assert batch.validate_crc()
    expected = [
        (event.time_ms, event.key, event.value, event.headers)
        for events in chunks
        for event in events
    ]
    assert [
        (r.offset, (r.timestamp, r.key, r.value, r.headers)) for r in batch
    ] == list(enumerate(expected))
    assert batch.records_count == len(expected)
    assert batch.last_offset_delta == len(expected) - 1
    assert batch.max_timestamp == max(time for time, *_ in expected)


@given(st.lists(EVENTS, min_size=1, max_size=5))
def test_a_chunk_takes_no_more_room_than_it_says(events: list[EncodedEvent]) -> None:
    builder, chunk = builder_of(), chunk_of(events)

    builder.append(0, b"", b"", chunk)

    assert builder.size_in_bytes() - HEADER_BYTES <= chunk.size


@pytest.mark.parametrize("size", [0, 2, 1_000])
def test_a_chunk_starts_at_the_offset_behind_the_last(size: int) -> None:
    builder = builder_of()
    if size:
        builder.append(0, b"", b"", chunk_of([EVENT] * size))

    later = EVENT._replace(time_ms=5)
    metadata = builder.append(0, b"", b"", chunk_of([EVENT, later, EVENT]))

    assert (metadata.offset, metadata.timestamp) == (size, 5)
    assert builder.next_offset() == size + 3


def test_a_sequence_number_is_counted_for_every_event() -> None:
    builder = builder_of()
    builder.append(0, b"", b"", chunk_of([EVENT] * 3))
    builder.append(0, b"", b"", chunk_of([EVENT] * 4))
    builder.set_producer_state(9, 1, 100, is_transactional=False)

    batch = DefaultRecordBatch(batch_in(builder))

    assert (batch.base_sequence, batch.last_sequence) == (100, 106)


def test_a_chunk_that_does_not_fit_any_more_leaves_the_batch_as_it_is() -> None:
    chunk = chunk_of([EVENT] * 3)
    builder = builder_of(HEADER_BYTES + 2 * chunk.size - 1)
    builder.append(0, b"", b"", chunk)
    before = builder.size_in_bytes()
    builder.append(1, b"", b"", chunk)

    later = chunk_of([EVENT._replace(time_ms=9)] * 3)
    refused = builder.append(0, b"", b"", later)

    batch = DefaultRecordBatch(batch_in(builder))
    assert refused is None
    assert batch.records_count == 6
    assert batch.max_timestamp == 1
    assert before < batch.size_in_bytes <= HEADER_BYTES + 2 * chunk.size - 1


def test_a_chunk_fits_to_the_last_byte_and_not_beyond() -> None:
    chunk = chunk_of([EVENT])

    assert builder_of(HEADER_BYTES + chunk.size).append(0, b"", b"", chunk) is not None
    with pytest.raises(MessageSizeTooLargeError):
        builder_of(HEADER_BYTES + chunk.size - 1).append(0, b"", b"", chunk)


def test_a_closed_batch_takes_no_chunk() -> None:
    builder = builder_of()
    builder.append(0, b"", b"", chunk_of([EVENT]))
    builder.close()

    assert builder.append(0, b"", b"", chunk_of([EVENT])) is None


def test_single_records_go_in_between_chunks() -> None:
    builder = builder_of()
    builder.append(1, b"", b"", chunk_of([EVENT]))
    builder.append(2, b"single", None, [("h", b"1")])
    builder.append(3, b"", b"", chunk_of([EVENT]))

    records = list(DefaultRecordBatch(batch_in(builder)))

    assert [(r.offset, r.key, r.value) for r in records] == [
        (0, b"key", b"value"),
        (1, b"single", None),
        (2, b"key", b"value"),
    ]


def test_a_chunk_refuses_what_would_make_it_too_large() -> None:
    chunk = chunk_of([EncodedEvent(b"k", b"x" * (MAX_CHUNK_BYTES - 1_000), (), [], 0)])

    taken = chunk.add(EncodedEvent(b"k", b"x" * 1_000, (), [], 0))

    assert (taken, len(chunk.bodies)) == (False, 1)
    assert chunk.size <= MAX_CHUNK_BYTES


def test_an_empty_chunk_takes_an_event_of_any_size() -> None:
    assert Chunk().add(EncodedEvent(b"k", b"x" * (2 * MAX_CHUNK_BYTES), (), [], 0))


def test_the_client_makes_one_future_for_a_chunk_and_counts_its_events() -> None:
    install()
    accumulator = RecordAccumulator(batch_size=BATCH_BYTES)
    place = TopicPartition("t", 0)

    futures = [
        accumulator.append(place, 1, b"", b"", chunk_of([EVENT] * count))[0]
        for count in (3, 4)
    ]
    (batch,) = accumulator._batches[place]
    batch.complete(50, -1)

    assert batch.record_count == 7
    assert [future.value.offset for future in futures] == [50, 53]


def test_the_client_goes_on_after_a_chunk_that_no_batch_holds() -> None:
    install()
    accumulator = RecordAccumulator(batch_size=1_000)
    place = TopicPartition("t", 0)
    large = chunk_of([EncodedEvent(b"k", b"x" * 1_000, (), [], 0)])

    with pytest.raises(MessageSizeTooLargeError):
        accumulator.append(place, 1, b"", b"", large)
    accumulator.append(place, 1, b"", b"", chunk_of([EVENT]))

    assert [batch.record_count for batch in accumulator._batches[place]] == [1]


def test_the_client_does_not_split_a_batch() -> None:
    install()
    batch = SimpleNamespace(
        record_count=2, final_state=None, has_reached_delivery_timeout=lambda _: False
    )
    sender = SimpleNamespace(_accumulator=SimpleNamespace(delivery_timeout_ms=1))

    assert not Sender._can_split(sender, batch, MessageSizeTooLargeError)
