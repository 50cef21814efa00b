"""Polled records become order ids, dead letters and runs of offsets."""

from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from orders.domain.events import FINAL_EVENT_TYPES, OrderEvent
from orders.messaging.codec import ORDER_ID_MALFORMED, EventEncoder
from orders.messaging.lazy_headers import LazyHeaders
from orders.messaging.offsets import PolledRun
from orders.messaging.record_chunks import pack_header
from orders.messaging.sorting import sort_records

ACCEPTED = b"orders.order.accepted.v1"
ONE = "0198f3e0-7c1a-7b2c-8d3e-000000000001"
TWO = "0198f3e0-7c1a-7b2c-8d3e-000000000002"


class Record(NamedTuple):
    offset: int
    key: bytes | None
    kind: bytes = ACCEPTED
    partition: int = 0
    topic: str = "orders"
    value: bytes | None = b"{}"

    @property
    def headers(self) -> list[tuple[str, bytes | None]]:
        return [("ce_type", self.kind)]


class PackedRecord(NamedTuple):
    offset: int
    key: bytes | None
    headers: LazyHeaders
    partition: int = 0
    topic: str = "orders"
    value: bytes | None = b"{}"


def test_an_order_is_named_once_for_all_its_records() -> None:
    one, two = ONE.encode(), TWO.encode()

    found = sort_records(
        [[Record(0, one), Record(1, two)], [Record(5, one, partition=1)]]
    )

    assert found.order_ids == (ONE, TWO)


@pytest.mark.parametrize("kind", sorted(FINAL_EVENT_TYPES))
def test_records_of_finished_orders_ask_for_no_work(kind: str) -> None:
    found = sort_records([[Record(0, ONE.encode(), kind.encode())]])

    assert not found.asks_for_work


@pytest.mark.parametrize("kind", [*sorted(FINAL_EVENT_TYPES), ACCEPTED.decode()])
def test_packed_headers_are_sorted_as_those_taken_apart(kind: str) -> None:
    event = EventEncoder()(
        OrderEvent(ONE, 2, kind, "{}", datetime(2026, 3, 4, tzinfo=UTC))
    )
    packed = bytes([2 * len(event.headers)]) + b"".join(map(pack_header, event.headers))
    record = Record(0, ONE.encode(), kind.encode())

    apart, together = (
        sort_records([[record]]),
        sort_records([[PackedRecord(0, ONE.encode(), LazyHeaders(packed))]]),
    )

    assert together == apart


def test_a_final_type_that_is_not_the_first_header_is_found() -> None:
    final = min(FINAL_EVENT_TYPES).encode()
    headers = [("other", b"1"), ("ce_type", final)]
    packed = b"\x04" + b"".join(map(pack_header, headers))

    found = sort_records([[PackedRecord(0, ONE.encode(), LazyHeaders(packed))]])

    assert not found.asks_for_work


@pytest.mark.parametrize(
    ("key", "value"), [(None, b"{}"), (b"junk", b"{}"), (ONE.encode(), None)]
)
def test_a_packed_final_type_excuses_no_broken_record(
    key: bytes | None, value: bytes | None
) -> None:
    final = pack_header(("ce_type", min(FINAL_EVENT_TYPES).encode()))
    record = PackedRecord(0, key, LazyHeaders(b"\x02" + final), value=value)

    found = sort_records([[record]])

    assert len(found.dead_letters) == 1


def test_records_without_work_still_count_for_the_offsets() -> None:
    final = min(FINAL_EVENT_TYPES).encode()

    found = sort_records([[Record(3, ONE.encode(), final), Record(9, b"junk")]])

    assert found.runs == (PolledRun(0, 3, 9, 2),)


def test_a_record_that_names_no_order_is_handed_out_with_its_reason() -> None:
    found = sort_records([[Record(0, b"junk")]])

    assert [letter.reason for letter in found.dead_letters] == [ORDER_ID_MALFORMED]
    assert found.asks_for_work


def test_an_empty_poll_has_no_runs() -> None:
    assert sort_records([[]]).runs == ()
