"""PageReader: one page at a time."""

from dataclasses import dataclass
from typing import Any

import pytest
from actor_fakes import NOON, RecordedRole, World, order, ticket
from port_fakes import FakeReadStore

from orders.actors.messages import (
    DATABASE_UNAVAILABLE,
    INTERNAL_ERROR,
    PageQuestion,
    ReadHistory,
    ReadNotifications,
    ReadOrders,
    ReadRefunds,
    Refused,
)
from orders.actors.page_reader import PageReader
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.listing import OrderFilters, OrderPage
from orders.domain.notices import Notice, Notification
from orders.domain.records import HistoryEntry
from orders.domain.refunds import OrderRefunds

HISTORY = (HistoryEntry(1, "orders.order.accepted.v1", "{}", NOON, "system", None),)
NOTIFICATIONS = (Notification(Notice("a", 2, 7, "inbox", "paid"), NOON),)


@dataclass
class Bench:
    world: World
    store: FakeReadStore
    role: RecordedRole[Any]
    actor: PageReader

    def ask(self, *questions: PageQuestion) -> None:
        for question in questions:
            self.role.offer(question)
        self.world.deliver(self.actor)


@pytest.fixture
def bench(world: World) -> Bench:
    store = FakeReadStore()
    role = world.role("page-reader")
    actor = PageReader(
        role, make_store=lambda: store, replies=world.replies, status=world.status
    )
    actor.on_start()
    return Bench(world, store, role, actor)


def test_history_is_answered(bench: Bench) -> None:
    bench.store.history = HISTORY

    bench.ask(ReadHistory("default", "a", ticket("t")))

    assert bench.world.replies.given == {"t": HISTORY}
    assert bench.store.asked == [("default", "a")]


def test_history_of_a_missing_order_is_none(bench: Bench) -> None:
    bench.ask(ReadHistory("default", "a", ticket("t")))

    assert bench.world.replies.given == {"t": None}


def test_refunds_are_answered(bench: Bench) -> None:
    bench.store.refunds = OrderRefunds(order("a"), ())

    bench.ask(ReadRefunds("default", "a", ticket("t")))

    assert bench.world.replies.given == {"t": OrderRefunds(order("a"), ())}
    assert bench.store.asked == [("default", "a")]


def test_notifications_are_answered(bench: Bench) -> None:
    bench.store.notifications = NOTIFICATIONS

    bench.ask(ReadNotifications("default", 7, 100, ticket("t")))

    assert bench.world.replies.given == {"t": NOTIFICATIONS}
    assert bench.store.asked == [("default", 7, 100)]


def test_a_list_is_answered(bench: Bench) -> None:
    bench.store.page = OrderPage((), "b")

    bench.ask(ReadOrders("default", OrderFilters(user_id=7), "c", 50, ticket("t")))

    assert bench.world.replies.given == {"t": OrderPage((), "b")}
    assert bench.store.asked == [("default", OrderFilters(user_id=7), "c", 50)]


def test_every_waiting_question_is_answered(bench: Bench) -> None:
    bench.ask(*(ReadHistory("default", str(n), ticket(str(n))) for n in range(5)))

    assert set(bench.world.replies.given) == set("01234")
    assert bench.role.lane.depth == 0


def test_question_is_refused_while_the_database_is_away(bench: Bench) -> None:
    bench.store.errors = [DatabaseUnavailableError("away")]

    bench.ask(
        ReadHistory("default", "a", ticket("1")),
        ReadHistory("default", "a", ticket("2")),
    )

    assert bench.world.replies.given == {
        "1": Refused(DATABASE_UNAVAILABLE, 2.0),
        "2": None,
    }


def test_question_that_fails_is_refused_and_the_next_one_answered(
    bench: Bench,
) -> None:
    bench.store.errors = [ValueError("a row that nobody understands")]

    bench.ask(
        ReadHistory("default", "a", ticket("1")),
        ReadHistory("default", "b", ticket("2")),
    )

    assert bench.world.replies.given == {"1": Refused(INTERNAL_ERROR, 2.0), "2": None}
    assert bench.role.lane.depth == 0


def test_question_that_fails_is_logged_with_its_exception(bench: Bench) -> None:
    error = ValueError("a row that nobody understands")
    bench.store.errors = [error]

    bench.ask(ReadNotifications("default", 7, 100, ticket("t")))

    assert bench.world.log.lines == [("error", "reader.failed", {"exc_info": error})]


@pytest.mark.parametrize(
    "unwanted", [{"deadline": 999.0}, {"deadline": 1000.0}, {"is_gone": True}]
)
def test_a_question_without_a_waiting_client_is_not_asked(
    bench: Bench, unwanted: dict[str, Any]
) -> None:
    bench.ask(
        ReadHistory("default", "a", ticket("1", **unwanted)),
        ReadHistory("default", "b", ticket("2")),
    )

    assert bench.store.asked == [("default", "b")]
    assert bench.world.replies.given == {"2": None}
    assert bench.role.lane.depth == 0


def test_how_long_a_question_takes_is_told(bench: Bench) -> None:
    def slow(*_: object) -> None:
        bench.world.clock.advance(0.5)

    bench.store.read_history = slow  # type: ignore[method-assign]

    bench.ask(ReadHistory("default", "a", ticket("1")))
    assert bench.world.status.seconds_each == {"page-reader": pytest.approx(0.015)}

    bench.store.read_history = lambda *_: None  # type: ignore[method-assign]
    bench.ask(ReadHistory("default", "a", ticket("2")))
    assert bench.world.status.seconds_each == {"page-reader": pytest.approx(0.01455)}


def test_store_is_closed_at_the_end(bench: Bench) -> None:
    bench.actor.on_stop()

    assert bench.store.closed
