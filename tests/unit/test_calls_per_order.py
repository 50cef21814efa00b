"""What an order costs in calls, on the paths that every order takes.

Times differ from machine to machine; how many functions are called does not, and a
path that gets slower nearly always calls more. Each limit is a tenth or so above what
was counted, so that a harmless change passes and one more pass over every order does
not. Whoever makes a path cheaper lowers its limit.
"""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType, SimpleNamespace

import pytest
from kafka.record.default_records import DefaultRecordBatchBuilder

from orders.domain.events import OrderEvent
from orders.domain.identifiers import IdFactory
from orders.domain.intake import IdempotencyKey, NewOrder, Stored
from orders.domain.order import OrderLine, OrderRequest
from orders.http.app import create_app
from orders.http.environment import environment_of_connection
from orders.http.parser import RequestParser
from orders.http.task import AppTask
from orders.http.waitress_edge import Adjustments
from orders.messaging.codec import EventEncoder
from orders.messaging.lazy_headers import LazyRecordBatch
from orders.messaging.record_chunks import Chunk
from orders.messaging.sorting import sort_records
from orders.persistence.rows import encode_orders

ORDERS = 100
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ACCEPTED, PAID = "orders.order.accepted.v1", "orders.order.paid.v1"
BODY = (
    b'{"user_id":7,"currency":"EUR","total":"99.80",'
    b'"items":[{"product_id":3,"quantity":2,"line_total":"99.80"}]}'
)
OLDER_BODY = b'{"user_id":7,"product_id":3,"quantity":2,"total_price":499}'


def calls_per_order(work: Callable[[], object], orders: int = ORDERS) -> float:
    """Count the calls of Python and C functions while ``work`` runs, an order.

    Once before for the caches, which are not what is asked about.
    """
    work()
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return calls / orders


class Process:
    """The rest of the process: stores at once and counts nothing."""

    def submit(self, _submission: object) -> None:
        """Take it."""

    def ticket(self, deadline: float) -> float:
        return deadline

    def park(self, _ticket: object) -> Stored:
        return Stored(NOW)

    def http_request(self, *_: object) -> None:
        """Count it."""

    def error(self, event: str, **fields: object) -> None:
        raise AssertionError((event, fields))


class Channel:
    """A connection on which one client sends the same request over and over."""

    environment = environment_of_connection("localhost", 80, ("127.0.0.1", 4711))

    def __init__(self, app: object, request: bytes) -> None:
        self._request = request
        self.adj = Adjustments()
        self.server = SimpleNamespace(
            application=app,
            draining=False,
        )
        self.answers: list[bytes] = []

    def write_soon(self, data: bytes) -> None:
        self.answers.append(data)

    def serve(self) -> None:
        for _ in range(ORDERS):
            parser = RequestParser(self.adj)
            head = parser.received(self._request)
            parser.received(self._request[head:])
            self.requests = [parser]
            AppTask(self, parser).service()


def channel_of(path: str, body: bytes, *fields: str) -> Channel:
    """Return the connection of a client that posts ``body``."""
    process = Process()
    app = create_app(
        backend=process,
        parking=process,
        meter=process,
        log=process,
        clock=lambda: 1000.0,
        default_currency="USD",
    )
    head = "\r\n".join(
        [
            f"POST {path} HTTP/1.1",
            "Host: shop",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *fields,
        ]
    )
    return Channel(app, f"{head}\r\n\r\n".encode() + body)


def new_orders(key: IdempotencyKey | None) -> list[NewOrder]:
    make_id = IdFactory()
    request = OrderRequest(7, "EUR", 9980, (OrderLine(3, 2, 9980),))
    return [NewOrder(make_id(), "default", request, "{}", key) for _ in range(ORDERS)]


def events(kind: str) -> list[OrderEvent]:
    make_id, data = IdFactory(), "x" * 200
    return [OrderEvent(make_id(), 1, kind, data, NOW) for _ in range(ORDERS)]


def batch_of(kind: str) -> bytes:
    """Return a batch of records as a broker hands it out."""
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1 << 20)
    for offset, event in enumerate(map(EventEncoder(), events(kind))):
        builder.append(offset, 0, event.key, event.value, event.headers)
    return bytes(builder.build())


@pytest.mark.parametrize(
    ("path", "body", "fields", "limit"),
    [
        ("/Orders", OLDER_BODY, (), 204),
        ("/v1/orders", BODY, (), 242),
        ("/v1/orders", BODY, ("Idempotency-Key: k-1",), 262),
    ],
    ids=["older", "v1", "v1-keyed"],
)
def test_taking_an_order_on_the_event_loop_calls_little(
    path: str, body: bytes, fields: tuple[str, ...], limit: int
) -> None:
    channel = channel_of(path, body, *fields)

    assert calls_per_order(channel.serve) < limit
    assert {answer[:11] for answer in channel.answers} == {b"HTTP/1.1 20"}


def test_building_the_rows_of_intake_calls_little() -> None:
    batch = new_orders(None)

    assert calls_per_order(lambda: encode_orders(batch)) < 2.5


def test_building_the_rows_of_keyed_intake_calls_little() -> None:
    batch = new_orders(IdempotencyKey("POST /v1/orders", "k", b"0" * 20))

    assert calls_per_order(lambda: encode_orders(batch)) < 3.5


def test_packing_an_event_for_kafka_calls_little() -> None:
    encode, batch = EventEncoder(), events(ACCEPTED)

    def pack() -> None:
        chunk = Chunk()
        for event in batch:
            chunk.add(encode(event))

    assert calls_per_order(pack) < 20


@pytest.mark.parametrize(("kind", "limit"), [(ACCEPTED, 24), (PAID, 24)])
def test_reading_a_record_calls_little(kind: str, limit: int) -> None:
    written = batch_of(kind)

    def read() -> None:
        records = [
            SimpleNamespace(
                partition=0,
                topic="orders",
                offset=record.offset,
                key=record.key,
                value=record.value,
                headers=record.headers,
            )
            for record in LazyRecordBatch(written)
        ]
        sort_records([records])

    assert calls_per_order(read) < limit
