"""SettlementWriter: written first, told afterwards, and harmless when repeated."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from actor_fakes import NOON, RecordedRole, World, dead_letter, receipt, settlement
from port_fakes import FakeSettlementStore

from orders.actors.messages import (
    BatchDone,
    BuryRecords,
    ForgetPublished,
    NotifyCustomers,
    OutboxSuspect,
    SettleOrders,
    Wake,
)
from orders.actors.settlement_writer import SettlementWriter, weigh_settlement_work
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.records import EventRef

AWAY = DatabaseUnavailableError("away")
HELD = DatabaseUnavailableError("others hold it")
HELD.server_is_away = False
LOST = DatabaseUnavailableError("lost in COMMIT", outcome_unknown=True)


@dataclass
class Bench:
    world: World
    store: FakeSettlementStore
    role: RecordedRole[Any]
    producer: RecordedRole[Any]
    notifier: RecordedRole[Any]
    sweeper: RecordedRole[Any]
    consumer: RecordedRole[Any]
    upstream: RecordedRole[Any]
    actor: SettlementWriter

    def write(self, *work: Any) -> None:
        for message in work:
            assert self.role.offer(message)
        self.world.deliver(self.actor)

    def settle(self, *names: str) -> None:
        self.write(SettleOrders(tuple(map(settlement, names)), (receipt(),)))

    def in_lane(self, role: RecordedRole[Any]) -> list[Any]:
        hand = role.lane.take(1000)
        return [] if hand is None else hand.messages


@pytest.fixture
def bench(world: World) -> Bench:
    store = FakeSettlementStore()
    role = world.role("writer", capacity=50, weigh=weigh_settlement_work)
    producer = world.role("producer", capacity=5, weigh=lambda m: len(m.events))
    notifier = world.role("notifier", capacity=5, weigh=lambda m: len(m.settlements))
    sweeper, consumer = world.role("sweeper"), world.role("consumer")
    upstream = world.role("resolver")
    actor = SettlementWriter(
        role,
        make_store=lambda: store,
        producer=producer,
        notifier=notifier,
        sweeper=sweeper,
        consumers={"consumer": consumer},
        upstream=(upstream,),
        status=world.status,
        telemetry=world.telemetry,
        max_batch_orders=10,
        pace=world.pace,
    )
    actor.on_start()
    return Bench(
        world, store, role, producer, notifier, sweeper, consumer, upstream, actor
    )


def test_settlements_are_written(bench: Bench) -> None:
    bench.settle("a", "b")

    assert bench.store.settled == [["a", "b"]]


def test_waiting_work_shares_one_transaction(bench: Bench) -> None:
    bench.role.lane.offer(SettleOrders((settlement("a"),)))
    bench.settle("b")

    assert bench.store.settled == [["a", "b"]]


def test_order_named_twice_is_settled_once_in_a_batch(bench: Bench) -> None:
    bench.role.lane.offer(SettleOrders((settlement("a"),)))
    bench.settle("a")

    assert bench.store.settled == [["a"]]
    assert bench.world.telemetry.lost_count == 0


def test_receipt_is_acknowledged_after_settling(bench: Bench) -> None:
    told_before: list[int] = []
    bench.store.on_settle = lambda: told_before.append(len(bench.consumer.told))

    bench.settle("a")

    assert told_before == [0]
    assert bench.consumer.told == [BatchDone(receipt())]


def test_receipts_are_acknowledged_though_another_was_quicker(bench: Bench) -> None:
    bench.store.taken.add("a")

    bench.settle("a")

    assert bench.consumer.told == [BatchDone(receipt())]


def test_no_receipt_is_acknowledged_while_the_database_is_away(bench: Bench) -> None:
    bench.store.errors = [AWAY]

    bench.settle("a")

    assert bench.consumer.told == []
    assert bench.role.lane.depth == 1


def test_batch_is_kept_and_written_later(bench: Bench) -> None:
    bench.store.errors = [AWAY, LOST]
    bench.settle("a")

    bench.world.pass_time(bench.actor, 1.0)

    assert bench.store.settled == [["a"]]
    assert bench.consumer.told == [BatchDone(receipt())]
    assert bench.role.lane.depth == 0


def test_a_batch_that_took_too_long_is_halved(bench: Bench) -> None:
    names = [f"{number:02}" for number in range(40)]
    bench.store.errors = [AWAY]
    bench.settle(*names)

    bench.world.pass_time(bench.actor, 1.0)

    assert bench.store.settled == [names[:20], names[20:]]
    assert bench.consumer.told == [BatchDone(receipt())]


def test_a_half_that_was_settled_is_not_settled_again(bench: Bench) -> None:
    names = [f"{number:02}" for number in range(40)]
    bench.store.errors = [AWAY]
    bench.settle(*names)
    failures = [AWAY]

    def fail_behind_the_first_half() -> None:
        if bench.store.settled and failures:
            bench.store.errors.append(failures.pop())

    bench.store.on_settle = fail_behind_the_first_half
    bench.world.pass_time(bench.actor, 3.0)

    assert bench.store.settled == [names[:20], names[20:30], names[30:]]


def test_events_of_those_that_won_are_published(bench: Bench) -> None:
    bench.store.taken.add("b")

    bench.settle("a", "b")

    (message,) = bench.in_lane(bench.producer)
    assert message.events == (settlement("a").event(NOON + timedelta(seconds=2)),)


def test_those_that_won_are_notified(bench: Bench) -> None:
    bench.store.taken.add("b")

    bench.settle("a", "b")

    assert bench.in_lane(bench.notifier) == [
        NotifyCustomers((settlement("a"),), NOON + timedelta(seconds=2))
    ]


def test_those_that_lost_are_counted(bench: Bench) -> None:
    bench.store.taken.update("bc")

    bench.settle("a", "b", "c")

    assert bench.world.telemetry.lost_count == 2


def test_nothing_is_told_where_nobody_won(bench: Bench) -> None:
    bench.store.taken.add("a")

    bench.settle("a")

    assert bench.in_lane(bench.producer) == []
    assert bench.in_lane(bench.notifier) == []


def test_full_producer_makes_the_outbox_suspect(bench: Bench) -> None:
    bench.producer.lane.offer(type("Full", (), {"events": (1, 2, 3, 4, 5)}))

    bench.settle("a")

    assert bench.sweeper.told == [OutboxSuspect()]


def test_unknown_outcome_makes_the_outbox_suspect(bench: Bench) -> None:
    bench.store.errors = [LOST]

    bench.settle("a")

    assert bench.sweeper.told == [OutboxSuspect()]


def test_certain_failure_raises_no_suspicion(bench: Bench) -> None:
    bench.store.errors = [AWAY]

    bench.settle("a")

    assert bench.sweeper.told == []


def test_full_notifier_is_logged_and_holds_nobody_up(bench: Bench) -> None:
    bench.notifier.lane.offer(type("Full", (), {"settlements": (1, 2, 3, 4, 5)}))

    bench.settle("a")

    assert bench.world.log.count("notifier.overloaded") == 1
    assert bench.consumer.told == [BatchDone(receipt())]


def test_dead_letters_are_kept_and_acknowledged(bench: Bench) -> None:
    letters = (dead_letter(1), dead_letter(2))

    bench.write(BuryRecords(letters, receipt(part="letters")))

    assert bench.store.buried == [list(letters)]
    assert bench.consumer.told == [BatchDone(receipt(part="letters"))]


def test_confirmed_events_are_forgotten_together(bench: Bench) -> None:
    bench.role.lane.offer(ForgetPublished((EventRef("a", 1),)))
    bench.write(ForgetPublished((EventRef("b", 1), EventRef("b", 2))))

    assert bench.store.forgotten == [
        [EventRef("a", 1), EventRef("b", 1), EventRef("b", 2)]
    ]


# --- parts of a batch ---

MIXED = (
    BuryRecords((dead_letter(),), receipt(2, "letters")),
    SettleOrders((settlement("a"),), (receipt(),)),
    ForgetPublished((EventRef("b", 1),)),
)


def test_settled_orders_are_not_settled_again_when_forgetting_fails(
    bench: Bench,
) -> None:
    bench.store.errors = [None, None, AWAY]

    bench.write(*MIXED)
    bench.world.pass_time(bench.actor, 0.25)

    assert bench.store.settled == [["a"]]
    assert bench.world.telemetry.lost_count == 0
    assert bench.store.forgotten == [[EventRef("b", 1)]]


def test_buried_letters_are_logged_once_though_the_rest_is_tried_again(
    bench: Bench,
) -> None:
    bench.store.errors = [None, AWAY]

    bench.write(*MIXED)
    bench.world.pass_time(bench.actor, 0.25)

    assert bench.world.log.count("consumer.dead_letters") == 1
    assert len(bench.store.buried) == 1


def test_part_that_fails_does_not_keep_the_others_from_being_written(
    bench: Bench,
) -> None:
    bench.store.errors = [AWAY]

    bench.write(*MIXED)

    assert bench.store.settled == [["a"]]
    assert bench.store.forgotten == [[EventRef("b", 1)]]


def test_part_is_acknowledged_when_it_is_written_and_only_then(bench: Bench) -> None:
    bench.store.errors = [AWAY]
    bench.write(*MIXED)
    assert bench.consumer.told == [BatchDone(receipt())]

    bench.world.pass_time(bench.actor, 0.25)

    assert bench.consumer.told[1:] == [BatchDone(receipt(2, "letters"))]


def test_next_batch_is_written_whole(bench: Bench) -> None:
    bench.write(*MIXED)

    bench.settle("c")

    assert bench.store.settled == [["a"], ["c"]]


def test_parts_are_signs_of_life(bench: Bench) -> None:
    bench.store.on_settle = lambda: bench.world.clock.advance(10)
    silences: list[float] = []

    def forget(events: object) -> None:
        silences.append(bench.role.silent_seconds(bench.world.clock()))

    bench.store.forget_published = forget  # type: ignore[method-assign]

    bench.write(*MIXED)

    assert silences == [0]


# --- orders that PostgreSQL refuses ---


def test_refused_orders_are_logged(bench: Bench) -> None:
    bench.store.refuses = {"b"}

    bench.settle("a", "b")

    assert bench.world.log.lines == [
        ("error", "settlement.refused", {"count": 1, "order_ids": ["b"]})
    ]


def test_log_names_twenty_refused_orders_at_most(bench: Bench) -> None:
    names = [f"o{n:02}" for n in range(30)]
    bench.store.refuses = set(names)

    bench.settle(*names)

    ((_, _, fields),) = bench.world.log.lines
    assert fields == {"count": 30, "order_ids": names[:20]}


def test_refused_orders_do_not_come_back_by_themselves(bench: Bench) -> None:
    bench.store.refuses = {"b"}

    bench.settle("a", "b")

    assert bench.role.lane.depth == 0
    assert bench.consumer.told == [BatchDone(receipt())]


def test_refused_orders_do_not_count_as_lost(bench: Bench) -> None:
    bench.store.refuses = {"b"}

    bench.settle("a", "b")

    assert bench.world.telemetry.lost_count == 0


# --- what others hold ---


def test_held_orders_are_counted_and_logged_and_not_lost(bench: Bench) -> None:
    bench.store.holds = {"b"}

    bench.settle("a", "b")

    assert bench.world.telemetry.held_count == 1
    assert bench.world.telemetry.lost_count == 0
    assert bench.world.log.lines == [
        ("warning", "settlement.held", {"count": 1, "order_ids": ["b"]})
    ]


def test_held_orders_are_left_to_the_sweeper(bench: Bench) -> None:
    bench.store.holds = {"b"}

    bench.settle("a", "b")

    assert bench.role.lane.depth == 0
    assert bench.consumer.told == [BatchDone(receipt())]


def test_letters_whose_table_is_held_wait_behind_all_orders(bench: Bench) -> None:
    bench.store.errors = [HELD]

    bench.write(*MIXED)

    assert bench.store.settled == [["a"]]
    assert bench.store.buried == [[dead_letter()]]
    assert bench.consumer.told[-1] == BatchDone(receipt(2, "letters"))


def test_orders_that_come_later_pass_letters_whose_table_is_held(bench: Bench) -> None:
    bench.store.errors = [HELD, None, None, HELD]
    for message in (*MIXED, SettleOrders((settlement("c"),))):
        assert bench.role.offer(message)
    assert bench.role.offer(SettleOrders(tuple(settlement(f"d{n}") for n in range(9))))

    bench.world.deliver(bench.actor)

    assert [len(batch) for batch in bench.store.settled] == [2, 9]
    assert bench.store.buried == [[dead_letter()]]


# --- rhythm ---


def test_superseded_writer_takes_nothing(bench: Bench) -> None:
    def vacate_meanwhile(*, full: bool = False) -> None:
        bench.role.vacate()

    bench.world.pace.keep = vacate_meanwhile  # type: ignore[method-assign]
    bench.store.errors = [AWAY]

    bench.settle("a")

    hand = bench.role.lane.take(10)
    assert hand is not None
    hand.done()
    assert bench.role.lane.depth == 0


def test_those_behind_are_woken_after_each_batch(bench: Bench) -> None:
    bench.settle("a")

    assert bench.upstream.told == [Wake()]


def test_nobody_is_woken_for_a_batch_that_failed(bench: Bench) -> None:
    bench.store.errors = [AWAY]

    bench.settle("a")

    assert bench.upstream.told == []


def test_more_than_a_batch_takes_several_transactions(bench: Bench) -> None:
    for prefix in "ab":
        names = tuple(settlement(f"{prefix}{n}") for n in range(8))
        bench.role.lane.offer(SettleOrders(names))

    bench.write(SettleOrders((settlement("c"),)))

    assert [len(batch) for batch in bench.store.settled] == [8, 9]


def test_nothing_is_written_while_the_database_is_known_to_be_away(
    bench: Bench,
) -> None:
    bench.world.status.database_errors["writer"] = "away"
    bench.settle("a")
    assert bench.store.settled == []

    bench.world.status.database_errors["writer"] = ""
    bench.world.pass_time(bench.actor, 0.25)

    assert bench.store.settled == [["a"]]


@pytest.mark.parametrize(
    ("work", "rows"),
    [
        (SettleOrders((settlement("a"), settlement("b"))), 2),
        (ForgetPublished((EventRef("a", 1),) * 3), 3),
        (BuryRecords((dead_letter(),) * 4), 4),
    ],
    ids=["settle", "forget", "bury"],
)
def test_work_weighs_as_many_rows_as_it_touches(work: Any, rows: int) -> None:
    assert weigh_settlement_work(work) == rows


def test_store_is_closed_at_the_end(bench: Bench) -> None:
    bench.actor.on_stop()

    assert bench.store.closed


def test_the_next_batch_is_paced_by_the_rows_of_the_last(bench: Bench) -> None:
    bench.settle("a", "b", "c")

    assert bench.world.pace.batches == [3]


def test_a_lane_with_a_whole_batch_does_not_wait_for_more(bench: Bench) -> None:
    bench.settle(*"abcdefghi")
    bench.settle(*"jklmnopqrs")

    assert bench.world.pace.kept == [False, True]
