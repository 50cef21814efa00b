"""IntakeWriter: answers follow the COMMIT, and doubts are settled by asking again."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from actor_fakes import NOON, RecordedRole, World, order, store_orders
from port_fakes import FakeIntakeStore

from orders.actors import held_keys
from orders.actors.intake_writer import IntakeWriter
from orders.actors.messages import (
    DATABASE_UNAVAILABLE,
    OUTCOME_UNKNOWN,
    OVERLOADED,
    OutboxSuspect,
    PublishEvents,
    Refused,
    StoreOrders,
    Tick,
    Wake,
)
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.intake import (
    IdempotencyKey,
    KeyBusy,
    KeyReused,
    Replayed,
    RowRefused,
    Stored,
)

REFUSED = DatabaseUnavailableError("refused")
LOST = DatabaseUnavailableError("lost in COMMIT", outcome_unknown=True)
DEADLINE = 1005.0
"""Five seconds after a test begins."""


@dataclass
class Bench:
    world: World
    store: FakeIntakeStore
    role: RecordedRole[Any]
    intake: RecordedRole[Any]
    producer: RecordedRole[Any]
    sweeper: RecordedRole[Any]
    prepared: list[str]
    actor: IntakeWriter

    def offer(self, *names: str) -> StoreOrders:
        message = store_orders(*names, deadline=DEADLINE)
        self.role.offer(message)
        return message

    def write(self, *names: str) -> None:
        self.offer(*names)
        self.world.deliver(self.actor)

    def published(self) -> list[str]:
        hand = self.producer.lane.take(1000)
        if hand is None:
            return []
        return [e.order_id for m in hand.messages for e in m.events]

    def suspicions(self) -> int:
        return len(self.sweeper.told_of(OutboxSuspect))


def make_actor(bench_or_world: World, store: FakeIntakeStore, **roles: Any) -> Any:
    return IntakeWriter(
        make_store=lambda: store,
        replies=bench_or_world.replies,
        status=bench_or_world.status,
        telemetry=bench_or_world.telemetry,
        max_batch_orders=4,
        **roles,
    )


@pytest.fixture
def bench(world: World) -> Bench:
    store = FakeIntakeStore()
    role = world.role("writer", capacity=8, weigh=lambda m: len(m.submissions))
    intake, sweeper = world.role("intake"), world.role("sweeper")
    producer = world.role("producer", capacity=4, weigh=lambda m: len(m.events))
    prepared: list[str] = []
    actor = make_actor(
        world,
        store,
        role=role,
        prepare=lambda: prepared.append("prepared"),
        intake=intake,
        producer=producer,
        sweeper=sweeper,
    )
    actor.on_start()
    world.status.database_errors["writer"] = ""
    return Bench(world, store, role, intake, producer, sweeper, prepared, actor)


# --- storing ---


def test_stored_orders_are_answered(bench: Bench) -> None:
    bench.write("a", "b")

    assert bench.world.replies.given == {"a": Stored(NOON), "b": Stored(NOON)}


def test_waiting_messages_share_one_commit(bench: Bench) -> None:
    bench.offer("a")
    bench.offer("b", "c")

    bench.world.deliver(bench.actor)

    assert bench.store.calls == [["a", "b", "c"]]


def test_batch_is_answered_in_one_hand_over(bench: Bench) -> None:
    bench.offer("a")
    bench.offer("b", "c")

    bench.world.deliver(bench.actor)

    assert [len(batch) for batch in bench.world.replies.batches] == [3]


def test_commit_holds_no_more_than_a_batch(bench: Bench) -> None:
    for names in (("a", "b", "c"), ("d", "e"), ("f",)):
        bench.offer(*names)

    bench.world.deliver(bench.actor)

    assert bench.store.calls == [
        ["a", "b", "c"],
        ["d", "e", "f"],
    ]


def test_nobody_is_answered_before_the_store_returned(bench: Bench) -> None:
    seen: list[int] = []
    bench.store.on_store = lambda: seen.append(len(bench.world.replies.batches))

    bench.write("a")

    assert seen == [0]


def test_nothing_is_published_before_the_store_returned(bench: Bench) -> None:
    seen: list[int] = []
    bench.store.on_store = lambda: seen.append(bench.producer.lane.depth)

    bench.write("a")

    assert seen == [0]


def test_orders_are_claimed_before_they_are_sent(bench: Bench) -> None:
    claims: list[bool] = []
    message = bench.offer("a")
    bench.store.on_store = lambda: claims.append(message.submissions[0].claim())

    bench.world.deliver(bench.actor)

    assert claims == [False]


def test_order_that_its_deadline_claimed_is_not_stored(bench: Bench) -> None:
    message = bench.offer("a", "b")
    message.submissions[0].claim()

    bench.world.deliver(bench.actor)

    assert bench.store.calls == [["b"]]


def test_batch_of_which_nothing_is_left_asks_nothing_of_the_database(
    bench: Bench,
) -> None:
    message = bench.offer("a")
    message.submissions[0].claim()

    bench.world.deliver(bench.actor)

    assert bench.store.calls == []
    assert bench.role.lane.depth == 0


def test_intake_is_woken_after_each_batch(bench: Bench) -> None:
    bench.write("a")

    assert bench.intake.told == [Wake()]


# --- outcomes ---


def test_only_stored_orders_are_published(bench: Bench) -> None:
    bench.store.outcomes = {
        "b": Replayed(order("someone-elses")),
        "c": KeyReused(),
        "d": RowRefused("22003"),
    }

    bench.write("a", "b", "c", "d")

    assert bench.published() == ["a"]


@pytest.mark.parametrize(
    "outcome",
    [Replayed(order("first")), KeyReused(), RowRefused("22003")],
    ids=lambda outcome: type(outcome).__name__,
)
def test_outcome_is_answered_as_it_is(bench: Bench, outcome: Any) -> None:
    bench.store.outcomes = {"a": outcome}

    bench.write("a")

    answer = bench.world.replies.given["a"]
    assert type(answer) is type(outcome)
    assert answer == outcome


def test_event_is_the_first_version_with_its_text_and_time(bench: Bench) -> None:
    bench.write("a")

    hand = bench.producer.lane.take(1)
    assert hand is not None
    (published,) = hand.messages[0].events
    assert published[:5] == (
        "a",
        1,
        "orders.order.accepted.v1",
        '{"order_id":"a"}',
        NOON,
    )


def test_stored_orders_are_counted(bench: Bench) -> None:
    bench.store.outcomes = {"b": KeyReused()}

    bench.write("a", "b")

    assert bench.world.telemetry.accepted_count == 1


def test_full_producer_makes_the_outbox_suspect(bench: Bench) -> None:
    bench.producer.offer(PublishEvents(()))
    bench.producer.lane.offer(type("Full", (), {"events": (1, 2, 3, 4)}))

    bench.write("a")

    assert bench.suspicions() == 1


def test_taken_events_leave_no_suspicion(bench: Bench) -> None:
    bench.write("a")

    assert bench.suspicions() == 0


# --- failures ---


def test_certain_failure_is_refused_at_once(bench: Bench) -> None:
    bench.store.errors = [REFUSED]

    bench.write("a", "b")

    refused = Refused(DATABASE_UNAVAILABLE, 2.0)
    assert bench.world.replies.given == {"a": refused, "b": refused}
    assert bench.role.lane.depth == 0
    assert bench.world.telemetry.rejections == {DATABASE_UNAVAILABLE: 2}


def test_certain_failure_is_not_tried_again(bench: Bench) -> None:
    bench.store.errors = [REFUSED]
    bench.write("a")

    bench.world.pass_time(bench.actor, 3.0)

    assert len(bench.store.calls) == 1


def test_unknown_outcome_is_not_answered_yet(bench: Bench) -> None:
    bench.store.errors = [LOST]

    bench.write("a")

    assert bench.world.replies.given == {}
    assert bench.role.lane.depth == 1


def test_unknown_outcome_is_tried_again_with_the_same_orders(bench: Bench) -> None:
    bench.store.errors = [LOST]
    bench.write("a", "b")

    bench.world.pass_time(bench.actor, 1.0)

    assert bench.store.calls == [["a", "b"], ["a", "b"]]


def test_second_try_answers(bench: Bench) -> None:
    bench.store.errors = [LOST]
    bench.write("a")

    bench.world.pass_time(bench.actor, 1.0)

    assert bench.world.replies.given == {"a": Stored(NOON)}
    assert bench.published() == ["a"]


def test_order_found_under_its_own_id_was_stored_by_us(bench: Bench) -> None:
    committed = order("a")._replace(created_at=NOON - timedelta(seconds=3))
    bench.store.errors = [LOST]
    bench.store.outcomes = {"a": Replayed(committed)}
    bench.write("a")

    bench.world.pass_time(bench.actor, 1.0)

    assert bench.world.replies.given == {"a": Stored(committed.created_at)}
    assert bench.published() == ["a"]
    assert bench.world.telemetry.accepted_count == 1


def test_unknown_outcome_is_admitted_once_the_deadline_passed(bench: Bench) -> None:
    bench.store.errors = [LOST] * 100
    bench.write("a")

    bench.world.pass_time(bench.actor, 6.0)

    assert bench.world.replies.given == {"a": Refused(OUTCOME_UNKNOWN, 2.0)}
    assert bench.role.lane.depth == 0


def test_admitted_doubt_makes_the_outbox_suspect(bench: Bench) -> None:
    bench.store.errors = [LOST]
    bench.write("a")
    bench.world.clock.now = DEADLINE
    bench.world.status.database_errors["writer"] = ""

    bench.world.run(bench.actor, Wake())

    assert bench.suspicions() == 1


def test_doubt_stays_doubt_when_the_next_try_fails_for_certain(bench: Bench) -> None:
    bench.store.errors = [LOST, REFUSED, *[LOST] * 100]
    bench.write("a")

    bench.world.pass_time(bench.actor, 1.0)

    assert len(bench.store.calls) > 2
    assert bench.world.replies.given == {}


def test_batch_is_kept_while_one_of_its_deadlines_lies_ahead(bench: Bench) -> None:
    bench.store.errors = [LOST] * 8
    bench.role.offer(store_orders("soon", deadline=1000.5))
    bench.role.offer(store_orders("later", deadline=1060.0))
    bench.world.deliver(bench.actor)

    bench.world.pass_time(bench.actor, 20.0)

    assert set(bench.world.replies.given) == {"soon", "later"}
    assert bench.world.replies.given["later"] == Stored(NOON)


def test_successor_goes_on_with_the_batch_in_doubt(bench: Bench) -> None:
    bench.store.errors = [LOST]
    bench.write("a")
    bench.role.vacate()
    bench.role.looked()
    successor = make_actor(
        bench.world,
        bench.store,
        role=bench.role,
        prepare=lambda: None,
        intake=bench.intake,
        producer=bench.producer,
        sweeper=bench.sweeper,
    )
    successor.on_start()

    bench.world.pass_time(successor, 1.0)

    assert bench.store.calls[-1] == ["a"]
    assert bench.world.replies.given == {"a": Stored(NOON)}


def test_what_is_certain_is_answered_though_the_rest_is_not(bench: Bench) -> None:
    bench.store.early = {"a"}
    bench.store.errors = [LOST]

    bench.write("a", "b")

    assert bench.world.replies.given == {"a": Stored(NOON)}
    assert bench.published() == ["a"]


def test_what_was_answered_is_not_tried_again(bench: Bench) -> None:
    bench.store.early = {"a"}
    bench.store.errors = [LOST]
    bench.write("a", "b")

    bench.world.pass_time(bench.actor, 1.0)

    assert bench.store.calls == [["a", "b"], ["b"]]
    assert len(bench.world.replies.batches) == 2


# --- held keys ---


def test_held_key_is_kept_apart_and_holds_up_nobody(bench: Bench) -> None:
    bench.store.outcomes = {"a": KeyBusy()}

    bench.write("a", "b")

    assert bench.world.replies.given == {"b": Stored(NOON)}
    assert bench.role.lane.depth == 0
    assert bench.role.pending == 1


def test_held_key_is_tried_again_by_itself(bench: Bench) -> None:
    bench.store.outcomes = {"a": KeyBusy()}
    bench.write("a", "b")
    del bench.store.outcomes["a"]

    bench.world.pass_time(bench.actor, 0.1)

    assert bench.store.calls[-1] == ["a"]
    assert bench.store.suspected == [False, True]
    assert bench.world.replies.given["a"] == Stored(NOON)
    assert bench.published() == ["b", "a"]


def test_held_key_is_busy_once_its_patience_is_used_up(bench: Bench) -> None:
    bench.store.outcomes = {"a": KeyBusy()}
    bench.write("a")
    bench.world.pass_time(bench.actor, 0.9)
    before = dict(bench.world.replies.given)

    bench.world.pass_time(bench.actor, 0.3)

    assert before == {}
    assert bench.world.replies.given == {"a": KeyBusy()}
    assert bench.role.pending == 0


def test_many_held_keys_are_tried_in_turn_and_all_answered(bench: Bench) -> None:
    names = [str(number) for number in range(30)]
    bench.store.outcomes = {name: KeyBusy() for name in names}
    for start in range(0, 30, 3):
        bench.write(*names[start : start + 3])

    bench.world.pass_time(bench.actor, 1.5)

    again = [
        c for c, s in zip(bench.store.calls, bench.store.suspected, strict=True) if s
    ]
    assert max(map(len, again)) == 4
    assert {name for call in again for name in call} == set(names)
    assert bench.world.replies.given == dict.fromkeys(names, KeyBusy())


def test_held_key_in_doubt_is_admitted_at_its_deadline(bench: Bench) -> None:
    bench.store.errors = [LOST]
    bench.store.outcomes = {"a": KeyBusy()}
    bench.write("a", "b")
    bench.world.pass_time(bench.actor, 3.0)
    before = dict(bench.world.replies.given)

    bench.world.pass_time(bench.actor, 4.0)

    assert before == {"b": Stored(NOON)}
    assert bench.world.replies.given["a"] == Refused(OUTCOME_UNKNOWN, 2.0)
    assert bench.suspicions() > 0


def test_a_try_of_held_keys_that_is_lost_leaves_them_in_doubt(bench: Bench) -> None:
    bench.store.outcomes = {"a": KeyBusy()}
    bench.write("a")
    bench.store.errors = [LOST]

    bench.world.pass_time(bench.actor, 2.5)

    assert bench.world.replies.given == {}


@pytest.mark.parametrize(
    ("errors", "answer"),
    [([], KeyBusy()), ([LOST], Refused(OUTCOME_UNKNOWN, 2.0))],
    ids=["certain", "in doubt"],
)
def test_held_key_is_answered_at_once_where_there_is_no_room(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, errors: list[Any], answer: object
) -> None:
    monkeypatch.setattr(held_keys, "_MAX_HELD", 0)
    bench.store.errors = errors
    bench.store.outcomes = {"a": KeyBusy()}

    bench.write("a")
    bench.world.pass_time(bench.actor, 0.6)

    assert bench.world.replies.given == {"a": answer}


def test_repetition_of_a_held_key_is_no_part_of_a_batch(bench: Bench) -> None:
    bench.store.outcomes = {"a": KeyBusy(), "again": KeyBusy()}
    for name, others in (("a", ()), ("again", ("b",))):
        message = store_orders(name, *others, deadline=DEADLINE)
        first = message.submissions[0]
        key = IdempotencyKey("POST /v1/orders", "k", b"print")
        first.order = first.order._replace(key=key)
        bench.role.offer(message)
        bench.world.deliver(bench.actor)

    assert bench.store.calls == [["a"], ["b"]]


# --- contention ---


class ContendedError(DatabaseUnavailableError):
    server_is_away = False


def test_contention_refuses_and_leaves_the_database_available(bench: Bench) -> None:
    bench.store.errors = [ContendedError("locked")]

    bench.write("a")

    assert bench.world.replies.given == {"a": Refused(OVERLOADED, 2.0)}
    assert bench.world.status.database_available


# --- availability ---


def test_failed_store_makes_the_database_unavailable(bench: Bench) -> None:
    bench.store.errors = [REFUSED]

    bench.write("a")

    assert not bench.world.status.database_available
    assert bench.world.status.database_error == "refused"


def test_nothing_is_written_while_the_database_is_away(bench: Bench) -> None:
    bench.world.status.database_errors["writer"] = "away"

    bench.write("a")

    assert bench.store.calls == []
    assert bench.role.lane.depth == 1


def test_successful_probe_makes_it_available(bench: Bench) -> None:
    bench.world.status.database_errors["writer"] = "away"

    bench.world.pass_time(bench.actor, 0.0)

    assert bench.world.status.database_available
    assert bench.world.status.database_error == ""
    assert bench.world.log.count("database.available") == 1


def test_away_database_is_probed_within_half_a_second(bench: Bench) -> None:
    bench.world.status.database_errors["writer"] = "away"
    bench.store.probes = [REFUSED] * 100
    bench.world.pass_time(bench.actor, 0.0)
    before = bench.store.probe_count

    bench.world.pass_time(bench.actor, 0.5)

    assert bench.store.probe_count > before


def test_outage_is_logged_once(bench: Bench) -> None:
    bench.world.status.database_errors["writer"] = "away"
    bench.store.probes = [REFUSED] * 8

    bench.world.pass_time(bench.actor, 10.0)

    assert bench.world.log.count("database.unavailable") == 1
    assert bench.world.log.count("database.available") == 1


def test_every_outage_is_logged(bench: Bench) -> None:
    bench.store.errors = [REFUSED, REFUSED]

    for name in ("a", "b"):
        bench.write(name)
        bench.world.pass_time(bench.actor, 1.0)

    assert bench.world.log.count("database.unavailable") == 2


def test_returned_database_makes_the_outbox_suspect(bench: Bench) -> None:
    bench.world.status.database_errors["writer"] = "away"

    bench.world.pass_time(bench.actor, 0.0)

    assert bench.suspicions() == 1


def test_idle_connection_is_probed(bench: Bench) -> None:
    bench.world.pass_time(bench.actor, 4.5)

    assert bench.store.probe_count >= 1


def test_busy_connection_needs_no_probe(bench: Bench) -> None:
    for number in range(10):
        bench.write(str(number))
        bench.world.pass_time(bench.actor, 1.0)

    assert bench.store.probe_count == 0


def test_idle_outage_is_noticed_within_four_seconds(bench: Bench) -> None:
    bench.store.probes = [REFUSED] * 100

    bench.world.pass_time(bench.actor, 4.0)

    assert not bench.world.status.database_available


def test_database_is_prepared_once_before_the_first_probe(bench: Bench) -> None:
    bench.world.status.database_errors["writer"] = "away"
    bench.store.probes = [REFUSED]

    bench.world.pass_time(bench.actor, 10.0)

    assert bench.prepared == ["prepared"]


def test_waiting_orders_are_written_once_the_database_is_back(bench: Bench) -> None:
    bench.world.status.database_errors["writer"] = "away"
    bench.store.probes = [REFUSED] * 2
    bench.write("a")

    bench.world.pass_time(bench.actor, 2.0)

    assert bench.world.replies.given == {"a": Stored(NOON)}


def test_rate_follows_what_is_stored(bench: Bench) -> None:
    bench.store.on_store = lambda: bench.world.clock.advance(0.01)

    for number in range(40):
        bench.world.run(bench.actor, Tick(-1))
        bench.write(f"{number}a", f"{number}b")
        bench.producer.lane.give_back()

    assert bench.world.status.orders_per_second == pytest.approx(200, rel=0.01)


def test_store_is_closed_at_the_end(bench: Bench) -> None:
    bench.actor.on_stop()

    assert bench.store.closed


# --- preparing ---


def begin(bench: Bench, prepare: Callable[[], object]) -> None:
    bench.actor._prepare = prepare  # type: ignore[assignment]
    bench.world.status.database_errors["writer"] = "away"
    bench.world.pass_time(bench.actor, 0.0)


def test_preparing_may_take_minutes(bench: Bench) -> None:
    hangs: list[bool] = []

    def prepare() -> None:
        bench.world.clock.advance(600)
        hangs.append(bench.role.hangs(bench.world.clock(), 15))

    begin(bench, prepare)

    assert hangs == [False]


def test_preparing_has_an_end(bench: Bench) -> None:
    hangs: list[bool] = []

    def prepare() -> None:
        bench.world.clock.advance(901)
        hangs.append(bench.role.hangs(bench.world.clock(), 15))

    begin(bench, prepare)

    assert hangs == [True]


def test_patience_ends_with_a_preparation_that_failed(bench: Bench) -> None:
    def prepare() -> None:
        raise REFUSED

    begin(bench, prepare)

    bench.world.clock.advance(16)

    assert bench.role.hangs(bench.world.clock(), 15)


def test_patience_ends_with_the_preparation(bench: Bench) -> None:
    hangs: list[bool] = []

    def probe() -> None:
        bench.world.clock.advance(16)
        hangs.append(bench.role.hangs(bench.world.clock(), 15))

    bench.store.probe = probe  # type: ignore[method-assign]

    begin(bench, lambda: None)

    assert hangs == [True]


def test_writer_superseded_while_it_prepares_leaves_the_orders_alone(
    bench: Bench,
) -> None:
    bench.offer("a")
    bench.store.errors = [REFUSED]

    begin(bench, prepare=bench.role.vacate)

    assert bench.store.calls == []
    hand = bench.role.lane.take(10)
    assert hand is not None
    hand.done()
    assert bench.role.lane.depth == 0


def test_writer_superseded_while_it_probes_leaves_what_it_had_in_hand(
    bench: Bench,
) -> None:
    bench.store.errors = [LOST]
    bench.write("a")
    bench.store.probe = bench.role.vacate  # type: ignore[method-assign,assignment]

    bench.world.pass_time(bench.actor, 0.5)

    assert len(bench.store.calls) == 1
    assert bench.role.lane.waiting


# --- several writers ---


def test_the_database_is_there_while_one_writer_reaches_it(bench: Bench) -> None:
    bench.world.status.database_errors["another"] = ""
    bench.store.errors = [REFUSED]

    bench.write("a")

    assert bench.world.status.database_available
    assert bench.world.status.database_error == ""
    assert bench.world.log.count("database.unavailable") == 1


def test_a_writer_that_lost_the_database_waits_though_another_has_it(
    bench: Bench,
) -> None:
    bench.world.status.database_errors["another"] = ""
    bench.world.status.database_errors["writer"] = "no connection left"

    bench.write("a")

    assert bench.store.calls == []


def test_the_last_writer_that_loses_the_database_says_why(bench: Bench) -> None:
    bench.world.status.database_errors["another"] = "gone"
    bench.store.errors = [REFUSED]

    bench.write("a")

    assert not bench.world.status.database_available
    assert bench.world.status.database_error == "refused"


def test_how_long_a_batch_takes_is_told_once_two_took_it(bench: Bench) -> None:
    bench.store.on_store = lambda: bench.world.clock.advance(0.5)
    told = bench.world.status.store_seconds

    bench.write("stall")
    after_one = dict(told)
    bench.producer.lane.give_back()
    bench.write("again")

    assert after_one == {"writer": 0.0}
    assert told == {"writer": pytest.approx(0.5)}
