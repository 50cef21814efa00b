"""Bytes of the topic: what is written, what is read, and what is refused."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from hypothesis import given
from hypothesis import strategies as st

from orders.domain.events import OrderEvent
from orders.domain.records import DeadLetter
from orders.messaging.codec import (
    KEY_MISSING,
    ORDER_ID_MALFORMED,
    VALUE_MISSING,
    EventEncoder,
    OrderRecord,
    decode,
)

ORDER_ID = "0198f3e0-7c1a-7b2c-8d3e-0123456789ab"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
EVENT = OrderEvent(
    ORDER_ID,
    3,
    "orders.order.paid.v1",
    f'{{"order_id":"{ORDER_ID}","version":3}}',
    datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC),
    TRACE,
)


class Record(NamedTuple):
    topic: str = "orders"
    partition: int = 2
    offset: int = 7
    key: bytes | None = ORDER_ID.encode()
    value: bytes | None = b"{}"
    headers: list[tuple[str, bytes | None]] = []  # noqa: RUF012 - never changed


def test_the_key_is_the_order_id() -> None:
    assert EventEncoder()(EVENT).key == ORDER_ID.encode()


def test_the_value_is_the_data_byte_for_byte() -> None:
    assert EventEncoder()(EVENT).value == EVENT.data.encode()


def test_an_independent_reader_understands_the_event() -> None:
    event = EventEncoder("/shop/orders")(EVENT)

    read = from_kafka_event(KafkaMessage(dict(event.headers), event.key, event.value))

    assert read.get_specversion() == "1.0"
    assert read.get_id() == f"{ORDER_ID}.3"
    assert read.get_source() == "/shop/orders"
    assert read.get_type() == "orders.order.paid.v1"
    assert read.get_subject() == ORDER_ID
    assert read.get_time() == EVENT.occurred_at
    assert read.get_datacontenttype() == "application/json"
    assert read.get_data() == json.loads(EVENT.data)


def test_the_trace_travels_under_its_own_name() -> None:
    assert ("traceparent", TRACE.encode()) in EventEncoder()(EVENT).headers


def test_without_a_trace_there_is_no_trace_header() -> None:
    untraced = EventEncoder()(EVENT._replace(traceparent=None))

    assert "traceparent" not in dict(untraced.headers)


@pytest.mark.parametrize(
    ("occurred_at", "text"),
    [
        (datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC), b"2026-03-04T05:06:07Z"),
        (
            datetime(2026, 3, 4, 5, 6, 7, 1, tzinfo=timezone(timedelta(hours=2))),
            b"2026-03-04T03:06:07.000001Z",
        ),
    ],
)
def test_times_are_written_in_utc(occurred_at: datetime, text: bytes) -> None:
    encoded = EventEncoder()(EVENT._replace(occurred_at=occurred_at))

    assert dict(encoded.headers)["ce_time"] == text


def test_events_of_other_times_and_types_do_not_share_what_differs() -> None:
    encode = EventEncoder()
    later = EVENT.occurred_at + timedelta(seconds=1)
    encode(EVENT)

    headers = dict(encode(EVENT._replace(type="t", occurred_at=later)).headers)

    assert headers["ce_type"] == b"t"
    assert headers["ce_time"] == b"2026-03-04T05:06:08.000089Z"


def test_what_is_written_can_be_read() -> None:
    event = EventEncoder()(EVENT)

    decoded = decode(
        Record(key=event.key, value=event.value, headers=list(event.headers))
    )

    assert decoded == OrderRecord(ORDER_ID, "orders.order.paid.v1")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Record(key=None), KEY_MISSING),
        (Record(key=None, value=None), KEY_MISSING),
        (Record(key=b""), ORDER_ID_MALFORMED),
        (Record(key=ORDER_ID.upper().encode()), ORDER_ID_MALFORMED),
        (Record(key=ORDER_ID.encode() + b"\n"), ORDER_ID_MALFORMED),
        (Record(key=b"\xff\x00" * 18), ORDER_ID_MALFORMED),
        (Record(key=ORDER_ID.replace("0", "\u0660").encode()), ORDER_ID_MALFORMED),
        (Record(value=None), VALUE_MISSING),
    ],
)
def test_a_record_that_names_no_order_is_a_dead_letter(
    record: Record, reason: str
) -> None:
    decoded = decode(record)

    assert isinstance(decoded, DeadLetter)
    assert decoded.reason == reason


def test_a_dead_letter_keeps_the_record_whole() -> None:
    record = Record(key=b"junk", value=b"\x00\xff", headers=[("h", None), ("i", b"1")])

    decoded = decode(record)

    assert decoded == DeadLetter(
        "orders",
        2,
        7,
        b"junk",
        (("h", None), ("i", b"1")),
        b"\x00\xff",
        ORDER_ID_MALFORMED,
    )


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        (
            Record(headers=[("ce_type", b"orders.order.split.v9")]),
            "orders.order.split.v9",
        ),
        (Record(value=b"not json", headers=[]), ""),
        (Record(headers=[("ce_type", None)]), ""),
        (Record(headers=[("ce_type", b"\xff")]), "\ufffd"),
    ],
)
def test_a_valid_order_id_is_work_whatever_else_the_record_says(
    record: Record, kind: str
) -> None:
    assert decode(record) == OrderRecord(ORDER_ID, kind)


@given(
    key=st.none() | st.binary(max_size=50),
    value=st.none() | st.binary(max_size=50),
    headers=st.lists(st.tuples(st.text(), st.none() | st.binary(max_size=9))),
)
def test_no_record_makes_decoding_raise(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    decoded = decode(Record(key=key, value=value, headers=headers))

    assert isinstance(decoded, (OrderRecord, DeadLetter))
