"""Orders that are stored and wait on the topic, made without a service."""

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import psycopg
import structlog
from psycopg import sql

from benchmarks.servers import Place
from orders.domain.events import OrderEvent, event_data, event_type
from orders.domain.identifiers import IdFactory
from orders.domain.order import DEFAULT_TENANT
from orders.domain.transitions import Change, move
from orders.messaging.producer import KafkaPublisher

_CURRENCY, _PAID_MINOR, _DECLINED_MINOR = "EUR", 49_900, 150_000
_DECLINED_EVERY = 5
_CHUNK = 2_000
_PUBLISH_SECONDS = 120.0
_ACCEPTED = move(None, Change.ACCEPTED)
_ORDERS = sql.SQL(
    "copy orders (order_id, tenant_id, user_id, currency, total, items, status,"
    " payment_status, version, created_at, updated_at) from stdin"
)
_EVENTS = sql.SQL(
    "copy order_events (order_id, version, type, data, occurred_at, actor) from stdin"
)
_PEER_ORDERS = sql.SQL(
    "copy orders (id, user_id, product_id, quantity, total_price, status) from stdin"
)


def make_events(count: int) -> list[OrderEvent]:
    """Return the first events of ``count`` new orders; one in five is declined."""
    new_id, now = IdFactory(), datetime.now(UTC)
    kind = event_type(Change.ACCEPTED)
    events = []
    for number in range(count):
        order_id = new_id()
        data = event_data(
            *(order_id, DEFAULT_TENANT, _user(number), _total(number), _CURRENCY),
            *(_ACCEPTED, 1),
        )
        events.append(OrderEvent(order_id, 1, kind, data, now))
    return events


def store(place: Place, events: Sequence[OrderEvent]) -> None:
    """Store the orders of ``events`` with their history, as intake leaves them."""
    state = (_ACCEPTED.status.value, _ACCEPTED.payment_status.value)
    with psycopg.connect(place.database_url) as connection:
        with connection.cursor().copy(_ORDERS) as copy:
            for number, event in enumerate(events):
                total, at = _total(number), event.occurred_at
                line = {"product_id": 3, "quantity": 2, "line_total": total}
                items = json.dumps([line], separators=(",", ":"))
                who = (event.order_id, DEFAULT_TENANT, _user(number))
                copy.write_row((*who, _CURRENCY, total, items, *state, 1, at, at))
        with connection.cursor().copy(_EVENTS) as copy:
            for event in events:
                told = (event.order_id, 1, event.type, event.data, event.occurred_at)
                copy.write_row((*told, "order-intake"))
    _analyse(place)


def store_for_peer(place: Place, events: Sequence[OrderEvent]) -> None:
    """Store the same orders in a peer's table, which is there already."""
    with (
        psycopg.connect(place.database_url) as connection,
        connection.cursor().copy(_PEER_ORDERS) as copy,
    ):
        for number, event in enumerate(events):
            price = _total(number) / 100
            copy.write_row((event.order_id, _user(number), 3, 2, price, "pending"))
    _analyse(place)


def as_peer_events(events: Sequence[OrderEvent]) -> list[OrderEvent]:
    """Return the events with the value that a peer publishes."""
    return [
        event._replace(
            data=f'{{"id":"{event.order_id}","user_id":{_user(number)},'
            f'"total_price":{_total(number) / 100}}}'
        )
        for number, event in enumerate(events)
    ]


def publish(place: Place, events: Sequence[OrderEvent]) -> None:
    """Put ``events`` on the topic and wait until Kafka confirmed them.

    Raises:
        TimeoutError: it does not.

    """
    publisher = KafkaPublisher(
        bootstrap_servers=place.brokers,
        client_id="benchmarks",
        topic=place.topic,
        log=structlog.get_logger(),
    )
    deadline, confirmed = time.monotonic() + _PUBLISH_SECONDS, 0
    for chunk in _chunks(events):
        left = list(chunk)
        while left:
            left = left[publisher.publish(left) :]
            confirmed += len(publisher.take_results().confirmed)
            _check(deadline)
    while confirmed < len(events):
        confirmed += len(publisher.take_results().confirmed)
        time.sleep(0.005)
        _check(deadline)
    publisher.close()


def _chunks(events: Sequence[OrderEvent]) -> Iterator[Sequence[OrderEvent]]:
    for start in range(0, len(events), _CHUNK):
        yield events[start : start + _CHUNK]


def _check(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError("Kafka did not confirm the backlog in time")


def _user(number: int) -> int:
    return number % 10_000 + 1


def _total(number: int) -> int:
    return _PAID_MINOR if number % _DECLINED_EVERY else _DECLINED_MINOR


def _analyse(place: Place) -> None:
    """Have the planner know the rows, as autovacuum would after a while."""
    place.change(sql.SQL("analyze"))
