"""OrderConsumer: nothing is acknowledged to Kafka before PostgreSQL has it."""

from dataclasses import dataclass
from typing import Any

import pytest
from actor_fakes import RecordedRole, World, dead_letter
from port_fakes import FakeRecordSource

from orders.actors.messages import (
    BatchDone,
    BuryRecords,
    Drain,
    GroupLag,
    Poll,
    Receipt,
    ResolvePayments,
    Wake,
)
from orders.actors.order_consumer import OrderConsumer
from orders.domain.errors import BrokerFault, BrokerUnavailableError
from orders.domain.records import PartitionLag, RecordBatch

ORDERS = RecordBatch(1, ("a", "b"), ())
MIXED = RecordBatch(2, ("a",), (dead_letter(),))
LETTERS = RecordBatch(3, (), (dead_letter(),))
FINISHED = RecordBatch(4, (), ())


@dataclass
class Bench:
    """A consumer, its source, and those it hands work to."""

    world: World
    source: FakeRecordSource
    role: RecordedRole[Any]
    resolver: RecordedRole[Any]
    writer: RecordedRole[Any]
    sweeper: RecordedRole[Any]
    actor: OrderConsumer

    def poll(self) -> None:
        self.world.run(self.actor, Poll())

    def polls_queued(self) -> int:
        inbox = self.actor.actor_inbox
        count = 0
        while not inbox.empty():
            count += isinstance(inbox.get().message, Poll)
        return count

    def handed_on(self, lane_of: RecordedRole[Any]) -> list[Any]:
        hand = lane_of.lane.take(1000)
        return [] if hand is None else hand.messages

    def free(self, lane_of: RecordedRole[Any]) -> None:
        """Let the neighbour finish everything in its lane."""
        hand = lane_of.lane.take(1000)
        assert hand is not None
        hand.done()


def make(world: World, *batches: RecordBatch, reports_lag: bool = False) -> Bench:
    source = FakeRecordSource(*batches)
    role, resolver = world.role("consumer"), world.role("resolver", capacity=1)
    writer, sweeper = world.role("writer", capacity=1), world.role("sweeper")
    actor = OrderConsumer(
        role,
        make_source=lambda: source,
        resolver=resolver,
        writer=writer,
        sweeper=sweeper,
        status=world.status,
        reports_lag=reports_lag,
    )
    actor.on_start()
    bench = Bench(world, source, role, resolver, writer, sweeper, actor)
    assert bench.polls_queued() == 1
    return bench


def test_each_poll_queues_the_next(world: World) -> None:
    bench = make(world)

    bench.poll()

    assert bench.polls_queued() == 1


def test_orders_go_to_the_resolver_with_a_receipt(world: World) -> None:
    bench = make(world, ORDERS)

    bench.poll()

    assert bench.handed_on(bench.resolver) == [
        ResolvePayments(("a", "b"), Receipt("consumer", 1, "orders"))
    ]


def test_dead_letters_go_to_the_writer_with_a_receipt(world: World) -> None:
    bench = make(world, LETTERS)

    bench.poll()

    assert bench.handed_on(bench.writer) == [
        BuryRecords(LETTERS.dead_letters, Receipt("consumer", 3, "letters"))
    ]


def test_batch_is_done_once_it_is_acknowledged(world: World) -> None:
    bench = make(world, ORDERS)
    bench.poll()
    assert bench.source.finished == []

    bench.world.run(bench.actor, BatchDone(Receipt("consumer", 1, "orders")))

    assert bench.source.finished == [1]


def test_half_acknowledged_batch_is_not_done(world: World) -> None:
    bench = make(world, MIXED)
    bench.poll()

    bench.world.run(bench.actor, BatchDone(Receipt("consumer", 2, "letters")))

    assert bench.source.finished == []


def test_part_acknowledged_twice_counts_once(world: World) -> None:
    bench = make(world, MIXED)
    bench.poll()

    for _ in range(2):
        bench.world.run(bench.actor, BatchDone(Receipt("consumer", 2, "letters")))

    assert bench.source.finished == []


def test_batch_is_done_when_all_its_parts_are(world: World) -> None:
    bench = make(world, MIXED)
    bench.poll()

    for part in ("orders", "letters"):
        bench.world.run(bench.actor, BatchDone(Receipt("consumer", 2, part)))

    assert bench.source.finished == [2]


def test_batch_of_finished_orders_is_done_at_once(world: World) -> None:
    bench = make(world, FINISHED)

    bench.poll()

    assert bench.source.finished == [4]
    assert bench.role.pending == 0


def test_acknowledgement_meant_for_a_predecessor_is_ignored(world: World) -> None:
    bench = make(world)
    bench.role.vacate()
    source = FakeRecordSource(ORDERS)
    successor = OrderConsumer(
        bench.role,
        make_source=lambda: source,
        resolver=bench.resolver,
        writer=bench.writer,
        sweeper=bench.sweeper,
        status=world.status,
        reports_lag=False,
    )
    successor.on_start()
    world.run(successor, Poll())

    world.run(successor, BatchDone(Receipt("consumer", 1, "orders", generation=0)))

    assert source.finished == []


def test_refused_batch_pauses_polling_for_records(world: World) -> None:
    bench = make(world, ORDERS, MIXED)
    bench.resolver.offer(ResolvePayments(("x",)))

    bench.poll()
    bench.poll()

    assert bench.source.holds == [False, True]


def test_held_batch_is_offered_again_when_woken(world: World) -> None:
    bench = make(world, ORDERS)
    bench.resolver.offer(ResolvePayments(("x",)))
    bench.poll()
    bench.free(bench.resolver)

    bench.world.run(bench.actor, Wake())

    assert [w.order_ids for w in bench.handed_on(bench.resolver)] == [("a", "b")]


@pytest.mark.parametrize("batch", [ORDERS, LETTERS], ids=["orders", "letters"])
def test_held_batch_needs_no_wake(world: World, batch: RecordBatch) -> None:
    bench = make(world, batch)
    neighbour = bench.resolver if batch is ORDERS else bench.writer
    neighbour.offer(ResolvePayments(("x",)))
    bench.poll()
    bench.free(neighbour)

    bench.poll()

    assert len(bench.handed_on(neighbour)) == 1
    assert bench.source.holds[-1] is False


def test_part_that_was_taken_is_not_offered_with_the_held_one(world: World) -> None:
    bench = make(world, MIXED)
    bench.resolver.offer(ResolvePayments(("x",)))
    bench.poll()
    bench.free(bench.writer)

    bench.poll()

    assert bench.handed_on(bench.writer) == []


def test_refused_batch_still_counts_as_unfinished(world: World) -> None:
    bench = make(world, ORDERS)
    bench.resolver.offer(ResolvePayments(("x",)))

    bench.poll()

    assert bench.role.pending == 1


def test_batch_is_offered_again_after_thirty_seconds(world: World) -> None:
    bench = make(world, ORDERS)
    bench.poll()
    bench.free(bench.resolver)  # taken, and lost on the way

    world.clock.advance(30)
    bench.poll()

    assert [w.order_ids for w in bench.handed_on(bench.resolver)] == [("a", "b")]
    assert world.log.count("consumer.batch_offered_again") == 1


def test_batch_on_its_way_for_less_is_left_alone(world: World) -> None:
    bench = make(world, ORDERS)
    bench.poll()
    bench.free(bench.resolver)

    world.clock.advance(29.9)
    bench.poll()

    assert bench.handed_on(bench.resolver) == []


def test_a_batch_is_left_alone_while_others_are_acknowledged(world: World) -> None:
    bench = make(world, ORDERS, MIXED)
    bench.poll()
    bench.free(bench.resolver)
    bench.poll()
    bench.free(bench.resolver)
    world.clock.advance(29)
    bench.world.run(bench.actor, BatchDone(Receipt("consumer", 2, "orders")))

    world.clock.advance(1)
    bench.poll()

    assert bench.handed_on(bench.resolver) == []


def test_a_batch_is_offered_again_in_the_end_whatever_is_acknowledged(
    world: World,
) -> None:
    bench = make(world, ORDERS, MIXED)
    bench.poll()
    bench.free(bench.resolver)
    bench.poll()
    bench.free(bench.resolver)
    world.clock.advance(119)
    bench.world.run(bench.actor, BatchDone(Receipt("consumer", 2, "orders")))

    world.clock.advance(1)
    bench.poll()

    assert bench.handed_on(bench.resolver)


def test_only_the_missing_part_is_offered_again(world: World) -> None:
    bench = make(world, MIXED)
    bench.poll()
    bench.free(bench.resolver)
    bench.free(bench.writer)
    bench.world.run(bench.actor, BatchDone(Receipt("consumer", 2, "orders")))

    world.clock.advance(30)
    bench.poll()

    assert bench.handed_on(bench.resolver) == []
    assert len(bench.handed_on(bench.writer)) == 1


def test_draining_consumer_holds_but_keeps_polling(world: World) -> None:
    bench = make(world, ORDERS, MIXED)
    bench.poll()
    bench.world.run(bench.actor, Drain())

    bench.poll()

    assert bench.source.holds == [False, True]
    assert not bench.role.drained.is_set()


def test_drained_when_the_last_batch_is_acknowledged(world: World) -> None:
    bench = make(world, ORDERS)
    bench.poll()
    bench.world.run(bench.actor, Drain())

    bench.world.run(bench.actor, BatchDone(Receipt("consumer", 1, "orders")))

    assert bench.role.drained.is_set()


def test_away_broker_is_asked_again_after_a_pause(world: World) -> None:
    bench = make(world)
    bench.source.errors = [BrokerUnavailableError("away")]

    bench.poll()

    assert bench.polls_queued() == 0
    world.pass_time(bench.actor, 0.5)
    assert bench.polls_queued() == 1


def test_broker_that_stays_away_is_asked_twice_a_second(world: World) -> None:
    bench = make(world)
    bench.source.errors = [BrokerUnavailableError("away") for _ in range(10)]
    bench.poll()

    world.pass_time(bench.actor, 3.0)

    assert len(bench.source.holds) == 7


def test_lag_is_told_every_five_seconds(world: World) -> None:
    bench = make(world, reports_lag=True)
    bench.source.behind = {0: PartitionLag(7, 12), 1: None}

    bench.poll()
    bench.poll()
    world.clock.advance(5)
    bench.poll()

    told = GroupLag({0: PartitionLag(7, 12), 1: None})
    assert bench.sweeper.told_of(GroupLag) == [told, told]
    assert world.status.broker_available


def test_only_one_consumer_asks_for_the_groups_lag(world: World) -> None:
    bench = make(world, reports_lag=False)

    bench.poll()

    assert bench.sweeper.told == []


def test_every_consumer_states_the_lag_of_its_partitions(world: World) -> None:
    bench = make(world)

    bench.poll()

    assert world.status.partition_lag == {0: 5}


def test_broker_coming_and_going_is_logged_once_each(world: World) -> None:
    bench = make(world, reports_lag=True)
    bench.poll()
    bench.source.errors = [BrokerUnavailableError("away")] * 2

    bench.poll()
    bench.poll()

    assert world.log.count("kafka.available") == 1
    assert world.log.count("kafka.unavailable") == 1
    assert not world.status.broker_available


def unavailable(world: World) -> list[dict[str, object]]:
    return [
        fields for _, event, fields in world.log.lines if event == "kafka.unavailable"
    ]


def test_a_broker_away_from_the_start_is_said_once_with_its_fault(
    world: World,
) -> None:
    bench = make(world, reports_lag=True)
    away = BrokerUnavailableError("who are you", fault=BrokerFault.AUTHENTICATION)
    bench.source.errors = [away] * 3

    for _ in range(3):
        bench.poll()

    [line] = unavailable(world)
    assert line == {"fault": "authentication", "error": "who are you"}
    assert world.status.broker_error == "who are you"


def test_what_nobody_can_tell_yet_is_not_said(world: World) -> None:
    bench = make(world, reports_lag=True)
    bench.source.errors = [
        BrokerUnavailableError("wait", fault=BrokerFault.UNKNOWN),
        BrokerUnavailableError("refused", fault=BrokerFault.REFUSED),
    ]

    bench.poll()
    bench.poll()

    [line] = unavailable(world)
    assert line["fault"] == "refused"


def test_another_fault_is_said_but_no_more_than_once_a_minute(world: World) -> None:
    bench = make(world, reports_lag=True)
    faults = [BrokerFault.REFUSED, BrokerFault.TIMEOUT, BrokerFault.CERTIFICATE]
    for fault in faults:
        bench.source.errors = [BrokerUnavailableError("away", fault=fault)]
        bench.poll()
        world.clock.now += 31.0

    said = [line["fault"] for line in unavailable(world)]
    assert said == ["refused", "certificate"]


def test_a_lag_that_is_unknown_is_said_with_its_reason(world: World) -> None:
    bench = make(world, reports_lag=True)
    bench.source.behind = None

    bench.poll()

    [line] = unavailable(world)
    assert line["fault"] == "timeout"


def test_rights_count_as_granted_once_they_were_not_missing_for_a_while(
    world: World,
) -> None:
    bench = make(world, reports_lag=True)
    refused = BrokerUnavailableError("READ", fault=BrokerFault.AUTHORIZATION)
    bench.source.errors = [refused]
    bench.poll()
    world.clock.now += 10.0
    bench.poll()
    early = world.status.broker_available

    world.clock.now += 10.0
    bench.poll()

    assert (early, world.status.broker_available) == (False, True)


def test_source_is_closed_at_the_end(world: World) -> None:
    bench = make(world)

    bench.actor.on_stop()

    assert bench.source.closed
