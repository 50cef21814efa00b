"""PaymentResolver: decides by the state it reads, once the writer has room."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from actor_fakes import RecordedRole, World, open_order, receipt
from port_fakes import FakeSettlementStore

from orders.actors.messages import BatchDone, ResolvePayments, SettleOrders, Wake
from orders.actors.payment_resolver import PaymentResolver
from orders.actors.settlement_writer import weigh_settlement_work
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.order import OrderStatus, PaymentStatus
from orders.domain.payment import PaymentRule
from orders.domain.settlement import OpenOrder
from orders.domain.transitions import Change, State

AWAY = DatabaseUnavailableError("away")


@dataclass
class Bench:
    world: World
    store: FakeSettlementStore
    role: RecordedRole[Any]
    writer: RecordedRole[Any]
    consumer: RecordedRole[Any]
    actor: PaymentResolver

    def resolve(self, *names: str, token: int = 1) -> None:
        assert self.role.offer(ResolvePayments(names, receipt(token)))
        self.world.deliver(self.actor)

    def handed_on(self) -> list[SettleOrders]:
        hand = self.writer.lane.take(1000)
        if hand is None:
            return []
        hand.done()
        return hand.messages


@pytest.fixture
def bench(world: World) -> Bench:
    store = FakeSettlementStore(open_order("a"), open_order("b"), open_order("c"))
    role = world.role("resolver", capacity=50, weigh=lambda m: len(m.order_ids))
    writer = world.role("writer", capacity=4, weigh=weigh_settlement_work)
    consumer = world.role("consumer")
    actor = PaymentResolver(
        role,
        make_store=lambda: store,
        rule=PaymentRule(Decimal(10)),
        writer=writer,
        consumers={"consumer": consumer},
        status=world.status,
        telemetry=world.telemetry,
        max_batch_orders=4,
    )
    actor.on_start()
    return Bench(world, store, role, writer, consumer, actor)


def fill(bench: Bench, rows: int) -> None:
    settlements = tuple(range(rows))
    assert bench.writer.lane.offer(SettleOrders(settlements))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("total", "change"), [(999, Change.APPROVED), (1000, Change.DECLINED)]
)
def test_rule_decides_on_the_stored_total(
    bench: Bench, total: int, change: Change
) -> None:
    bench.store.open = {"a": open_order("a", total)}

    bench.resolve("a")

    (message,) = bench.handed_on()
    assert [s.change for s in message.settlements] == [change]


def test_outcomes_travel_with_the_receipts(bench: Bench) -> None:
    bench.resolve("a", "b")

    (message,) = bench.handed_on()
    assert message.receipts == (receipt(),)
    assert bench.consumer.told_of(BatchDone) == []


def test_waiting_batches_are_read_together(bench: Bench) -> None:
    bench.role.offer(ResolvePayments(("a", "b"), receipt(1)))
    bench.role.offer(ResolvePayments(("b", "c"), receipt(2)))

    bench.world.deliver(bench.actor)

    assert bench.store.reads == [["a", "b", "c"]]
    (message,) = bench.handed_on()
    assert message.receipts == (receipt(1), receipt(2))


def test_orders_already_settled_ask_for_nothing(bench: Bench) -> None:
    bench.store.open = {}

    bench.resolve("a")

    assert bench.handed_on() == []


def test_batch_without_work_is_acknowledged_at_once(bench: Bench) -> None:
    bench.store.open = {}

    bench.resolve("a")

    assert bench.consumer.told_of(BatchDone) == [BatchDone(receipt())]


@pytest.mark.parametrize(
    "state",
    [
        State(OrderStatus.PROCESSING, PaymentStatus.PENDING),
        State(OrderStatus.UNRESOLVED, PaymentStatus.UNKNOWN),
    ],
    ids=lambda state: state.status.value,
)
def test_orders_at_a_gateway_are_not_judged(bench: Bench, state: State) -> None:
    bench.store.open = {"a": open_order("a", state=state)}

    bench.resolve("a")

    assert bench.handed_on() == []


def test_stuck_orders_come_without_a_receipt(bench: Bench) -> None:
    bench.role.offer(ResolvePayments(("a",)))

    bench.world.deliver(bench.actor)

    (message,) = bench.handed_on()
    assert message.receipts == ()


def test_full_writer_holds_it_back(bench: Bench) -> None:
    fill(bench, 4)

    bench.resolve("a")

    assert bench.store.reads == []
    assert bench.role.lane.depth == 1


def test_held_work_goes_on_when_the_writer_wakes_it(bench: Bench) -> None:
    fill(bench, 4)
    bench.resolve("a")
    bench.handed_on()

    bench.world.run(bench.actor, Wake())

    assert len(bench.handed_on()) == 1


def test_outcomes_the_writer_refuses_are_worked_on_again(bench: Bench) -> None:
    bench.store.on_read = lambda: fill(bench, 2)  # another one was quicker
    bench.resolve("a", "b", "c")
    bench.store.on_read = lambda: None
    assert bench.role.lane.waiting
    bench.handed_on()

    bench.world.run(bench.actor, Wake())

    (message,) = bench.handed_on()
    assert [s.order.order_id for s in message.settlements] == ["a", "b", "c"]


def test_nothing_is_read_that_the_writer_has_no_room_for(bench: Bench) -> None:
    fill(bench, 2)

    bench.resolve("a", "b", "c")

    assert bench.store.reads == []


def test_batch_that_fits_is_read_though_the_writer_is_busy(bench: Bench) -> None:
    fill(bench, 2)

    bench.resolve("a", "b")

    assert bench.store.reads == [["a", "b"]]


def test_nothing_is_acknowledged_that_was_not_handed_on(bench: Bench) -> None:
    bench.store.on_read = lambda: fill(bench, 2)  # another one was quicker

    bench.resolve("a", "b", "c")

    assert bench.consumer.told == []


def test_consumers_are_woken_when_there_is_room_again(bench: Bench) -> None:
    bench.resolve("a")

    assert bench.consumer.told_of(Wake) == [Wake()]


def test_unknown_orders_are_counted_not_buried(bench: Bench) -> None:
    bench.store.open, bench.store.unknown = {}, 2

    bench.resolve("x", "y")

    assert bench.world.telemetry.unknown_count == 2
    assert bench.consumer.told_of(BatchDone) == [BatchDone(receipt())]


def test_unknown_orders_are_counted_once_though_the_batch_is_read_twice(
    bench: Bench,
) -> None:
    bench.store.unknown = 1
    bench.store.on_read = lambda: fill(bench, 2)  # another one was quicker
    bench.resolve("a", "b", "c", "x")
    bench.store.on_read = lambda: None
    bench.handed_on()

    bench.world.run(bench.actor, Wake())

    assert bench.world.telemetry.unknown_count == 1


# --- orders that cannot be decided on ---


def unknown_currency(name: str) -> OpenOrder:
    return open_order(name)._replace(currency="XXX")


def test_order_without_a_decision_does_not_stop_the_others(bench: Bench) -> None:
    bench.store.open["b"] = unknown_currency("b")

    bench.resolve("a", "b", "c")

    (message,) = bench.handed_on()
    assert [s.order.order_id for s in message.settlements] == ["a", "c"]
    assert message.receipts == (receipt(),)


def test_order_without_a_decision_is_logged(bench: Bench) -> None:
    bench.store.open["b"] = unknown_currency("b")

    bench.resolve("b")

    ((level, name, fields),) = bench.world.log.lines
    assert (level, name) == ("error", "settlement.undecidable")
    assert fields["order_id"] == "b"
    assert isinstance(fields["exc_info"], KeyError)


def test_batch_without_a_decision_is_acknowledged(bench: Bench) -> None:
    bench.store.open = {"b": unknown_currency("b")}

    bench.resolve("b")

    assert bench.consumer.told_of(BatchDone) == [BatchDone(receipt())]
    assert bench.role.lane.depth == 0


def test_failed_read_is_tried_again(bench: Bench) -> None:
    bench.store.errors = [AWAY]
    bench.resolve("a")
    assert bench.role.lane.depth == 1

    bench.world.pass_time(bench.actor, 0.25)

    assert len(bench.handed_on()) == 1
    assert bench.role.lane.depth == 0


def test_nothing_is_read_while_the_database_is_known_to_be_away(bench: Bench) -> None:
    bench.world.status.database_errors["writer"] = "away"
    bench.resolve("a")
    assert bench.store.reads == []

    bench.world.status.database_errors["writer"] = ""
    bench.world.pass_time(bench.actor, 0.25)

    assert len(bench.handed_on()) == 1


def test_more_than_a_batch_is_resolved_in_steps(bench: Bench) -> None:
    bench.store.open = {}
    bench.role.offer(ResolvePayments(("a", "b", "c")))
    bench.role.offer(ResolvePayments(("d", "e", "f")))

    bench.world.deliver(bench.actor)

    assert bench.store.reads == [["a", "b", "c"], ["d", "e", "f"]]


def test_store_is_closed_at_the_end(bench: Bench) -> None:
    bench.actor.on_stop()

    assert bench.store.closed
