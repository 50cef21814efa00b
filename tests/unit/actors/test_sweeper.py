"""Sweeper: what the fast path missed is found again."""

from dataclasses import dataclass
from typing import Any

import pytest
from actor_fakes import RecordedRole, World, event, events
from port_fakes import FakeSweepStore

from orders.actors.messages import (
    ActorRestarted,
    Drain,
    GroupLag,
    OutboxSuspect,
    PublishEvents,
    ResolvePayments,
)
from orders.actors.ports import ScanResult
from orders.actors.sweep_rules import SweepRules
from orders.actors.sweeper import Sweeper
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.events import OrderEvent
from orders.domain.records import OutboxState, PartitionLag, StuckOrder

AWAY = DatabaseUnavailableError("away")
NEVER = 1e9
NEWS = GroupLag({0: PartitionLag(0, 0), 1: PartitionLag(0, 0)})
YOUNG, OLD = 31.0, 181.0


def partition_of(key: bytes, count: int) -> int:
    """Put order "a" into partition 0, "b" into 1, and so on."""
    return (key[0] - ord("a")) % count


def stuck(*order_ids: str, age: float = YOUNG) -> list[StuckOrder]:
    return [StuckOrder(order_id, age) for order_id in order_ids]


def lag(*behind: int | None, committed: int = 0) -> GroupLag:
    return GroupLag(
        {
            number: None if records is None else PartitionLag(committed, records)
            for number, records in enumerate(behind)
        }
    )


@dataclass
class Bench:
    world: World
    store: FakeSweepStore
    role: RecordedRole[Any]
    producer: RecordedRole[Any]
    resolver: RecordedRole[Any]
    actor: Sweeper

    def tell(self, *messages: object) -> None:
        self.world.run(self.actor, *messages)

    def sweep(self, seconds: float = 1.0) -> None:
        self.world.pass_time(self.actor, seconds)

    def published(self) -> list[OrderEvent]:
        """Take what the producer was offered."""
        hand = self.producer.lane.take(1_000_000)
        if hand is None:
            return []
        hand.done()
        return [e for message in hand.messages for e in message.events]

    def resolved(self) -> list[ResolvePayments]:
        hand = self.resolver.lane.take(1_000_000)
        if hand is None:
            return []
        hand.done()
        return hand.messages

    def calm(self) -> None:
        """Let the suspicion every sweeper begins with be settled."""
        self.sweep(5.0)
        self.store.calls.clear()
        self.store.pages.clear()
        assert self.published() == []


@pytest.fixture
def bench(world: World) -> Bench:
    return make_bench(world)


def make_bench(world: World) -> Bench:
    store = FakeSweepStore(world.clock)
    role = world.role("sweeper")
    producer = world.role("producer", capacity=50_000, weigh=lambda m: len(m.events))
    resolver = world.role("resolver", capacity=2000, weigh=lambda m: len(m.order_ids))
    actor = Sweeper(
        role,
        make_store=lambda: store,
        producer=producer,
        resolver=resolver,
        status=world.status,
        rules=SweepRules(),
        partition_of=partition_of,
    )
    actor.on_start()
    return Bench(world, store, role, producer, resolver, actor)


# --- own outbox ---


def test_rows_left_by_an_earlier_run_are_published(bench: Bench) -> None:
    bench.store.add_rows([event("a")])

    bench.sweep(3.0)

    assert event("a") in bench.published()


def test_outbox_above_suspicion_is_not_read(bench: Bench) -> None:
    bench.calm()

    bench.sweep(10.0)

    assert "own_outbox" not in bench.store.calls


@pytest.mark.parametrize(
    "message", [OutboxSuspect(), ActorRestarted("event-producer")], ids=repr
)
def test_suspicion_is_looked_into(bench: Bench, message: object) -> None:
    bench.calm()
    bench.store.add_rows([event("a")])

    bench.tell(message)
    bench.sweep(4.0)

    assert event("a") in bench.published()


def test_rows_too_young_at_the_first_look_are_found_at_the_next(bench: Bench) -> None:
    bench.calm()
    bench.sweep(0.9)
    bench.store.add_rows([event("a")])
    bench.tell(OutboxSuspect())

    bench.sweep(4.0)

    assert event("a") in bench.published()


def test_settled_suspicion_ends_the_search(bench: Bench) -> None:
    bench.calm()
    bench.tell(OutboxSuspect())
    bench.sweep(4.0)
    bench.store.calls.clear()

    bench.sweep(10.0)

    assert "own_outbox" not in bench.store.calls


def test_many_rows_are_read_page_by_page_behind_a_cursor(bench: Bench) -> None:
    bench.store.add_rows(events(1200))

    bench.sweep(2.5)

    first_round = bench.store.pages[-3:]
    assert [after and after.order_id for after in first_round] == [
        None,
        "o00499",
        "o00999",
    ]


def test_one_sweep_reads_twenty_pages_at_most(bench: Bench) -> None:
    bench.store.add_rows(events(12_000))
    bench.sweep(1.0)
    bench.store.pages.clear()

    bench.sweep(1.0)

    assert len(bench.store.pages) == 20


def test_search_goes_on_from_the_cursor_until_all_was_seen(bench: Bench) -> None:
    bench.calm()
    bench.store.add_rows(events(12_000))
    bench.sweep(2.0)

    bench.tell(OutboxSuspect())
    bench.sweep(6.0)

    assert {e.order_id for e in bench.published()} == {
        e.order_id for e in events(12_000)
    }


def test_long_search_ends(bench: Bench) -> None:
    bench.store.add_rows(events(12_000))
    for _ in range(20):
        bench.sweep(1.0)
        bench.published()
    bench.store.calls.clear()

    bench.sweep(5.0)

    assert "own_outbox" not in bench.store.calls


@pytest.mark.parametrize("waiting", [50_000, 5_000], ids=["full", "behind"])
def test_busy_producer_leaves_the_suspicion(bench: Bench, waiting: int) -> None:
    bench.calm()
    bench.store.add_rows([event("a")])
    bench.producer.lane.offer(PublishEvents(events(waiting)))
    bench.tell(OutboxSuspect())
    bench.sweep(10.0)
    assert "own_outbox" not in bench.store.calls

    bench.published()
    bench.sweep(2.0)

    assert bench.published() == [event("a")] * len(bench.store.pages)


def test_search_leaves_rows_made_since_it_began_to_the_fast_path(bench: Bench) -> None:
    bench.calm()
    bench.store.add_rows(events(25_000))
    bench.sweep(5.0)
    bench.tell(OutboxSuspect())
    bench.sweep(1.0)
    assert len(bench.published()) == 10_000
    bench.store.add_rows([event("zzz")])
    bench.sweep(2.0)

    found = bench.published()

    assert len(found) == 15_000
    assert event("zzz") not in found


def test_failed_search_leaves_the_suspicion(bench: Bench) -> None:
    bench.calm()
    bench.store.add_rows([event("a")])
    bench.tell(OutboxSuspect())
    bench.sweep(1.0)
    bench.published()
    bench.store.fails_at["own_outbox"] = AWAY

    bench.sweep(4.0)

    assert event("a") in bench.published()
    assert bench.world.log.count("sweeper.delayed") == 1


def test_search_that_fails_at_a_later_page_is_finished(bench: Bench) -> None:
    bench.calm()
    bench.store.add_rows(events(900))
    bench.sweep(2.0)
    bench.tell(OutboxSuspect())
    bench.store.fails_at["own_outbox"] = AWAY

    bench.sweep(6.0)

    assert {e.order_id for e in bench.published()} == {e.order_id for e in events(900)}


# --- the lease ---


def test_own_lease_is_renewed_in_each_sweep(bench: Bench) -> None:
    bench.calm()

    bench.sweep(3.0)

    assert bench.store.calls.count("renew_node") == 3


def test_rows_of_others_need_the_lease(bench: Bench) -> None:
    bench.store.holds_lease = False
    bench.store.abandoned = [event("theirs")]

    bench.sweep(3.0)

    assert bench.published() == []
    assert "abandoned_outbox" not in bench.store.calls


@pytest.mark.parametrize("messages", [(), (GroupLag(None),)])
def test_node_without_kafka_leaves_the_lease_to_others(
    bench: Bench, messages: tuple[GroupLag, ...]
) -> None:
    bench.tell(*messages)

    bench.sweep(1.0)

    assert "hold_lease" not in bench.store.calls


def test_holder_of_the_lease_publishes_for_others(bench: Bench) -> None:
    bench.store.abandoned = [event("theirs")]
    bench.tell(NEWS)

    bench.sweep(1.0)

    assert bench.published() == [event("theirs")]
    assert bench.world.log.count("sweeper.published_for_others") == 1


@pytest.mark.parametrize(("waiting", "asked"), [(2_500, True), (2_501, False)])
def test_busy_producer_is_not_offered_rows_of_others(
    bench: Bench, waiting: int, asked: bool
) -> None:
    bench.producer.lane.offer(PublishEvents(events(waiting)))
    bench.tell(NEWS)

    bench.sweep(1.0)

    assert ("abandoned_outbox" in bench.store.calls) is asked


def sweep_with_kafka(bench: Bench, seconds: int, oldest_row_at: float | None) -> None:
    """Let time pass in which the oldest row stays, or always is of ten seconds ago."""
    for _ in range(seconds):
        now = bench.world.clock()
        age = 10.0 if oldest_row_at is None else now - oldest_row_at
        bench.store.state = OutboxState(1, age)
        bench.tell(NEWS)
        bench.sweep(1.0)
        bench.published()


def test_rows_of_living_nodes_are_theirs_while_the_oldest_moves(bench: Bench) -> None:
    sweep_with_kafka(bench, 300, oldest_row_at=None)

    assert set(bench.store.abandoned_ages) == {NEVER}


def test_rows_of_living_nodes_are_taken_when_the_oldest_stays(bench: Bench) -> None:
    began = bench.world.clock()

    sweep_with_kafka(bench, 115, oldest_row_at=began)
    assert set(bench.store.abandoned_ages) == {NEVER}

    sweep_with_kafka(bench, 15, oldest_row_at=began)
    assert bench.store.abandoned_ages[-1] == SweepRules().abandoned_after_seconds


def test_taking_rows_over_goes_on_though_it_moves_the_oldest(bench: Bench) -> None:
    bench.store.abandoned = [event("a")]
    sweep_with_kafka(bench, 130, oldest_row_at=bench.world.clock())
    bench.store.abandoned_ages.clear()

    sweep_with_kafka(bench, 60, oldest_row_at=None)
    assert set(bench.store.abandoned_ages) == {SweepRules().abandoned_after_seconds}

    bench.store.abandoned = []
    sweep_with_kafka(bench, 60, oldest_row_at=None)
    assert bench.store.abandoned_ages[-1] == NEVER


def test_taking_rows_over_ends_with_the_lease(bench: Bench) -> None:
    bench.store.abandoned = [event("a")]
    sweep_with_kafka(bench, 130, oldest_row_at=bench.world.clock())
    bench.store.holds_lease = False
    sweep_with_kafka(bench, 60, oldest_row_at=None)
    bench.store.abandoned_ages.clear()

    bench.store.holds_lease = True
    sweep_with_kafka(bench, 60, oldest_row_at=None)

    assert set(bench.store.abandoned_ages) == {NEVER}


def test_failed_sweeps_make_no_row_abandoned(bench: Bench) -> None:
    began = bench.world.clock()
    sweep_with_kafka(bench, 60, oldest_row_at=began)
    for _ in range(120):
        bench.store.fails_at["renew_node"] = AWAY
        sweep_with_kafka(bench, 1, oldest_row_at=began)

    sweep_with_kafka(bench, 60, oldest_row_at=began)

    assert set(bench.store.abandoned_ages) == {NEVER}


def test_a_slow_statement_excuses_no_row(bench: Bench) -> None:
    began = bench.world.clock()
    for _ in range(130):
        bench.store.fails_at["scan_unsettled"] = AWAY
        sweep_with_kafka(bench, 1, oldest_row_at=began)

    assert bench.store.abandoned_ages[-1] == SweepRules().abandoned_after_seconds


def test_rows_older_than_the_machine_runs_may_move(world: World) -> None:
    world.clock.now = 5.0
    bench = make_bench(world)
    for _ in range(300):
        bench.store.state = OutboxState(1, 1_000.0)
        bench.tell(NEWS)
        bench.sweep(1.0)

    assert set(bench.store.abandoned_ages) == {NEVER}


def test_the_time_without_postgres_makes_no_row_abandoned(bench: Bench) -> None:
    began = bench.world.clock()
    sweep_with_kafka(bench, 60, oldest_row_at=began)
    bench.world.status.database_errors["writer"] = "away"
    sweep_with_kafka(bench, 300, oldest_row_at=began)
    bench.world.status.database_errors["writer"] = ""

    sweep_with_kafka(bench, 60, oldest_row_at=began)

    assert set(bench.store.abandoned_ages) == {NEVER}


def test_the_time_without_kafka_makes_no_row_abandoned(bench: Bench) -> None:
    began = bench.world.clock()
    bench.store.state = OutboxState(1, 0.0)
    for _ in range(300):
        bench.store.state = OutboxState(1, bench.world.clock() - began)
        bench.sweep(1.0)
        bench.published()

    sweep_with_kafka(bench, 60, oldest_row_at=began)

    assert set(bench.store.abandoned_ages) == {NEVER}


@pytest.mark.parametrize("step", ["due_stuck", "delete_expired_keys", "scan_unsettled"])
def test_repairs_need_neither_lease_nor_kafka(bench: Bench, step: str) -> None:
    bench.store.holds_lease = False

    bench.sweep(1.0)

    assert step in bench.store.calls


@pytest.mark.parametrize(
    "step",
    [
        *("renew_node", "own_outbox", "scan_unsettled", "forget_settled"),
        *("due_stuck", "oldest_unsettled_age", "hold_lease", "outbox_state"),
        "delete_expired_keys",
    ],
)
def test_a_failing_step_keeps_no_other_from_its_turn(bench: Bench, step: str) -> None:
    bench.tell(NEWS)
    bench.sweep(1.0)
    calls = set(bench.store.calls)
    bench.store.calls.clear()
    bench.world.clock.advance(61)
    bench.tell(NEWS, OutboxSuspect())
    bench.store.fails_at[step] = AWAY
    calls |= {"abandoned_outbox"}

    bench.sweep(0.5)

    without = {
        "hold_lease": {"abandoned_outbox"},
        "outbox_state": {"dead_letter_count"},
    }
    assert set(bench.store.calls) == calls - without.get(step, set())
    assert bench.world.log.count("sweeper.delayed") == 1


def test_many_rows_of_others_are_read_page_by_page_until_the_producer_is_full(
    bench: Bench,
) -> None:
    bench.store.abandoned = events(12_000)
    bench.tell(NEWS)

    bench.sweep(1.0)
    assert len(bench.published()) == 10_000
    bench.tell(NEWS)
    bench.sweep(1.0)

    assert len(bench.published()) == 2_000


# --- stuck orders ---


def test_stuck_orders_go_straight_to_the_resolver(bench: Bench) -> None:
    bench.store.stuck = stuck("a", "b")
    bench.tell(NEWS)

    bench.sweep(1.0)

    assert bench.resolved() == [ResolvePayments(("a", "b"))]


def test_lag_that_moves_excuses_the_orders_of_its_partition_alone(bench: Bench) -> None:
    bench.store.stuck = stuck("a", "b")
    bench.tell(lag(5001, 5000))

    bench.sweep(1.0)

    assert bench.resolved() == [ResolvePayments(("b",))]
    assert bench.store.excused == ["a"]


def test_nothing_excuses_an_order_past_the_bound(bench: Bench) -> None:
    bench.store.stuck = stuck("a", "b", age=OLD)
    bench.tell(lag(5001, 5001))

    bench.sweep(1.0)

    assert bench.resolved() == [ResolvePayments(("a", "b"))]


def test_lag_that_stands_still_excuses_nothing(bench: Bench) -> None:
    for _ in range(29):
        bench.store.stuck = stuck("a")
        bench.tell(lag(5001, 0))
        bench.sweep(1.0)
    assert bench.resolved() == []
    bench.store.stuck = []
    bench.sweep(2.0)

    bench.store.stuck = stuck("a")
    bench.tell(lag(5001, 0))
    bench.sweep(1.0)

    assert bench.resolved() == [ResolvePayments(("a",))]


def test_lag_excuses_as_long_as_it_is_worked_off(bench: Bench) -> None:
    for second in range(100):
        bench.store.stuck = stuck("a")
        bench.tell(lag(5001, 0, committed=second))
        bench.sweep(1.0)

    assert bench.resolved() == []


def test_a_partition_that_does_not_answer_excuses_nothing(bench: Bench) -> None:
    bench.store.stuck = stuck("a", "b")
    bench.tell(lag(None, 9000))

    bench.sweep(1.0)

    assert bench.resolved() == [ResolvePayments(("a",))]


@pytest.mark.parametrize(
    "message", [GroupLag(None), lag(9000, 9000), OutboxSuspect()], ids=repr
)
def test_orders_are_left_to_kafka_up_to_the_bound(
    bench: Bench, message: object
) -> None:
    bench.store.stuck = stuck("a", age=179.0) + stuck("b", age=OLD)
    bench.tell(message)

    bench.sweep(1.0)

    assert bench.resolved() == [ResolvePayments(("b",))]
    assert bench.store.scan_ages == [180.0]


def test_search_looks_sooner_where_a_partition_may_be_stuck(bench: Bench) -> None:
    bench.tell(lag(9000, 0))

    bench.sweep(1.0)

    assert bench.store.scan_ages == [30.0]


def test_old_news_of_the_lag_count_as_none(bench: Bench) -> None:
    bench.tell(NEWS)
    bench.sweep(15.0)
    bench.store.stuck = stuck("a")

    bench.sweep(2.0)

    assert bench.resolved() == []


def test_half_of_the_resolvers_room_is_kept_for_the_consumers(bench: Bench) -> None:
    bench.store.stuck = stuck(*(f"a{n}" for n in range(1800)))
    bench.resolver.lane.offer(ResolvePayments(("x",) * 501))
    bench.tell(NEWS)

    bench.sweep(1.0)

    assert [len(m.order_ids) for m in bench.resolved()] == [501, 500]


def test_each_sweep_heals_a_page_though_consumers_fill_the_resolver(
    bench: Bench,
) -> None:
    bench.store.stuck = stuck(*(f"a{n}" for n in range(5000)), age=OLD)
    bench.resolver.lane.offer(ResolvePayments(("x",) * 2000))

    bench.sweep(1.9)

    assert [len(m.order_ids) for m in bench.resolved()] == [2000, 500]


def test_no_order_is_put_off_for_a_resolver_that_is_overfull(bench: Bench) -> None:
    bench.store.stuck = stuck("a", age=OLD)
    bench.resolver.lane.offer(ResolvePayments(("x",) * 2001))

    bench.sweep(1.0)

    assert "due_stuck" not in bench.store.calls


def test_stuck_orders_are_taken_up_while_the_resolver_has_room(bench: Bench) -> None:
    bench.store.stuck = stuck(*(f"a{n}" for n in range(1800)))
    bench.tell(NEWS)

    bench.sweep(1.0)

    assert [len(m.order_ids) for m in bench.resolved()] == [500, 500]


def test_healing_goes_on_as_soon_as_the_resolver_has_room(bench: Bench) -> None:
    bench.store.stuck = stuck(*(f"a{n}" for n in range(5000)))
    bench.tell(NEWS)
    healed = 0

    for _ in range(10):
        bench.sweep(0.2)
        healed += sum(len(m.order_ids) for m in bench.resolved())

    assert healed == 5000
    assert bench.store.calls.count("renew_node") <= 3


def test_settled_orders_are_forgotten_in_bulk(bench: Bench) -> None:
    bench.store.settled_stuck = 60_000
    bench.store.stuck = stuck("a")
    bench.tell(NEWS)

    bench.sweep(1.0)

    assert bench.store.settled_stuck == 0
    assert bench.resolved() == [ResolvePayments(("a",))]


def test_forgetting_ends_when_its_time_is_up(bench: Bench) -> None:
    bench.store.settled_stuck = 60_000
    bench.store.on_call = lambda: bench.world.clock.advance(0.3)

    bench.sweep(1.0)

    assert bench.store.calls.count("forget_settled") == 2


def test_forgetting_goes_on_soon(bench: Bench) -> None:
    bench.store.settled_stuck = 400_000

    bench.sweep(1.5)

    assert bench.store.settled_stuck == 0


def test_search_goes_on_until_it_has_caught_up(bench: Bench) -> None:
    bench.store.scans = [ScanResult(5000, 9.0), ScanResult(5000, 4.0)]

    bench.sweep(1.0)

    assert bench.store.calls.count("scan_unsettled") == 3


def test_search_is_bounded(bench: Bench) -> None:
    bench.store.scans = [ScanResult(5000, 9.0)] * 100

    bench.sweep(1.0)

    assert bench.store.calls.count("scan_unsettled") == 20


def test_search_is_left_to_the_node_that_is_at_it(bench: Bench) -> None:
    bench.world.status.search_behind_seconds = 4.0
    bench.store.scans = [None, ScanResult(1, 9.0)]

    bench.sweep(1.0)

    assert bench.store.calls.count("scan_unsettled") == 1
    assert bench.world.status.search_behind_seconds == 4.0


def test_how_far_the_search_is_behind_is_stated(bench: Bench) -> None:
    bench.store.scans = [ScanResult(3, 42.0)]

    bench.sweep(1.0)

    assert bench.world.status.search_behind_seconds == 42.0


@pytest.mark.parametrize("holds_lease", [True, False])
def test_every_node_states_the_age_of_the_oldest_unsettled_order(
    bench: Bench, holds_lease: bool
) -> None:
    bench.store.holds_lease = holds_lease
    bench.store.oldest_age = 42.0

    bench.sweep(1.0)

    status = bench.world.status
    assert status.unsettled_oldest_age_seconds == 42.0
    assert status.unsettled_known_at == bench.world.clock()


def test_an_age_that_cannot_be_known_stays_and_is_known_to_be_old(bench: Bench) -> None:
    bench.store.oldest_age = 42.0
    bench.sweep(1.0)
    known_at = bench.world.clock()
    bench.store.oldest_age = None

    bench.sweep(3.0)

    status = bench.world.status
    assert status.unsettled_oldest_age_seconds == 42.0
    assert status.unsettled_known_at == known_at


# --- housekeeping ---


def test_keys_are_deleted_once_a_minute(bench: Bench) -> None:
    for _ in range(7):
        bench.tell(NEWS)
        bench.sweep(8.5)

    assert bench.store.calls.count("delete_expired_keys") == 1


def test_keys_are_deleted_in_steps_until_none_is_left(bench: Bench) -> None:
    bench.store.expired_keys = 12_500

    bench.sweep(1.0)

    assert bench.store.calls.count("delete_expired_keys") == 13
    assert bench.store.expired_keys == 0


def test_deleting_keys_goes_on_with_the_next_sweep_when_its_time_is_up(
    bench: Bench,
) -> None:
    bench.store.expired_keys = 12_500
    bench.store.on_call = lambda: bench.world.clock.advance(0.05)

    bench.sweep(1.0)
    assert 0 < bench.store.expired_keys < 12_500
    bench.sweep(2.0)

    assert bench.store.expired_keys == 0


def test_gauges_are_read_every_five_seconds(bench: Bench) -> None:
    bench.store.state = OutboxState(17, 3.5)

    bench.sweep(10.0)

    assert bench.store.calls.count("outbox_state") == 2
    assert bench.world.status.unpublished == 17
    assert bench.world.status.outbox_oldest_age_seconds == 3.5
    assert bench.world.status.dead_letters == 3


# --- when ---


def test_messages_in_between_do_not_put_the_sweep_off(bench: Bench) -> None:
    bench.calm()
    for _ in range(20):
        bench.tell(NEWS)
        bench.sweep(0.1)

    assert bench.store.calls.count("renew_node") == 2


def test_nothing_is_asked_of_an_away_database(bench: Bench) -> None:
    bench.world.status.database_errors["writer"] = "away"

    bench.sweep(5.0)

    assert bench.store.calls == []


def test_failed_sweep_is_followed_by_the_next(bench: Bench) -> None:
    bench.store.fails_at["renew_node"] = AWAY

    bench.sweep(2.0)

    assert bench.store.calls.count("renew_node") == 2


def test_draining_sweeper_rests(bench: Bench) -> None:
    bench.tell(Drain())

    bench.sweep(5.0)

    assert bench.store.calls == []
    assert bench.role.drained.is_set()


def test_leases_are_given_up_at_the_end(bench: Bench) -> None:
    bench.actor.on_stop()

    assert bench.store.calls == ["release"]
    assert bench.store.closed


def test_store_is_closed_though_the_leases_cannot_be_given_up(bench: Bench) -> None:
    bench.store.fails_at["release"] = AWAY

    bench.actor.on_stop()

    assert bench.store.closed


# --- signs of life ---


def test_no_step_of_a_sweep_adds_to_the_silence_of_another(bench: Bench) -> None:
    bench.calm()
    bench.store.add_rows(events(1200))
    bench.world.clock.advance(2)
    bench.store.scans = [ScanResult(5000, 1.0)] * 3
    bench.store.settled_stuck = 12_000
    silences: list[float] = []

    def work() -> None:
        silences.append(bench.role.silent_seconds(bench.world.clock()))
        bench.world.clock.advance(8)

    bench.store.on_call = work
    bench.tell(OutboxSuspect(), NEWS)

    bench.sweep(1.0)

    assert len(bench.store.calls) > 9
    assert max(silences) <= 8
