"""OrderChanger: one change at a time, answered after its COMMIT."""

from dataclasses import dataclass
from typing import Any

import pytest
from actor_fakes import NOON, PENDING, RecordedRole, World, order, ticket
from port_fakes import FakeChangeStore

from orders.actors.messages import (
    DATABASE_UNAVAILABLE,
    INTERNAL_ERROR,
    OUTCOME_UNKNOWN,
    OVERLOADED,
    ChangeOrder,
    NotifyCustomers,
    OutboxSuspect,
    PublishEvents,
    Refused,
)
from orders.actors.order_changer import OrderChanger
from orders.domain.changing import (
    Action,
    Attempts,
    Changed,
    OrderAbsent,
    OrderChange,
    RefundReplayed,
    after,
    decide_change,
)
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.intake import IdempotencyKey, KeyBusy, Replayed
from orders.domain.order import OrderStatus, PaymentStatus
from orders.domain.refunding import RefundSteps, decide_refund
from orders.domain.refunds import Refund, Refunded, RefundState, RefundWish
from orders.domain.settlement import Settlement
from orders.domain.transitions import State

PAID = State(OrderStatus.PAID, PaymentStatus.SUCCESS)
FAILED = State(OrderStatus.FAILED, PaymentStatus.FAILED)
KEY = IdempotencyKey("route", "key", b"f")
UNKNOWN = DatabaseUnavailableError("cut off", outcome_unknown=True)


class BusyError(DatabaseUnavailableError):
    """The server answers, but others hold what is needed."""

    server_is_away = False


def request(
    name: str, key: IdempotencyKey | None = None, deadline: float = 1e9
) -> ChangeOrder:
    """A request whose ticket is its order's id."""
    change = OrderChange(name, "default", Action.CANCEL, "client", key=key)
    return ChangeOrder(change, ticket(name), deadline)


def changed(name: str, state: State = PENDING) -> Changed:
    action = Action.CANCEL if state is PENDING else Action.RETRY_PAYMENT
    before = order(name, state)
    wanted = OrderChange(name, "default", action, "client")
    decided = decide_change(before, wanted, Attempts(1, 5))
    assert isinstance(decided, Settlement)
    return Changed(decided, after(before, decided, NOON))


def refunded(name: str) -> Changed:
    before = order(name, PAID)
    wanted = OrderChange(name, "default", Action.REFUND, "client")
    steps = decide_refund(
        before, wanted, RefundWish("r"), Refunded(0, 0), Attempts(1, 5)
    )
    assert isinstance(steps, RefundSteps)
    made = Refund(
        "r", name, "default", 3, "EUR", steps.amount, RefundState.SUCCEEDED, "a", None,
        NOON,
    )  # fmt: skip
    last = steps.finished
    return Changed(last, after(before, last, NOON), None, (steps.started,), made)


@dataclass
class Bench:
    world: World
    store: FakeChangeStore
    role: RecordedRole[Any]
    producer: RecordedRole[Any]
    notifier: RecordedRole[Any]
    sweeper: RecordedRole[Any]
    actor: OrderChanger

    def ask(self, *requests: ChangeOrder) -> None:
        for one in requests:
            assert self.role.offer(one)
        self.world.deliver(self.actor)

    @property
    def given(self) -> dict[object, object]:
        return self.world.replies.given

    @property
    def suspects(self) -> int:
        return len(self.sweeper.told_of(OutboxSuspect))


@pytest.fixture
def bench(world: World) -> Bench:
    store = FakeChangeStore()
    role = world.role("order-changer")
    producer, notifier = world.role("producer", 1), world.role("notifier", 1)
    sweeper = world.role("sweeper")
    actor = OrderChanger(
        role,
        make_store=lambda: store,
        producer=producer,
        notifier=notifier,
        sweeper=sweeper,
        replies=world.replies,
        status=world.status,
        telemetry=world.telemetry,
    )
    actor.on_start()
    return Bench(world, store, role, producer, notifier, sweeper, actor)


def test_what_became_of_a_change_is_answered(bench: Bench) -> None:
    bench.store.outcomes = {"a": OrderAbsent(), "b": changed("b")}

    bench.ask(request("a"), request("b"))

    assert bench.given == {"a": OrderAbsent(), "b": changed("b")}
    assert bench.role.lane.depth == 0


def test_the_event_of_a_change_is_handed_on(bench: Bench) -> None:
    bench.store.outcomes["a"] = changed("a")

    bench.ask(request("a"))

    hand = bench.producer.lane.take(10)
    assert hand is not None
    assert hand.messages == [PublishEvents(changed("a").events)]


def test_those_who_wait_for_a_cancelled_order_are_told(bench: Bench) -> None:
    bench.store.outcomes["a"] = changed("a")

    bench.ask(request("a"))

    hand = bench.notifier.lane.take(10)
    assert hand is not None
    assert hand.messages == [NotifyCustomers((changed("a").settlement,), NOON)]


def test_a_reopened_order_is_no_outcome(bench: Bench) -> None:
    bench.store.outcomes["a"] = changed("a", FAILED)

    bench.ask(request("a"))

    assert not bench.notifier.lane.waiting
    assert bench.producer.lane.waiting
    assert bench.world.log.count("order.changed") == 1


def test_both_events_of_a_refund_are_handed_on(bench: Bench) -> None:
    bench.store.outcomes["a"] = refunded("a")

    bench.ask(request("a"))

    hand = bench.producer.lane.take(10)
    assert hand is not None
    [published] = hand.messages
    assert [event.type for event in published.events] == [
        "orders.order.refund_started.v1",
        "orders.order.refunded.v1",
    ]


def test_a_refund_is_counted_and_logged_and_is_no_settlement(bench: Bench) -> None:
    bench.store.outcomes["a"] = refunded("a")

    bench.ask(request("a"))

    assert bench.world.telemetry.refunds == [PaymentStatus.REFUNDED]
    assert bench.world.log.count("order.refunded") == 1
    assert not bench.notifier.lane.waiting


def test_a_refund_of_unknown_outcome_is_answered_once_it_is_found(bench: Bench) -> None:
    made = refunded("a")
    assert made.refund is not None
    found = RefundReplayed(made.order, made.refund)
    bench.store.errors = [UNKNOWN]
    bench.store.outcomes["a"] = found

    bench.ask(request("a", KEY))
    bench.world.pass_time(bench.actor, 1.0)

    assert bench.given == {"a": found}
    assert bench.suspects == 1


def test_the_sweeper_hears_of_an_event_that_nobody_took(bench: Bench) -> None:
    bench.store.outcomes = {"a": changed("a"), "b": changed("b")}

    bench.ask(request("a"), request("b"))

    assert bench.suspects == 1
    assert bench.world.log.count("notifier.overloaded") == 1


def test_a_change_that_was_called_off_is_not_made(bench: Bench) -> None:
    late = request("a")
    late.drop()

    bench.ask(late)

    assert bench.store.calls == []
    assert bench.role.lane.depth == 0


def test_a_change_is_refused_when_the_database_goes_away(bench: Bench) -> None:
    bench.store.errors = [DatabaseUnavailableError("away")]

    bench.ask(request("a", KEY))

    assert bench.given == {"a": Refused(DATABASE_UNAVAILABLE, 2.0)}
    assert bench.suspects == 0


def test_a_change_is_refused_while_others_hold_its_order(bench: Bench) -> None:
    bench.store.errors = [BusyError("locked")] * 1000

    bench.ask(request("a"))
    before = dict(bench.given)
    bench.world.pass_time(bench.actor, 1.5)

    assert before == {}
    assert bench.given == {"a": Refused(OVERLOADED, 2.0)}
    assert 5 < len(bench.store.calls) < 50
    assert bench.actor.unfinished() == bench.role.lane.depth == 0


def test_other_changes_pass_one_whose_order_is_held(bench: Bench) -> None:
    bench.store.errors = [BusyError("locked")]
    bench.store.outcomes = {"a": changed("a"), "b": changed("b")}

    bench.ask(request("a"), request("b"))
    before = dict(bench.given)
    bench.world.pass_time(bench.actor, 0.1)

    assert before == {"b": changed("b")}
    assert bench.given == {"a": changed("a"), "b": changed("b")}


def test_a_key_whose_first_request_is_under_way_is_tried_again(bench: Bench) -> None:
    bench.store.outcomes["a"] = KeyBusy()

    bench.ask(request("a", KEY))
    bench.store.outcomes["a"] = Replayed(order("a"))
    bench.world.pass_time(bench.actor, 0.1)

    assert bench.given == {"a": Replayed(order("a"))}


def test_a_key_that_stays_under_way_is_said_to_be_so(bench: Bench) -> None:
    bench.store.outcomes["a"] = KeyBusy()

    bench.ask(request("a", KEY))
    bench.world.pass_time(bench.actor, 1.5)

    assert bench.given == {"a": KeyBusy()}


def test_a_held_change_whose_client_stopped_waiting_is_not_made(bench: Bench) -> None:
    bench.store.errors = [BusyError("locked")]
    held = request("a")

    bench.ask(held)
    dropped = held.drop()
    bench.world.pass_time(bench.actor, 1.5)

    assert dropped
    assert bench.store.calls == ["a"]
    assert bench.given == {}


def test_held_changes_for_which_there_is_no_room_are_refused(bench: Bench) -> None:
    bench.store.errors = [BusyError("locked")]

    bench.ask(request("a"))
    bench.world.status.database_errors["writer"] = "away"
    while bench.role.lane.offer(request("b")):
        pass
    bench.world.pass_time(bench.actor, 0.1)

    assert bench.given == {"a": Refused(OVERLOADED, 2.0)}


def test_a_keyed_change_of_unknown_outcome_is_tried_again(bench: Bench) -> None:
    bench.store.errors = [UNKNOWN]
    bench.store.outcomes["a"] = Replayed(order("a"))

    bench.ask(request("a", KEY))
    before = dict(bench.given)
    bench.world.pass_time(bench.actor, 1.0)

    assert before == {}
    assert bench.given == {"a": Replayed(order("a"))}
    assert bench.suspects == 1


def test_a_keyed_change_is_not_tried_for_ever(bench: Bench) -> None:
    bench.store.errors = [UNKNOWN] * 1000

    bench.ask(request("a", KEY, deadline=bench.world.clock() + 1.0))
    bench.world.pass_time(bench.actor, 5.0)

    assert bench.given == {"a": Refused(OUTCOME_UNKNOWN, 2.0)}
    assert bench.suspects == 1
    assert len(bench.store.calls) < 8
    assert bench.role.lane.depth == 0


def test_an_unkeyed_change_of_unknown_outcome_is_not_tried_again(bench: Bench) -> None:
    bench.store.errors = [UNKNOWN]

    bench.ask(request("a"))
    bench.world.pass_time(bench.actor, 5.0)

    assert bench.given == {"a": Refused(OUTCOME_UNKNOWN, 2.0)}
    assert bench.store.calls == ["a"]
    assert bench.suspects == 1


def test_an_unkeyed_change_in_a_dead_actors_hand_is_not_made_again(
    bench: Bench,
) -> None:
    left = request("a")
    left.claim()
    left.tried = True

    bench.ask(left)

    assert bench.given == {"a": Refused(OUTCOME_UNKNOWN, 2.0)}
    assert bench.store.calls == []


def test_a_change_that_fails_does_not_fail_the_next(bench: Bench) -> None:
    bench.store.errors = [ValueError("a row that nobody understands")]
    bench.store.outcomes["b"] = changed("b")

    bench.ask(request("a"), request("b"))

    assert bench.given == {"a": Refused(INTERNAL_ERROR, 2.0), "b": changed("b")}
    assert bench.world.log.count("change.failed") == 1


def test_nothing_is_begun_while_the_database_is_away(bench: Bench) -> None:
    bench.world.status.database_errors["writer"] = "away"

    bench.ask(request("a"))

    assert bench.store.calls == []
    assert bench.role.lane.depth == 1


def test_the_connection_is_closed_with_the_actor(bench: Bench) -> None:
    bench.actor.on_stop()

    assert bench.store.closed


def test_a_change_that_is_late_is_not_begun_and_its_client_can_be_told_so(
    bench: Bench,
) -> None:
    late = request("a", deadline=bench.world.clock())

    bench.ask(late)

    assert bench.store.calls == []
    assert bench.given == {}
    assert late.drop()


def test_how_long_a_change_takes_is_told(bench: Bench) -> None:
    bench.ask(request("a"))

    assert bench.world.status.seconds_each.keys() == {bench.role.name}
