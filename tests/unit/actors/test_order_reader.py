"""OrderReader: look-ups in batches, and clients that wait for an outcome."""

from dataclasses import dataclass
from typing import Any

import pytest
from actor_fakes import PAID, PENDING, RecordedRole, World, order, ticket
from port_fakes import FakeReadStore

from orders.actors.messages import (
    DATABASE_UNAVAILABLE,
    INTERNAL_ERROR,
    Drain,
    OrdersSettled,
    ReadOrder,
    Refused,
    Ticket,
)
from orders.actors.order_reader import OrderReader
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.order import OrderStatus, PaymentStatus
from orders.domain.transitions import State

AWAY = DatabaseUnavailableError("away")
UNAVAILABLE = Refused(DATABASE_UNAVAILABLE, 2.0)


@dataclass
class Bench:
    world: World
    store: FakeReadStore
    role: RecordedRole[Any]
    actor: OrderReader

    def ask(
        self,
        order_id: str,
        name: str = "t",
        *,
        wait_seconds: float | None = None,
        tenant_id: str = "default",
        asker: Ticket | None = None,
    ) -> None:
        until = None if wait_seconds is None else self.world.clock() + wait_seconds
        asker = asker or ticket(name)
        self.role.offer(ReadOrder(tenant_id, order_id, asker, until))
        self.world.deliver(self.actor)

    def settle(self, name: str, state: State = PAID) -> None:
        self.store.put(order(name, state))

    @property
    def given(self) -> dict[object, object]:
        return self.world.replies.given


@pytest.fixture
def bench(world: World) -> Bench:
    store = FakeReadStore(order("a"), order("b"), order("paid", PAID))
    role = world.role("reader", capacity=10_000)
    actor = OrderReader(
        role,
        make_store=lambda: store,
        replies=world.replies,
        status=world.status,
        max_waiters=3,
    )
    actor.on_start()
    return Bench(world, store, role, actor)


# --- look-ups ---


def test_order_is_answered_as_it_is(bench: Bench) -> None:
    bench.ask("a")

    assert bench.given == {"t": order("a")}


def test_missing_order_is_none(bench: Bench) -> None:
    bench.ask("missing")

    assert bench.given == {"t": None}


def test_order_of_another_tenant_is_none(bench: Bench) -> None:
    bench.ask("a", tenant_id="other")

    assert bench.given == {"t": None}


def test_order_of_another_tenant_is_not_waited_for(bench: Bench) -> None:
    bench.ask("a", tenant_id="other", wait_seconds=10)

    assert bench.given == {"t": None}


def test_waiting_look_ups_share_one_query(bench: Bench) -> None:
    for name, order_id in (("1", "a"), ("2", "b"), ("3", "a")):
        bench.role.offer(ReadOrder("default", order_id, ticket(name)))

    bench.world.deliver(bench.actor)

    assert bench.store.reads == [["a", "b"]]
    assert bench.given == {"1": order("a"), "2": order("b"), "3": order("a")}


def test_query_asks_for_no_more_than_five_hundred(bench: Bench) -> None:
    for number in range(501):
        bench.role.offer(ReadOrder("default", str(number), ticket(str(number))))

    bench.world.deliver(bench.actor)

    assert [len(ids) for ids in bench.store.reads] == [500, 1]


def test_look_up_is_refused_while_the_database_is_away(bench: Bench) -> None:
    bench.store.errors = [AWAY]

    bench.ask("a")

    assert bench.given == {"t": UNAVAILABLE}
    assert bench.role.lane.depth == 0


def test_only_the_question_that_fails_is_refused(bench: Bench) -> None:
    bench.store.bad_ids = {"bad"}
    for order_id in ("a", "b", "bad", "paid", "missing"):
        bench.role.offer(ReadOrder("default", order_id, ticket(order_id)))

    bench.world.deliver(bench.actor)

    assert bench.given == {
        "a": order("a"),
        "b": order("b"),
        "bad": Refused(INTERNAL_ERROR, 2.0),
        "paid": order("paid", PAID),
        "missing": None,
    }


def test_question_that_fails_does_not_come_back(bench: Bench) -> None:
    bench.store.bad_ids = {"bad"}

    bench.ask("bad", wait_seconds=10)

    assert bench.role.lane.depth == 0
    assert bench.world.status.waiters == 0


def test_question_that_fails_is_logged_with_its_exception(bench: Bench) -> None:
    error = ValueError("a row that nobody understands")
    bench.store.errors = [error]

    bench.ask("a")

    assert bench.world.log.lines == [("error", "reader.failed", {"exc_info": error})]


def test_waited_order_that_fails_leaves_the_others_waiting(bench: Bench) -> None:
    bench.ask("a", "1", wait_seconds=10)
    bench.ask("b", "2", wait_seconds=10)
    bench.store.bad_ids = {"b"}

    bench.world.pass_time(bench.actor, 0.03)

    assert bench.given == {"2": Refused(INTERNAL_ERROR, 2.0)}
    assert bench.world.status.waiters == 1


def test_finding_a_bad_question_among_many_takes_few_queries(bench: Bench) -> None:
    bench.store.bad_ids = {"77"}
    for number in range(500):
        bench.role.offer(ReadOrder("default", str(number), ticket(str(number))))

    bench.world.deliver(bench.actor)

    assert len(bench.store.reads) <= 20


# --- waiting ---


def test_unsettled_order_is_waited_for(bench: Bench) -> None:
    bench.ask("a", wait_seconds=10)

    assert bench.given == {}
    assert bench.world.status.waiters == 1


@pytest.mark.parametrize(
    "state",
    [
        PAID,
        State(OrderStatus.FAILED, PaymentStatus.FAILED),
        State(OrderStatus.CANCELLED, PaymentStatus.NONE),
    ],
    ids=lambda state: state.status.value,
)
def test_settled_order_is_not_waited_for(bench: Bench, state: State) -> None:
    bench.settle("a", state)

    bench.ask("a", wait_seconds=10)

    assert bench.given == {"t": order("a", state)}


def test_missing_order_is_not_waited_for(bench: Bench) -> None:
    bench.ask("missing", wait_seconds=10)

    assert bench.given == {"t": None}


def test_settlement_on_this_node_answers_at_once(bench: Bench) -> None:
    bench.ask("a", wait_seconds=10)
    bench.settle("a")

    bench.world.run(bench.actor, OrdersSettled(("a", "elsewhere")))

    assert bench.given == {"t": order("a", PAID)}
    assert bench.world.status.waiters == 0


def test_all_who_wait_for_an_order_are_answered(bench: Bench) -> None:
    bench.ask("a", "1", wait_seconds=10)
    bench.ask("a", "2", wait_seconds=10)
    bench.settle("a")

    bench.world.run(bench.actor, OrdersSettled(("a",)))

    assert set(bench.given) == {"1", "2"}


def test_order_named_twice_is_answered_once(bench: Bench) -> None:
    bench.ask("a", wait_seconds=10)
    bench.settle("a")

    bench.world.run(bench.actor, OrdersSettled(("a", "a")))

    assert bench.given == {"t": order("a", PAID)}


def test_settlement_nobody_waits_for_asks_nothing(bench: Bench) -> None:
    bench.world.run(bench.actor, OrdersSettled(("a",)))

    assert bench.store.reads == []


def test_settlement_elsewhere_is_found_by_asking(bench: Bench) -> None:
    bench.ask("a", wait_seconds=10)
    bench.settle("a")

    bench.world.pass_time(bench.actor, 0.03)

    assert bench.given == {"t": order("a", PAID)}


def test_all_waited_orders_are_asked_for_in_one_query(bench: Bench) -> None:
    bench.ask("a", "1", wait_seconds=10)
    bench.ask("b", "2", wait_seconds=10)
    bench.store.reads.clear()

    bench.world.pass_time(bench.actor, 0.03)

    assert bench.store.reads == [["a", "b"]]


def test_pauses_grow_to_a_quarter_of_a_second(bench: Bench) -> None:
    bench.ask("a", wait_seconds=30)
    bench.world.pass_time(bench.actor, 10)
    bench.store.reads.clear()

    bench.world.pass_time(bench.actor, 5)

    assert 19 <= len(bench.store.reads) <= 21


def test_pauses_start_anew_with_a_new_client(bench: Bench) -> None:
    bench.ask("a", "1", wait_seconds=30)
    bench.world.pass_time(bench.actor, 10.1)
    bench.ask("b", "2", wait_seconds=30)
    bench.settle("b")

    bench.world.pass_time(bench.actor, 0.03)

    assert "2" in bench.given


def test_stream_of_new_clients_does_not_put_off_the_others(bench: Bench) -> None:
    bench.actor._max_waiters = 1000
    bench.ask("a", wait_seconds=10)
    bench.settle("a")

    for number in range(20):
        bench.ask("b", f"other-{number}", wait_seconds=10)
        bench.world.pass_time(bench.actor, 0.01)

    assert bench.given == {"t": order("a", PAID)}


def reading_takes(bench: Bench, seconds: float) -> None:
    bench.store.on_read = lambda: bench.world.clock.advance(seconds)


def test_asking_for_those_who_wait_takes_a_tenth_of_the_time_at_most(
    bench: Bench,
) -> None:
    bench.actor._max_waiters = 1000
    reading_takes(bench, 0.02)
    began = bench.world.clock()

    for number in range(200):
        bench.ask("a", str(number), wait_seconds=60)
        bench.world.pass_time(bench.actor, 0.02)

    polls = len(bench.store.reads) - 200
    assert 0.05 < polls * 0.02 / (bench.world.clock() - began) < 0.11


def test_few_clients_hear_of_a_settlement_within_a_tenth_of_a_second(
    bench: Bench,
) -> None:
    reading_takes(bench, 0.003)
    bench.ask("a", "1", wait_seconds=60)
    bench.world.pass_time(bench.actor, 5)
    bench.ask("b", "2", wait_seconds=60)
    bench.settle("b")

    bench.world.pass_time(bench.actor, 0.1)

    assert "2" in bench.given


def test_slow_database_does_not_put_off_the_end_of_a_wait(bench: Bench) -> None:
    reading_takes(bench, 1.0)
    bench.ask("a", wait_seconds=3)

    bench.world.pass_time(bench.actor, 3.8)

    assert bench.given == {"t": order("a")}


def test_wait_that_ends_answers_the_present_state(bench: Bench) -> None:
    bench.ask("a", wait_seconds=1)

    bench.world.pass_time(bench.actor, 1.3)

    assert bench.given == {"t": order("a", PENDING)}
    assert bench.world.status.waiters == 0


def test_nothing_is_answered_before_the_wait_ends(bench: Bench) -> None:
    bench.ask("a", wait_seconds=1)

    bench.world.pass_time(bench.actor, 0.9)

    assert bench.given == {}


def test_asking_stops_when_nobody_waits(bench: Bench) -> None:
    bench.ask("a", wait_seconds=1)
    bench.world.pass_time(bench.actor, 2)
    bench.store.reads.clear()

    bench.world.pass_time(bench.actor, 10)

    assert bench.store.reads == []


def test_clients_past_the_cap_get_the_present_state(bench: Bench) -> None:
    for number in range(3):
        bench.ask("a", str(number), wait_seconds=10)

    bench.ask("a", "one-too-many", wait_seconds=10)

    assert bench.given == {"one-too-many": order("a")}


def test_room_among_the_waiters_is_given_back(bench: Bench) -> None:
    for number in range(3):
        bench.ask("a", str(number), wait_seconds=1)
    bench.world.pass_time(bench.actor, 2)

    bench.ask("a", "next", wait_seconds=1)

    assert "next" not in bench.given


def test_waiters_are_refused_when_the_database_goes_away(bench: Bench) -> None:
    bench.ask("a", wait_seconds=10)
    bench.store.errors = [AWAY]

    bench.world.pass_time(bench.actor, 0.03)

    assert bench.given == {"t": UNAVAILABLE}
    assert bench.world.status.waiters == 0


# --- the end ---


def test_draining_answers_those_who_wait(bench: Bench) -> None:
    bench.ask("a", wait_seconds=10)

    bench.world.run(bench.actor, Drain())

    assert bench.given == {"t": order("a")}
    assert bench.role.drained.is_set()


def test_nobody_waits_on_a_draining_node(bench: Bench) -> None:
    bench.world.run(bench.actor, Drain())

    bench.ask("a", wait_seconds=10)

    assert bench.given == {"t": order("a")}


def test_those_who_wait_are_refused_when_the_reader_stops(bench: Bench) -> None:
    bench.ask("a", wait_seconds=10)

    bench.actor.on_stop()

    assert bench.given == {"t": UNAVAILABLE}
    assert bench.store.closed


@pytest.mark.parametrize("unwanted", [{"deadline": 1000.0}, {"is_gone": True}])
def test_a_question_without_a_waiting_client_is_not_asked(
    bench: Bench, unwanted: dict[str, Any]
) -> None:
    bench.ask("a", asker=ticket("t", **unwanted))

    assert bench.store.reads == []
    assert bench.given == {}
    assert bench.role.lane.depth == 0


def test_a_waiting_client_that_went_away_is_forgotten(bench: Bench) -> None:
    leaving = ticket("t")
    bench.ask("a", wait_seconds=20, asker=leaving)
    bench.store.reads.clear()

    leaving.is_gone = True  # type: ignore[attr-defined]
    bench.world.pass_time(bench.actor, 1)

    assert bench.store.reads == []
    assert bench.world.status.waiters == 0
