"""Readers asked for more than they can do go on answering what they can."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from orders.actors.front_desk import FrontDesk
from orders.actors.lane import Lane
from orders.actors.node_status import NodeStatus
from orders.actors.page_reader import PageReader
from orders.actors.role import Role
from orders.domain.listing import OrderPage
from orders.http.app import create_app
from orders.http.dispatcher import GreenletDispatcher
from orders.http.limits import Limits
from orders.http.loop import EventLoop
from orders.http.problems import listener_problem
from orders.http.server import OrderServer

pytestmark = pytest.mark.integration

PAGE_SECONDS = 0.05
TIMEOUT_SECONDS = 1.0
SECONDS = 3.0
LIST = "/v1/orders"
HISTORY = "/v1/orders/01920000-0000-7000-8000-000000000001/history"


class SlowStore:
    """A list takes 50 ms; there is no order that could have a history."""

    def __init__(self) -> None:
        self.lists = 0

    def list_orders(self, *_: object) -> OrderPage:
        self.lists += 1
        time.sleep(PAGE_SECONDS)  # it is what is simulated: a busy PostgreSQL
        return OrderPage((), None)

    def read_history(self, *_: object) -> None:
        return None

    def close(self) -> None:
        """Nothing is open."""


class Quiet:
    """Log, meter and telemetry that keep nothing."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_args, **_fields: None


class ReadingNode:
    """The HTTP loop, the front desk and both page readers, on one slow store."""

    def __init__(self) -> None:
        quiet, status = Quiet(), NodeStatus(database_errors={"writer": ""})
        self.store = SlowStore()
        loop = EventLoop(log=quiet)
        dispatcher = GreenletDispatcher(loop)
        self._roles: list[Role[Any]] = [
            Role(name, Lane(1000), log=quiet, clock=time.monotonic)
            for name in ("detail-reader", "page-reader", "unused")
        ]
        details, pages, unused = self._roles
        for role in (details, pages):
            role.seat(
                lambda role=role: PageReader.start(
                    role, make_store=lambda: self.store, replies=loop, status=status
                )
            )
        desk = FrontDesk(
            intake=unused,
            order_changer=unused,
            order_reader=unused,
            detail_reader=details,
            page_reader=pages,
            replies=loop,
            status=status,
            telemetry=quiet,
            max_unpublished=1,
            max_batch_orders=1,
        )
        app = create_app(
            backend=desk,
            parking=dispatcher,
            meter=quiet,
            log=quiet,
            clock=time.monotonic,
            default_currency="EUR",
            read_timeout_seconds=TIMEOUT_SECONDS,
        )
        self.server = OrderServer(
            app,
            host="127.0.0.1",
            port=0,
            loop=loop,
            dispatcher=dispatcher,
            problem=listener_problem,
            limits=Limits(
                max_connections=1000,
                refusal_room=256,
                max_body_bytes=1024,
                request_timeout_seconds=5,
                keep_alive_seconds=5,
            ),
        )
        self.server.bind()
        self._thread = threading.Thread(target=self.server.run)
        self._thread.start()

    def stop(self) -> None:
        self.server.drain(0)
        self._thread.join(10)
        for role in self._roles:
            role.vacate()


@pytest.fixture
def node() -> Iterator[ReadingNode]:
    running = ReadingNode()
    yield running
    running.stop()


class Asker:
    """One connection that asks again as soon as it is answered."""

    def __init__(self, port: int, path: str) -> None:
        self._port = port
        self._request = f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode()
        self.statuses: Counter[int] = Counter()
        self.slowest = 0.0
        self.advised = True

    async def ask_until(self, end: float, pause: float = 0.0) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while time.monotonic() < end:
            began = time.monotonic()
            writer.write(self._request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            status = int(head[9:12])
            self.statuses[status] += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
            if status == 503:
                self.advised = self.advised and b"retry-after: " in head
            await asyncio.sleep(pause)
        writer.close()


def crowd(node: ReadingNode, count: int) -> tuple[list[Asker], Asker]:
    """Have so many ask for lists, and one for a history; return them."""
    lists = [Asker(node.server.port, LIST) for _ in range(count)]
    history = Asker(node.server.port, HISTORY)

    async def all_of_them() -> None:
        end = time.monotonic() + SECONDS
        await asyncio.gather(
            history.ask_until(end, 0.05), *(it.ask_until(end) for it in lists)
        )

    asyncio.run(all_of_them())
    return lists, history


def answered(askers: list[Asker]) -> int:
    return sum(it.statuses[200] for it in askers)


def test_three_times_too_many_readers_get_as_many_pages_as_few_do(
    node: ReadingNode,
) -> None:
    few = answered(crowd(node, 10)[0])
    ran_before = node.store.lists

    many, history = crowd(node, 60)

    assert answered(many) >= 0.8 * few
    assert sum((it.statuses for it in many), Counter()).keys() == {200, 503}
    assert all(it.advised for it in many)
    assert max(it.slowest for it in many) < TIMEOUT_SECONDS + 0.5
    # Next to no page was read for a client that had been told it was late.
    assert node.store.lists - ran_before <= 1.1 * answered(many) + 2
    assert history.statuses.keys() == {404}
    assert history.statuses.total() > 10
    assert history.slowest < TIMEOUT_SECONDS / 2


def test_pages_of_clients_that_went_away_are_not_read(node: ReadingNode) -> None:
    async def come_and_go() -> None:
        lines = [
            await asyncio.open_connection("127.0.0.1", node.server.port)
            for _ in range(15)
        ]
        for _, writer in lines:
            writer.write(f"GET {LIST} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        await asyncio.sleep(2 * PAGE_SECONDS)
        for _, writer in lines:
            writer.transport.abort()  # resets the connection
        await asyncio.sleep(15 * PAGE_SECONDS)

    asyncio.run(come_and_go())

    assert 1 <= node.store.lists < 10
