"""What a refund may take, and which moves of the order it is."""

import json
from datetime import UTC, datetime

import pytest

from orders.domain.changing import (
    Action,
    AmountRefused,
    Attempts,
    MoveRefused,
    OrderChange,
    VersionDiffers,
    allowed_actions,
    decide_change,
)
from orders.domain.order import Order, OrderLine, OrderRequest, OrderStatus
from orders.domain.order import PaymentStatus as P
from orders.domain.refunding import RefundSteps, decide_refund
from orders.domain.refunds import MAX_REFUNDS, Refunded, RefundWish
from orders.domain.transitions import TRANSITIONS, Change, State, move

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
PAID = State(OrderStatus.PAID, P.SUCCESS)
PARTLY = State(OrderStatus.PAID, P.PARTIALLY_REFUNDED)
NOTHING = Refunded(0, 0)
ATTEMPTS = Attempts(1, 5)


def order(state: State = PAID, currency: str = "EUR", total: int = 99_80) -> Order:
    request = OrderRequest(7, currency, total, (OrderLine(3, 1, total),))
    return Order("o", "default", request, *state, 2, CREATED, CREATED)


def decide(
    amount: str | None = None,
    refunded: Refunded = NOTHING,
    of: Order | None = None,
    version: int | None = None,
):
    wish = RefundWish("r", amount)
    wanted = OrderChange("o", "default", Action.REFUND, "ann", "why", version)
    return decide_refund(of or order(), wanted, wish, refunded, ATTEMPTS)


def test_without_an_amount_all_goes_back() -> None:
    steps = decide()

    assert steps.amount == 99_80
    assert steps.finished.target == State(OrderStatus.REFUNDED, P.REFUNDED)


def test_a_part_leaves_the_order_paid() -> None:
    steps = decide("12.50")

    assert steps.amount == 12_50
    assert steps.finished.target == PARTLY


def test_without_an_amount_the_rest_goes_back() -> None:
    steps = decide(None, Refunded(12_50, 1), order(PARTLY))

    assert steps.amount == 87_30
    assert steps.finished.change is Change.REFUNDED


def test_the_last_part_ends_it() -> None:
    steps = decide("87.30", Refunded(12_50, 1), order(PARTLY))

    assert steps.finished.change is Change.REFUNDED


@pytest.mark.parametrize("amount", ["12.50", None])
def test_a_refund_is_two_legal_moves_of_neighbouring_versions(
    amount: str | None,
) -> None:
    steps = decide(amount)

    started, finished = steps.started, steps.finished
    assert started.order.state == PAID
    assert move(PAID, started.change) == started.target == finished.order.state
    assert move(started.target, finished.change) == finished.target
    assert (started.version, finished.order.version, finished.version) == (3, 3, 4)


def test_the_customer_is_told_of_the_outcome_alone() -> None:
    steps = decide("12.50")

    assert steps.started.notice is None
    assert steps.finished.notice.version == 4


def test_both_events_tell_the_refund_and_not_the_reason() -> None:
    steps = decide("12.50")

    for step in (steps.started, steps.finished):
        told = json.loads(step.event_data)
        assert told["refund"] == {"refund_id": "r", "amount": "12.50"}
        assert "reason" not in told


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        ("99.81", "more_than_left"),
        ("0.00", "out_of_range"),
        ("0", "out_of_range"),
        ("12.5", "invalid_amount"),
        ("-1.00", "invalid_amount"),
        ("1e1", "invalid_amount"),
        ("٣.00", "invalid_amount"),
        ("", "invalid_amount"),
    ],
)
def test_an_amount_that_cannot_go_back_is_refused(amount: str, code: str) -> None:
    decided = decide(amount)

    assert isinstance(decided, AmountRefused)
    assert decided.code == code


def test_more_than_is_left_is_refused_whatever_the_total() -> None:
    decided = decide("87.31", Refunded(12_50, 1), order(PARTLY))

    assert decided == AmountRefused("more_than_left", "no more than 87.30 EUR is left")


def test_an_order_of_nothing_has_nothing_to_refund() -> None:
    assert isinstance(decide(of=order(total=0)), AmountRefused)


def test_the_currency_says_how_many_digits() -> None:
    assert decide("12", of=order(currency="JPY")).amount == 12
    assert decide("1.250", of=order(currency="BHD")).amount == 1250


@pytest.mark.parametrize(
    "state",
    [
        State(OrderStatus.PENDING, P.PENDING),
        State(OrderStatus.FAILED, P.FAILED),
        State(OrderStatus.REFUNDED, P.REFUNDED),
        State(OrderStatus.CANCELLED, P.NONE),
    ],
)
def test_what_is_not_paid_is_not_refunded(state: State) -> None:
    decided = decide("0.01", of=order(state))

    assert isinstance(decided, MoveRefused)
    assert Action.REFUND not in decided.allowed


def test_the_version_is_told_before_the_state_and_the_state_before_the_amount() -> None:
    failed = order(State(OrderStatus.FAILED, P.FAILED))

    assert isinstance(decide("x", of=failed, version=9), VersionDiffers)
    assert isinstance(decide("x", of=failed, version=2), MoveRefused)


def test_the_last_refund_that_an_order_may_have_takes_all_that_is_left() -> None:
    before = Refunded(50_00, MAX_REFUNDS - 1)

    part, rest = decide("1.00", before, order(PARTLY)), decide(None, before)

    assert isinstance(part, AmountRefused)
    assert part.code == "last_refund"
    assert isinstance(rest, RefundSteps)


@pytest.mark.parametrize(
    "attempts", [Attempts(1, 5), Attempts(5, 5)], ids="{0.made} of {0.most}".format
)
@pytest.mark.parametrize("state", sorted({t.target for t in TRANSITIONS}), ids="/".join)
@pytest.mark.parametrize("version", [2, 9], ids=["as it is", "changed"])
def test_every_refusal_names_the_same_actions(
    state: State, attempts: Attempts, version: int
) -> None:
    told = set()
    for action in Action:
        wanted = OrderChange("o", "default", action, "ann", None, version)
        if action is Action.REFUND:
            wish = RefundWish("r", None)
            decided = decide_refund(order(state), wanted, wish, NOTHING, attempts)
        else:
            decided = decide_change(order(state), wanted, attempts)
        if isinstance(decided, MoveRefused | VersionDiffers):
            told.add(decided.allowed)

    assert told == {allowed_actions(state, attempts)}
