"""Admission: refused at once or taken, and one hand-over a turn."""

from dataclasses import dataclass
from typing import Any

import pytest
from actor_fakes import RecordedRole, World, submission, ticket

from orders.actors.front_desk import FrontDesk
from orders.actors.messages import (
    DATABASE_UNAVAILABLE,
    DRAINING,
    OVERLOADED,
    TOO_MANY_UNPUBLISHED,
    ChangeOrder,
    PageQuestion,
    ReadHistory,
    ReadNotifications,
    ReadOrder,
    ReadOrders,
    ReadRefunds,
    Refused,
    Wake,
)
from orders.domain.changing import Action, OrderChange
from orders.domain.listing import OrderFilters


@dataclass
class Bench:
    world: World
    intake: RecordedRole[Any]
    order_changer: RecordedRole[Any]
    order_reader: RecordedRole[Any]
    detail_reader: RecordedRole[Any]
    page_reader: RecordedRole[Any]
    desk: FrontDesk


@pytest.fixture
def bench(world: World) -> Bench:
    intake = world.role("intake", capacity=10, weigh=lambda m: len(m.submissions))
    order_changer = world.role("order-changer", capacity=2)
    order_reader = world.role("order-reader", capacity=1)
    detail_reader = world.role("detail-reader", capacity=2)
    page_reader = world.role("page-reader", capacity=2)
    desk = FrontDesk(
        intake=intake,
        order_changer=order_changer,
        order_reader=order_reader,
        detail_reader=detail_reader,
        page_reader=page_reader,
        replies=world.replies,
        status=world.status,
        telemetry=world.telemetry,
        max_unpublished=1000,
        max_batch_orders=4,
    )
    return Bench(
        world, intake, order_changer, order_reader, detail_reader, page_reader, desk
    )


def fill(bench: Bench, count: int, prefix: str = "f") -> None:
    for number in range(count):
        assert bench.desk.submit(submission(f"{prefix}{number}")) is None
    bench.desk.end_turn()


def test_submission_is_taken(bench: Bench) -> None:
    assert bench.desk.submit(submission("a")) is None


def test_nothing_is_handed_over_before_the_turn_ends(bench: Bench) -> None:
    bench.desk.submit(submission("a"))

    assert not bench.intake.lane.waiting


def test_turn_is_handed_over_in_one_message(bench: Bench) -> None:
    fill(bench, 3)

    hand = bench.intake.lane.take(100)

    assert hand is not None
    assert [len(message.submissions) for message in hand.messages] == [3]
    assert bench.intake.told == [Wake()]


def test_turn_larger_than_a_batch_is_handed_over_in_several(bench: Bench) -> None:
    fill(bench, 9)

    hand = bench.intake.lane.take(100)

    assert hand is not None
    ids = [s.order.order_id for message in hand.messages for s in message.submissions]
    assert ids == [f"f{number}" for number in range(9)]
    assert max(len(message.submissions) for message in hand.messages) == 1


def test_turn_without_submissions_hands_nothing_over(bench: Bench) -> None:
    bench.desk.end_turn()

    assert bench.intake.told == []


def test_submission_is_handed_over_once(bench: Bench) -> None:
    fill(bench, 1)

    bench.desk.end_turn()

    assert bench.intake.lane.depth == 1


def test_draining_node_refuses(bench: Bench) -> None:
    bench.world.status.draining = True

    refused = bench.desk.submit(submission("a"))

    assert refused == Refused(DRAINING, 1.0)


def test_node_without_a_database_refuses(bench: Bench) -> None:
    bench.world.status.database_errors["writer"] = "away"

    refused = bench.desk.submit(submission("a"))

    assert refused == Refused(DATABASE_UNAVAILABLE, 1.0)


def test_too_many_unpublished_events_are_refused(bench: Bench) -> None:
    bench.world.status.unpublished = 1000

    refused = bench.desk.submit(submission("a"))

    assert refused == Refused(TOO_MANY_UNPUBLISHED, 1.0)


def test_one_event_below_the_limit_is_taken(bench: Bench) -> None:
    bench.world.status.unpublished = 999

    assert bench.desk.submit(submission("a")) is None


def test_full_intake_refuses(bench: Bench) -> None:
    fill(bench, 10)

    refused = bench.desk.submit(submission("a"))

    assert refused is not None
    assert refused.reason == OVERLOADED


def test_this_turns_submissions_count_against_the_room(bench: Bench) -> None:
    fill(bench, 8)
    for name in ("a", "b"):
        bench.desk.submit(submission(name))

    refused = bench.desk.submit(submission("c"))

    assert refused is not None
    assert refused.reason == OVERLOADED


def test_turn_never_holds_more_than_an_empty_lane_does(bench: Bench) -> None:
    for number in range(10):
        bench.desk.submit(submission(str(number)))

    refused = bench.desk.submit(submission("c"))

    assert refused is not None
    assert refused.reason == OVERLOADED


def test_refusals_are_counted_by_reason(bench: Bench) -> None:
    bench.world.status.draining = True

    for _ in range(3):
        bench.desk.submit(submission("a"))

    assert bench.world.telemetry.rejections == {DRAINING: 3}


def test_retry_advice_is_the_time_the_waiting_work_takes(bench: Bench) -> None:
    bench.world.status.store_rates["writer"] = 2.0
    fill(bench, 10)

    assert bench.desk.submit(submission("a")) == Refused(OVERLOADED, 5.0)


@pytest.mark.parametrize(("rate", "seconds"), [(0.0, 1.0), (1e6, 1.0), (0.01, 30.0)])
def test_retry_advice_is_between_one_and_thirty_seconds(
    bench: Bench, rate: float, seconds: float
) -> None:
    bench.world.status.store_rates["writer"] = rate
    fill(bench, 10)

    assert bench.desk.submit(submission("a")) == Refused(OVERLOADED, seconds)


def test_turn_that_finds_no_room_is_refused_as_a_whole(bench: Bench) -> None:
    for name in ("a", "b"):
        bench.desk.submit(submission(name))
    fill_message = bench.intake.lane.offer  # someone else was quicker
    for number in range(9):
        fill_message(type("Message", (), {"submissions": (submission(str(number)),)}))

    bench.desk.end_turn()

    given = bench.world.replies.given
    assert {given["a"], given["b"]} == {Refused(OVERLOADED, 1.0)}
    assert bench.world.telemetry.rejections == {OVERLOADED: 2}


def test_order_question_goes_to_the_order_reader(bench: Bench) -> None:
    question = ReadOrder("default", "a", ticket("t"))

    assert bench.desk.ask(question) is None
    assert bench.order_reader.lane.waiting


@pytest.mark.parametrize(
    "question",
    [
        ReadNotifications("default", 7, 100, ticket("t")),
        ReadOrders("default", OrderFilters(), None, 50, ticket("t")),
    ],
    ids=["notifications", "orders"],
)
def test_page_question_goes_to_the_page_reader(
    bench: Bench, question: PageQuestion
) -> None:
    assert bench.desk.ask(question) is None
    assert bench.page_reader.lane.waiting


@pytest.mark.parametrize("kind", [ReadHistory, ReadRefunds])
def test_what_belongs_to_one_order_does_not_stand_behind_pages(
    bench: Bench, kind: type[ReadHistory | ReadRefunds]
) -> None:
    for _ in range(2):
        bench.desk.ask(ReadNotifications("default", 7, 100, ticket("t")))

    assert bench.desk.ask(kind("default", "a", ticket("t"))) is None
    assert bench.detail_reader.lane.waiting


@pytest.mark.parametrize(
    ("seconds_each", "answer"),
    [(0.9, None), (1.1, Refused(OVERLOADED, 2.0)), (40.0, Refused(OVERLOADED, 30.0))],
)
def test_a_question_that_would_be_late_is_refused_at_once(
    bench: Bench, seconds_each: float, answer: Refused | None
) -> None:
    bench.world.status.seconds_each["page-reader"] = seconds_each
    deadline = bench.world.clock() + 2.0  # half of it may go by ahead
    bench.desk.ask(ReadNotifications("default", 7, 100, ticket("1", deadline=deadline)))

    second = ReadNotifications("default", 7, 100, ticket("2", deadline=deadline))

    assert bench.desk.ask(second) == answer
    assert bench.page_reader.lane.depth == (2 if answer is None else 1)


def test_however_slow_it_was_one_question_is_always_taken(bench: Bench) -> None:
    bench.world.status.seconds_each["page-reader"] = 1e6

    assert bench.desk.ask(ReadNotifications("default", 7, 100, ticket("t"))) is None


def test_question_is_refused_while_the_reader_is_full(bench: Bench) -> None:
    question = ReadOrder("default", "a", ticket("t"))
    bench.desk.ask(question)

    assert bench.desk.ask(question) == Refused(OVERLOADED, 1.0)


def test_what_is_turned_away_is_counted(bench: Bench) -> None:
    assert bench.desk.turn_away() == Refused(OVERLOADED, 1.0)
    assert bench.world.telemetry.rejections == {OVERLOADED: 1}


def test_question_is_refused_without_a_database(bench: Bench) -> None:
    bench.world.status.database_errors["writer"] = "away"

    refused = bench.desk.ask(ReadOrder("default", "a", ticket("t")))

    assert refused == Refused(DATABASE_UNAVAILABLE, 1.0)


def test_draining_node_still_answers_questions(bench: Bench) -> None:
    bench.world.status.draining = True

    assert bench.desk.ask(ReadOrder("default", "a", ticket("t"))) is None


def change_of(name: str) -> ChangeOrder:
    change = OrderChange(name, "default", Action.CANCEL, "client")
    return ChangeOrder(change, ticket(name), 1e9)


def test_a_change_goes_to_the_order_changer_at_once(bench: Bench) -> None:
    assert bench.desk.change(change_of("a")) is None

    assert bench.order_changer.lane.waiting


def test_a_change_is_refused_when_too_many_wait(bench: Bench) -> None:
    bench.desk.change(change_of("a"))
    bench.desk.change(change_of("b"))

    assert bench.desk.change(change_of("c")) == Refused(OVERLOADED, 1.0)
    assert bench.world.telemetry.rejections == {OVERLOADED: 1}


def test_a_change_is_refused_where_an_order_would_be(bench: Bench) -> None:
    bench.world.status.draining = True

    assert bench.desk.change(change_of("a")) == Refused(DRAINING, 1.0)
    assert not bench.order_changer.lane.waiting


def test_a_change_that_would_be_late_is_refused_at_once(bench: Bench) -> None:
    bench.world.status.seconds_each["order-changer"] = 1.1
    asked = change_of("b")
    asked.ticket.deadline = bench.world.clock() + 2.0  # type: ignore[misc]
    bench.order_changer.lane.offer(change_of("a"))

    assert bench.desk.change(asked) == Refused(OVERLOADED, 2.0)
    assert bench.order_changer.lane.depth == 1
