"""OrderIntake: what waits can still be refused with certainty."""

from dataclasses import dataclass
from typing import Any

import pytest
from actor_fakes import RecordedRole, World, store_orders

from orders.actors.messages import NOT_STORED, Refused, StoreOrders, Wake
from orders.actors.order_intake import OrderIntake


@dataclass
class Bench:
    world: World
    role: RecordedRole[Any]
    writer: RecordedRole[Any]
    other: RecordedRole[Any]
    actor: OrderIntake

    def passed_on(self, writer: RecordedRole[Any] | None = None) -> list[str]:
        """Ids of the orders in a writer's lane, the first's, taken out of it."""
        hand = (writer or self.writer).lane.take(1000)
        if hand is None:
            return []
        hand.done()
        return [s.order.order_id for m in hand.messages for s in m.submissions]


def orders_in(message: StoreOrders) -> int:
    return len(message.submissions)


def make_bench(world: World, *, writers: int) -> Bench:
    role = world.role("intake", capacity=100, weigh=orders_in)
    writer = world.role("writer", capacity=4, weigh=orders_in)
    other = world.role("other", capacity=4, weigh=orders_in)
    actor = OrderIntake(
        role,
        writers=(writer, other)[:writers],
        replies=world.replies,
        status=world.status,
        telemetry=world.telemetry,
        max_batch_orders=4,
        client_waits_seconds=2.0,
        pace=world.pace,
    )
    actor.on_start()
    return Bench(world, role, writer, other, actor)


@pytest.fixture
def bench(world: World) -> Bench:
    return make_bench(world, writers=1)


@pytest.fixture
def pool(world: World) -> Bench:
    """Two writers that both reach PostgreSQL."""
    world.status.database_errors["writer"] = ""
    world.status.database_errors["other"] = ""
    return make_bench(world, writers=2)


def test_waiting_orders_are_passed_on_in_order(bench: Bench) -> None:
    bench.role.offer(store_orders("a", "b"))
    bench.role.offer(store_orders("c"))

    bench.world.deliver(bench.actor)

    assert bench.passed_on() == ["a", "b", "c"]
    assert bench.role.lane.depth == 0


def test_turns_are_merged_into_one_message(bench: Bench) -> None:
    bench.role.offer(store_orders("a", "b"))
    bench.role.offer(store_orders("c"))

    bench.world.deliver(bench.actor)

    hand = bench.writer.lane.take(1000)
    assert hand is not None
    assert len(hand.messages) == 1


def test_orders_wait_here_while_the_writer_is_full(bench: Bench) -> None:
    bench.writer.offer(store_orders("1", "2", "3", "4"))
    bench.role.offer(store_orders("a"))

    bench.world.deliver(bench.actor)

    assert bench.role.lane.depth == 1


def test_waiting_goes_on_when_the_writer_wakes_it(bench: Bench) -> None:
    bench.writer.offer(store_orders("1", "2", "3", "4"))
    bench.role.offer(store_orders("a"))
    bench.world.deliver(bench.actor)
    bench.passed_on()

    bench.world.run(bench.actor, Wake())

    assert bench.passed_on() == ["a"]


def test_batch_too_big_for_the_room_left_goes_back_whole(bench: Bench) -> None:
    bench.writer.offer(store_orders("1", "2"))
    bench.role.offer(store_orders("a", "b", "c"))

    bench.world.deliver(bench.actor)

    assert bench.role.lane.depth == 3
    assert bench.role.lane.waiting
    assert bench.passed_on() == ["1", "2"]


def test_turn_bigger_than_the_writers_lane_is_passed_on_once_that_is_empty(
    bench: Bench,
) -> None:
    bench.role.offer(store_orders("a", "b", "c", "d", "e"))

    bench.world.deliver(bench.actor)

    assert len(bench.passed_on()) == 5


def test_more_than_a_batch_is_passed_on_in_several_steps(bench: Bench) -> None:
    for name in ("a", "b", "c"):
        bench.role.offer(store_orders(f"{name}1", f"{name}2"))
    bench.role.told.clear()

    bench.actor.on_receive(Wake())

    assert bench.role.lane.depth == 2
    assert bench.role.told == [Wake()]


def test_expired_orders_are_refused_as_not_stored(bench: Bench) -> None:
    bench.role.offer(store_orders("late", deadline=bench.world.clock() - 1))

    bench.world.deliver(bench.actor)

    assert bench.world.replies.given == {"late": Refused(NOT_STORED, 1.0)}
    assert bench.passed_on() == []


def test_order_expires_at_its_deadline(bench: Bench) -> None:
    bench.role.offer(store_orders("late", deadline=bench.world.clock()))

    bench.world.deliver(bench.actor)

    assert bench.passed_on() == []


def test_an_order_that_cannot_be_stored_in_time_is_refused_at_once(
    bench: Bench,
) -> None:
    bench.world.status.store_seconds["writer"] = 0.5
    bench.role.offer(store_orders("hopeless", deadline=bench.world.clock() + 0.55))
    bench.role.offer(store_orders("in time", deadline=bench.world.clock() + 0.65))

    bench.world.deliver(bench.actor)

    assert bench.world.replies.given == {"hopeless": Refused(NOT_STORED, 1.0)}
    assert bench.passed_on() == ["in time"]


def test_a_batch_in_the_writers_hands_comes_first(bench: Bench) -> None:
    bench.world.status.store_seconds["writer"] = 0.5
    bench.writer.lane.offer(store_orders("in hand"))
    bench.role.offer(store_orders("late", deadline=bench.world.clock() + 1.1))

    bench.world.deliver(bench.actor)

    assert bench.world.replies.given == {"late": Refused(NOT_STORED, 1.0)}


def test_a_fresh_order_is_tried_however_slow_the_last_batch_was(bench: Bench) -> None:
    bench.world.status.store_seconds["writer"] = 60.0
    bench.role.offer(store_orders("fresh", deadline=bench.world.clock() + 2.0))

    bench.world.deliver(bench.actor)

    assert bench.passed_on() == ["fresh"]


def test_expired_order_that_someone_else_claimed_is_not_answered(bench: Bench) -> None:
    message = store_orders("late", deadline=bench.world.clock() - 1)
    message.submissions[0].claim()
    bench.role.offer(message)

    bench.world.deliver(bench.actor)

    assert bench.world.replies.given == {}
    assert bench.world.telemetry.rejections.get(NOT_STORED, 0) == 0


@pytest.mark.parametrize("then", [0.1, 0.7], ids=["in time", "late as before"])
def test_order_refused_before_its_batch_went_back_is_done_with(
    bench: Bench, then: float
) -> None:
    bench.writer.lane.offer(store_orders("x", "y", "z"))
    bench.world.status.store_seconds["writer"] = 0.5
    bench.role.offer(store_orders("late", deadline=bench.world.clock() + 0.7))
    bench.role.offer(store_orders("a", "b"))
    bench.world.deliver(bench.actor)

    bench.passed_on()
    bench.world.status.store_seconds["writer"] = then
    bench.world.run(bench.actor, Wake())

    assert bench.passed_on() == ["a", "b"]
    assert bench.world.telemetry.rejections[NOT_STORED] == 1


def test_refused_order_cannot_be_claimed_any_more(bench: Bench) -> None:
    message = store_orders("late", deadline=bench.world.clock() - 1)
    bench.role.offer(message)

    bench.world.deliver(bench.actor)

    assert not message.submissions[0].claim()


def test_fresh_orders_are_passed_on_unclaimed(bench: Bench) -> None:
    message = store_orders("a")
    bench.role.offer(message)

    bench.world.deliver(bench.actor)

    assert message.submissions[0].claim()


def test_late_ones_do_not_hold_up_the_others(bench: Bench) -> None:
    bench.role.offer(store_orders("late", deadline=bench.world.clock() - 1))
    bench.role.offer(store_orders("a"))

    bench.world.deliver(bench.actor)

    assert bench.passed_on() == ["a"]


def test_expired_orders_are_counted(bench: Bench) -> None:
    bench.role.offer(store_orders("x", "y", deadline=bench.world.clock() - 1))

    bench.world.deliver(bench.actor)

    assert bench.world.telemetry.rejections == {NOT_STORED: 2}


def test_the_next_batch_is_paced_by_the_orders_of_the_last(bench: Bench) -> None:
    bench.role.offer(store_orders("a", "b"))

    bench.world.deliver(bench.actor)

    assert bench.world.pace.batches == [2]


def test_a_whole_batch_does_not_wait_for_more(bench: Bench) -> None:
    bench.role.offer(store_orders("a"))
    bench.world.deliver(bench.actor)
    bench.role.offer(store_orders("b", "c", "d", "e"))

    bench.world.deliver(bench.actor)

    assert bench.world.pace.kept[:2] == [False, True]


# --- several writers ---


def test_while_one_writer_is_busy_another_gets_the_next_orders(pool: Bench) -> None:
    for name in ("a", "b"):
        pool.role.offer(store_orders(name))
        pool.world.deliver(pool.actor)

    assert (pool.passed_on(), pool.passed_on(pool.other)) == (["a"], ["b"])


def test_what_a_writer_has_in_hand_counts(pool: Bench) -> None:
    pool.writer.offer(store_orders("1"))
    pool.writer.lane.take(1)
    pool.role.offer(store_orders("a"))

    pool.world.deliver(pool.actor)

    assert pool.passed_on(pool.other) == ["a"]


def test_a_writer_that_does_not_reach_the_database_gets_nothing(pool: Bench) -> None:
    pool.world.status.database_errors["writer"] = "no connection left"
    for name in ("a", "b"):
        pool.role.offer(store_orders(name))
        pool.world.deliver(pool.actor)

    assert (pool.passed_on(), pool.passed_on(pool.other)) == ([], ["a", "b"])


def test_orders_wait_at_a_writer_while_none_reaches_the_database(pool: Bench) -> None:
    for writer in ("writer", "other"):
        pool.world.status.database_errors[writer] = "away"
    pool.role.offer(store_orders("a"))

    pool.world.deliver(pool.actor)

    assert pool.passed_on() == ["a"]


def test_orders_wait_here_while_every_writer_is_full(pool: Bench) -> None:
    for writer in (pool.writer, pool.other):
        writer.offer(store_orders("1", "2", "3", "4"))
    pool.role.offer(store_orders("a"))

    pool.world.deliver(pool.actor)

    assert pool.role.lane.depth == 1
