"""Records are what the client's own batch makes of them, their headers apart."""

import struct
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import CorruptRecordError
from kafka.record.default_records import (
    ControlRecord,
    DefaultRecord,
    DefaultRecordBatch,
    DefaultRecordBatchBuilder,
)

from orders.messaging.lazy_headers import MALFORMED, LazyHeaders, LazyRecordBatch
from orders.messaging.record_chunks import varint

ATTRIBUTES_AT = DefaultRecordBatch.ATTRIBUTES_OFFSET
LOG_APPEND_TIME = DefaultRecordBatch.TIMESTAMP_TYPE_MASK
CONTROL = DefaultRecordBatch.CONTROL_MASK


class Given(NamedTuple):
    """A record as it is written."""

    time: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


MAYBE_BYTES = st.none() | st.binary(max_size=200)
RECORDS = st.lists(
    st.builds(
        Given,
        st.integers(0, 2**42),
        MAYBE_BYTES,
        MAYBE_BYTES,
        st.lists(st.tuples(st.text(max_size=20), MAYBE_BYTES), max_size=9),
    ),
    min_size=1,
    max_size=6,
)
FLAGS = st.sampled_from([0, LOG_APPEND_TIME])
CODECS = st.sampled_from([DefaultRecordBatch.CODEC_NONE, DefaultRecordBatch.CODEC_GZIP])


def new_builder(codec: int = 0) -> DefaultRecordBatchBuilder:
    return DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, 1_000_000)


def finished(
    builder: DefaultRecordBatchBuilder, base: int = 0, flags: int = 0
) -> bytes:
    """Return the batch as a broker hands it out: with its offset, and its flags."""
    buffer = builder.build()
    struct.pack_into(">q", buffer, 0, base)
    (attributes,) = struct.unpack_from(">h", buffer, ATTRIBUTES_AT)
    struct.pack_into(">h", buffer, ATTRIBUTES_AT, attributes | flags)
    return bytes(buffer)


def batch_of(
    records: list[Given], *, codec: int = 0, base: int = 0, flags: int = 0
) -> bytes:
    builder = new_builder(codec)
    for offset, record in enumerate(records):
        builder.append(offset, *record)
    return finished(builder, base, flags)


def batch_of_bodies(*bodies: bytes, lengths: list[int] | None = None) -> bytes:
    """Return a batch of records as they are, behind lengths that may be wrong."""
    builder = new_builder()
    for body, length in zip(bodies, lengths or map(len, bodies), strict=True):
        builder._buffer += varint(length) + body
        builder._num_records += 1
    return finished(builder)


def body_with(headers: bytes, key: bytes = b"k") -> bytes:
    """Return a record up to its headers, which are given as bytes."""
    return b"\x00\x00\x00" + varint(len(key)) + key + varint(1) + b"v" + headers


def looked_at(record: DefaultRecord) -> tuple[object, ...]:
    return (
        record.offset,
        record.timestamp,
        record.timestamp_type,
        record.key,
        record.value,
        list(record.headers),
        record.size_in_bytes,
    )


@given(RECORDS, st.integers(0, 2**50), FLAGS, CODECS)
def test_records_are_the_clients_own(
    records: list[Given], base: int, flags: int, codec: int
) -> None:
    written = batch_of(records, codec=codec, base=base, flags=flags)

    lazy = [looked_at(record) for record in LazyRecordBatch(written)]

    assert lazy == [looked_at(record) for record in DefaultRecordBatch(written)]


def test_a_compressed_batch_is_read() -> None:
    records = [Given(0, b"k" * 200, b"v" * 200, [("h", b"x" * 200)])]
    written = batch_of(records, codec=DefaultRecordBatch.CODEC_GZIP)

    (record,) = LazyRecordBatch(written)

    assert len(written) < 200
    assert (record.value, list(record.headers)) == (b"v" * 200, [("h", b"x" * 200)])


def test_a_control_batch_is_left_to_the_client() -> None:
    commit = struct.pack(">hh", 0, 1)
    written = batch_of([Given(0, commit, b"", [])], flags=CONTROL)

    (record,) = LazyRecordBatch(written)

    assert isinstance(record, ControlRecord)
    assert record.commit


def test_headers_are_the_same_at_every_walk() -> None:
    headers = LazyHeaders(varint(1) + varint(1) + b"h" + varint(1) + b"1")

    assert [list(headers), list(headers)] == [[("h", b"1")]] * 2


def test_headers_are_false_so_that_the_client_does_not_measure_them() -> None:
    assert not LazyHeaders(varint(1) + varint(1) + b"h" + varint(1) + b"1")


def test_headers_are_not_to_be_taken_for_an_empty_list() -> None:
    with pytest.raises(TypeError):
        len(LazyHeaders(varint(0)))  # type: ignore[arg-type]  # the point


@given(st.binary(max_size=60))
def test_whatever_the_client_refuses_is_told_and_the_rest_is_the_same(
    packed: bytes,
) -> None:
    written = batch_of_bodies(body_with(packed))
    try:
        (theirs,) = DefaultRecordBatch(written)
    except CorruptRecordError:
        expected = None
    else:
        expected = theirs.headers

    (record,) = LazyRecordBatch(written)
    found = list(record.headers)

    names = "".join(name for name, _ in found)
    if expected is None:
        assert found[-1][0] == MALFORMED or "\ufffd" in names
    else:
        assert found == expected


@given(
    st.lists(st.tuples(st.text(max_size=9), MAYBE_BYTES), min_size=1, max_size=4),
    st.data(),
)
def test_headers_that_are_cut_off_come_up_to_the_broken_one(
    headers: list[tuple[str, bytes | None]], data: st.DataObject
) -> None:
    parts = [
        varint(len(name.encode()))
        + name.encode()
        + (varint(-1) if value is None else varint(len(value)) + value)
        for name, value in headers
    ]
    whole = data.draw(st.integers(0, len(parts) - 1))
    rest = parts[whole][: data.draw(st.integers(0, len(parts[whole]) - 1))]

    found = list(LazyHeaders(varint(len(parts)) + b"".join(parts[:whole]) + rest))

    assert found == [*headers[:whole], (MALFORMED, rest)]


@pytest.mark.parametrize(
    ("packed", "found"),
    [
        (b"", [(MALFORMED, b"")]),
        (varint(-1), [(MALFORMED, b"")]),
        (varint(2**62), [(MALFORMED, b"")]),
        (b"\xff" * 20, [(MALFORMED, b"\xff" * 20)]),
        (varint(0) + b"more", [(MALFORMED, b"more")]),
        (varint(1) + varint(-1) + varint(-1), [(MALFORMED, varint(-1) * 2)]),
        (varint(1) + varint(9) + b"h", [(MALFORMED, varint(9) + b"h")]),
        (varint(1) + varint(1) + b"\xff" + varint(-1), [("\ufffd", None)]),
    ],
    ids="nothing negative endless varint trailing null-name short not-utf-8".split(),
)
def test_malformed_headers_are_kept_and_raise_nothing(
    packed: bytes, found: list[tuple[str, bytes | None]]
) -> None:
    assert list(LazyHeaders(packed)) == found


@given(RECORDS, st.data())
def test_a_batch_that_is_cut_off_is_corrupt(
    records: list[Given], data: st.DataObject
) -> None:
    written = batch_of(records)
    start = DefaultRecordBatch.HEADER_STRUCT.size
    end = data.draw(st.integers(start, len(written) - 1))

    with pytest.raises(CorruptRecordError):
        list(LazyRecordBatch(written[:end]))


@pytest.mark.parametrize("length", [-1, 0, 3, 1_000])
def test_a_record_that_is_not_as_long_as_it_says_is_corrupt(length: int) -> None:
    body = body_with(varint(0))
    written = batch_of_bodies(body, lengths=[length])

    with pytest.raises(CorruptRecordError):
        next(iter(LazyRecordBatch(written)))


def test_a_record_that_is_cut_off_is_not_handed_out() -> None:
    written = batch_of([Given(0, b"key", b"value", [("name", b"x" * 50)])])

    with pytest.raises(CorruptRecordError):
        next(iter(LazyRecordBatch(written[:-10])))


def test_a_field_that_reaches_into_the_next_record_is_corrupt() -> None:
    broken = b"\x00\x00\x00" + varint(20) + b"short" + varint(0) + varint(0)
    written = batch_of_bodies(broken, body_with(varint(0), key=b"x" * 200))

    with pytest.raises(CorruptRecordError):
        list(LazyRecordBatch(written))


@given(st.binary(max_size=80))
def test_bytes_of_any_kind_are_records_or_corrupt(junk: bytes) -> None:
    written = batch_of_bodies(junk)

    try:
        records = list(LazyRecordBatch(written))
    except CorruptRecordError:
        return
    assert all(isinstance(list(record.headers), list) for record in records)
