"""What the parts below the service do by themselves: ceilings for ``drain``."""

import json
import time
from collections.abc import Sequence

import psycopg
from kafka import KafkaConsumer, TopicPartition

from benchmarks.servers import Place
from orders.domain.events import OrderEvent, event_type
from orders.domain.order import OrderStatus, PaymentStatus
from orders.domain.transitions import Change
from orders.persistence.rows import id_array
from orders.persistence.statements import Statements

_POLL_RECORDS = 500
_BATCH = 2_000
"""As many as the service settles in one transaction at the most."""
_SECONDS = 120.0
_PAID = (OrderStatus.PAID.value, PaymentStatus.SUCCESS.value)
_PENDING = (OrderStatus.PENDING.value, PaymentStatus.PENDING.value)


def consume(place: Place, count: int, partitions: int = 6) -> float:
    """Return the records a second that kafka-python polls and nobody looks at.

    From the first records to the last, as a drain is measured: connecting and the
    first fetch are no part of a rate.

    Raises:
        TimeoutError: the records do not come.

    """
    consumer = KafkaConsumer(
        bootstrap_servers=place.brokers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=_POLL_RECORDS,
    )
    consumer.assign([TopicPartition(place.topic, it) for it in range(partitions)])
    give_up = time.perf_counter() + _SECONDS
    first, began, seen = 0, 0.0, 0
    try:
        while seen < count:
            polled = consumer.poll(timeout_ms=500)
            came = sum(len(records) for records in polled.values())
            if came and not seen:
                first, began = came, time.perf_counter()
            seen += came
            if time.perf_counter() > give_up:
                raise TimeoutError(f"{seen} of {count} records came")
        return (seen - first) / (time.perf_counter() - began)
    finally:
        consumer.close()


def settle(place: Place, events: Sequence[OrderEvent]) -> float:
    """Return the orders a second that PostgreSQL settles in batches of 2,000.

    With the service's own statements, their parameters made before: nothing is
    read, decided or published.
    """
    statements = Statements("settlement.sql")
    move, record = statements["move_orders"].text, statements["record_settlements"].text
    batches = [
        ([event.order_id for event in chunk], _rows(chunk))
        for chunk in (events[at : at + _BATCH] for at in range(0, len(events), _BATCH))
    ]
    with (
        psycopg.connect(place.database_url, prepare_threshold=1) as connection,
        psycopg.RawCursor(connection) as cursor,
    ):
        began = time.perf_counter()
        for order_ids, rows in batches:
            cursor.execute(move, (id_array(order_ids), *_PAID, *_PENDING, 1))
            cursor.execute(record, (rows, 0))
            connection.commit()
        return len(events) / (time.perf_counter() - began)


def _rows(events: Sequence[OrderEvent]) -> str:
    return json.dumps(
        [
            {
                "id": event.order_id,
                "version": 2,
                "type": event_type(Change.APPROVED),
                "data": event.data,
                "tenant": "default",
                "usr": 1,
                "channel": "email",
                "message": "Your payment was successful.",
            }
            for event in events
        ]
    )
