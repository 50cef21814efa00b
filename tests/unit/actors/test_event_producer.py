"""EventProducer: bounded in flight, and forgotten only once Kafka confirmed."""

from dataclasses import dataclass
from typing import Any

import pytest
from actor_fakes import RecordedRole, World, event, events
from port_fakes import FakePublisher

from orders.actors.event_producer import EventProducer
from orders.actors.messages import Drain, ForgetPublished, OutboxSuspect, PublishEvents
from orders.actors.settlement_writer import weigh_settlement_work
from orders.domain.events import OrderEvent
from orders.domain.records import EventRef


@dataclass
class Bench:
    world: World
    publisher: FakePublisher
    role: RecordedRole[Any]
    writer: RecordedRole[Any]
    sweeper: RecordedRole[Any]
    actor: EventProducer

    def publish(self, *published: OrderEvent) -> None:
        assert self.role.offer(PublishEvents(published))
        self.world.deliver(self.actor)

    def confirm(self) -> None:
        self.publisher.confirm()
        self.world.run(self.actor)

    def fail(self) -> None:
        self.publisher.fail()
        self.world.run(self.actor)

    def names(self) -> list[str]:
        return [ref.order_id for ref in self.publisher.published]

    def forgotten(self) -> list[ForgetPublished]:
        hand = self.writer.lane.take(10_000)
        if hand is None:
            return []
        hand.done()
        return hand.messages


@pytest.fixture
def bench(world: World) -> Bench:
    publisher = FakePublisher()
    role = world.role("producer", capacity=10_000, weigh=lambda m: len(m.events))
    writer = world.role("writer", capacity=3000, weigh=weigh_settlement_work)
    sweeper = world.role("sweeper")
    actor = EventProducer(
        role,
        make_publisher=lambda: publisher,
        writer=writer,
        sweeper=sweeper,
        status=world.status,
        telemetry=world.telemetry,
        max_in_flight=10,
        pace=world.pace,
    )
    actor.on_start()
    return Bench(world, publisher, role, writer, sweeper, actor)


def test_events_are_published_in_order(bench: Bench) -> None:
    bench.publish(event("a"), event("b"))

    assert bench.names() == ["a", "b"]
    assert bench.role.lane.depth == 0


def test_new_producer_makes_the_outbox_suspect(bench: Bench) -> None:
    assert bench.sweeper.told == [OutboxSuspect()]


def test_results_are_noticed_within_a_second_whoever_wakes_it(bench: Bench) -> None:
    bench.publish(event("a"))
    bench.publisher.confirm()

    bench.world.pass_time(bench.actor, 1.0)

    assert bench.world.telemetry.published_count == 1


# --- the cap ---


def test_events_wait_in_the_lane_while_the_cap_is_reached(bench: Bench) -> None:
    for name in ("a", "b", "c"):
        bench.role.offer(PublishEvents(events(5, name)))

    bench.world.deliver(bench.actor)

    assert bench.publisher.in_flight == 10
    assert bench.role.lane.depth == 5


def test_rest_follows_when_there_is_room(bench: Bench) -> None:
    for name in ("a", "b", "c"):
        bench.role.offer(PublishEvents(events(5, name)))
    bench.world.deliver(bench.actor)

    bench.confirm()

    assert len(bench.publisher.published) == 15


def test_cap_is_passed_by_one_message_at_most(bench: Bench) -> None:
    bench.publish(*events(9, "a"))
    bench.publish(*events(5, "b"))
    bench.publish(*events(5, "c"))

    assert bench.publisher.in_flight == 14


def test_nothing_is_published_while_too_much_waits_to_be_forgotten(
    bench: Bench,
) -> None:
    bench.writer.lane.offer(ForgetPublished((EventRef("x", 1),) * 3000))
    for name in ("a", "b"):
        bench.publish(*events(10, name))
        bench.confirm()

    bench.publish(*events(10, "c"))

    assert len(bench.publisher.published) == 20


def test_room_is_looked_for_every_few_milliseconds_while_others_wait(
    bench: Bench,
) -> None:
    bench.publish(*events(10, "a"))
    bench.publish(event("b"))
    bench.publisher.confirm()

    bench.world.pass_time(bench.actor, 0.005)

    assert bench.names()[10:] == ["b"]


def test_full_producer_is_left_in_peace_while_nobody_waits(bench: Bench) -> None:
    bench.publish(*events(10, "a"))
    looks: list[None] = []
    bench.publisher.on_take_results = lambda: looks.append(None)

    bench.world.pass_time(bench.actor, 1.0)

    assert 19 <= len(looks) <= 21


# --- not twice ---


def test_event_under_way_is_not_published_again(bench: Bench) -> None:
    bench.publish(event("a"))

    bench.publish(event("a"), event("b"))

    assert bench.names() == ["a", "b"]


def test_confirmed_event_that_is_not_forgotten_is_not_published_again(
    bench: Bench,
) -> None:
    bench.writer.lane.offer(ForgetPublished((EventRef("x", 1),) * 3000))
    bench.publish(event("a"))
    bench.confirm()

    bench.publish(event("a"))

    assert bench.names() == ["a"]


def test_event_that_waits_twice_in_the_lane_is_published_once(bench: Bench) -> None:
    bench.role.offer(PublishEvents((event("a"),)))
    bench.role.offer(PublishEvents((event("b"), event("a"))))

    bench.world.deliver(bench.actor)

    assert bench.names() == ["a", "b"]


def test_versions_of_an_order_are_events_of_their_own(bench: Bench) -> None:
    bench.publish(event("a", 1))

    bench.publish(event("a", 2))

    assert bench.publisher.published == [EventRef("a", 1), EventRef("a", 2)]


def test_confirmed_event_may_be_published_again(bench: Bench) -> None:
    bench.publish(event("a"))
    bench.confirm()

    bench.publish(event("a"))

    assert bench.names() == ["a", "a"]


# --- failures ---


def test_failed_events_go_again(bench: Bench) -> None:
    bench.publish(event("a"), event("b"))

    bench.fail()

    assert bench.names() == ["a", "b", "a", "b"]
    assert bench.world.log.count("producer.events_failed") == 1


def test_failed_events_go_before_new_ones(bench: Bench) -> None:
    bench.publish(*events(10, "a"))
    bench.role.offer(PublishEvents((event("new"),)))

    bench.fail()

    assert bench.names()[10:20] == [f"a{n:05}" for n in range(10)]
    assert "new" not in bench.names()


def test_failed_event_counts_as_under_way(bench: Bench) -> None:
    bench.publish(event("a"))
    bench.publisher.takes = 0
    bench.fail()

    bench.publish(event("a"))
    bench.publisher.takes = None
    bench.world.pass_time(bench.actor, 1.0)

    assert bench.names() == ["a", "a"]


def test_events_the_broker_does_not_take_are_kept(bench: Bench) -> None:
    bench.publisher.takes = 1

    bench.publish(event("a"), event("b"), event("c"))

    assert bench.names() == ["a"]
    assert bench.role.pending == 3


def test_kept_events_go_in_order_within_a_second(bench: Bench) -> None:
    bench.publisher.takes = 1
    bench.publish(event("a"), event("b"), event("c"))
    bench.publisher.takes = None

    bench.world.pass_time(bench.actor, 1.0)

    assert bench.names() == ["a", "b", "c"]


def test_lane_waits_while_events_are_kept(bench: Bench) -> None:
    bench.publisher.takes = 0
    bench.publish(event("a"))

    bench.publish(event("b"))

    assert bench.role.lane.depth == 1


# --- partitions that are not written to ---


def test_events_that_are_turned_away_are_left_to_the_outbox(bench: Bench) -> None:
    bench.publish(event("a"))

    bench.publisher.turn_away()
    bench.world.run(bench.actor)

    assert bench.names() == ["a"]
    assert bench.role.pending == 0


def test_an_event_that_was_turned_away_is_published_when_it_is_offered_again(
    bench: Bench,
) -> None:
    bench.publish(event("a"))
    bench.publisher.turn_away()

    bench.publish(event("a"))

    assert bench.names() == ["a", "a"]


def test_the_outbox_is_suspect_once_a_partition_takes_events_again(
    bench: Bench,
) -> None:
    bench.publish(event("a"))
    bench.publisher.turn_away()
    bench.world.run(bench.actor)
    bench.sweeper.told.clear()

    bench.publisher.reopen()
    bench.world.run(bench.actor)
    bench.world.run(bench.actor)

    assert bench.sweeper.told == [OutboxSuspect()]


def test_the_node_knows_which_partitions_are_not_written_to(bench: Bench) -> None:
    bench.publisher.unwritable = (2, 5)

    bench.world.run(bench.actor)

    assert bench.world.status.unwritable_partitions == (2, 5)


# --- forgetting ---


def test_nothing_is_forgotten_before_it_is_confirmed(bench: Bench) -> None:
    bench.publish(event("a"))
    bench.world.pass_time(bench.actor, 5.0)

    assert bench.forgotten() == []


def test_confirmed_events_are_forgotten(bench: Bench) -> None:
    bench.publish(event("a"), event("b"))

    bench.confirm()
    bench.world.pass_time(bench.actor, 0.1)

    assert bench.forgotten() == [ForgetPublished((EventRef("a", 1), EventRef("b", 1)))]


def test_confirmed_events_are_counted(bench: Bench) -> None:
    bench.publish(event("a"), event("b"))

    bench.confirm()

    assert bench.world.telemetry.published_count == 2


def test_confirmations_are_collected_for_fifty_milliseconds(bench: Bench) -> None:
    bench.publish(event("a"))
    bench.confirm()
    bench.forgotten()
    for name in ("b", "c"):
        bench.publish(event(name))
        bench.confirm()
    assert bench.forgotten() == []

    bench.world.pass_time(bench.actor, 0.05)

    assert bench.forgotten() == [ForgetPublished((EventRef("b", 1), EventRef("c", 1)))]


def test_many_confirmations_are_forgotten_in_batches(bench: Bench) -> None:
    bench.publish(*events(2500))

    bench.confirm()

    assert [len(m.events) for m in bench.forgotten()] == [1000, 1000, 500]


def test_confirmations_the_writer_refuses_are_kept(bench: Bench) -> None:
    bench.writer.lane.offer(ForgetPublished((EventRef("x", 1),) * 3000))
    bench.publish(event("a"))
    bench.confirm()
    assert bench.role.pending == 1
    bench.forgotten()

    bench.world.pass_time(bench.actor, 0.1)

    assert bench.forgotten() == [ForgetPublished((EventRef("a", 1),))]


# --- draining ---


def test_not_drained_while_events_are_in_flight(bench: Bench) -> None:
    bench.publish(event("a"))

    bench.world.run(bench.actor, Drain())

    assert not bench.role.drained.is_set()


def test_drained_once_all_is_confirmed_and_on_its_way_to_be_forgotten(
    bench: Bench,
) -> None:
    bench.publish(event("a"))
    bench.world.run(bench.actor, Drain())

    bench.confirm()

    assert bench.role.drained.is_set()
    assert len(bench.forgotten()) == 1


def test_superseded_producer_takes_nothing(bench: Bench) -> None:
    bench.publisher.on_take_results = bench.role.vacate

    bench.publish(event("a"))

    assert bench.names() == []
    assert bench.role.lane.waiting


def test_publisher_is_closed_at_the_end(bench: Bench) -> None:
    bench.actor.on_stop()

    assert bench.publisher.closed


# --- the pace ---


def test_the_next_batch_is_paced_by_the_events_of_the_last(bench: Bench) -> None:
    bench.publish(*events(7))

    assert bench.world.pace.batches == [7]


def test_a_few_events_wait_for_more(bench: Bench) -> None:
    bench.publish(*events(7))

    assert bench.world.pace.kept == [False]


def test_a_thousand_events_do_not_wait_for_more(bench: Bench) -> None:
    bench.publish(*events(1000))

    assert bench.world.pace.kept == [True]


def test_at_the_cap_nothing_is_paced(bench: Bench) -> None:
    bench.publish(*events(10, "a"))

    bench.publish(*events(5, "b"))

    assert bench.world.pace.kept == [False]
