"""What a client may ask for follows from the transition table."""

import json
from datetime import UTC, datetime

import pytest

from orders.domain.changing import (
    ASKED_FOR,
    Action,
    Attempts,
    MoveRefused,
    OrderChange,
    VersionDiffers,
    after,
    allowed_actions,
    decide_change,
)
from orders.domain.events import FINAL_EVENT_TYPES, event_type
from orders.domain.order import Order, OrderLine, OrderRequest, OrderStatus
from orders.domain.order import PaymentStatus as P
from orders.domain.settlement import Settlement
from orders.domain.transitions import TRANSITIONS, Change, State, changes_from

CREATED, LATER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
ONE_OF_FIVE = Attempts(1, 5)
STATES = sorted({transition.target for transition in TRANSITIONS})
S = OrderStatus


def order(state: State, version: int = 2) -> Order:
    request = OrderRequest(7, "EUR", 9980, (OrderLine(3, 1, 9980),))
    return Order("o", "default", request, *state, version, CREATED, CREATED)


def wish(action: Action, required_version: int | None = None) -> OrderChange:
    return OrderChange(
        "o", "default", action, "ann", 'a "why"', required_version=required_version
    )


@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        (State(S.PENDING, P.PENDING), (Action.CANCEL,)),
        (State(S.PROCESSING, P.PENDING), (Action.CANCEL,)),
        (State(S.UNRESOLVED, P.UNKNOWN), (Action.CANCEL,)),
        (State(S.PAID, P.SUCCESS), (Action.REFUND,)),
        (State(S.PAID, P.PARTIALLY_REFUNDED), (Action.REFUND,)),
        (State(S.PAID, P.REFUNDING), ()),
        (State(S.FAILED, P.FAILED), (Action.RETRY_PAYMENT,)),
        (State(S.CANCELLED, P.NONE), ()),
        (State(S.EXPIRED, P.NONE), ()),
        (State(S.REFUNDED, P.REFUNDED), ()),
    ],
)
def test_each_state_allows_what_the_contract_says(
    state: State, allowed: tuple[Action, ...]
) -> None:
    assert allowed_actions(state, ONE_OF_FIVE) == allowed


def test_every_state_is_covered_above() -> None:
    assert len(STATES) == 10


def test_attempts_that_are_used_up_leave_no_retry() -> None:
    state = State(S.FAILED, P.FAILED)

    assert allowed_actions(state, Attempts(5, 5)) == ()


@pytest.mark.parametrize("state", STATES, ids="-".join)
@pytest.mark.parametrize("action", Action)
def test_an_action_makes_a_legal_move_or_none(action: Action, state: State) -> None:
    decided = decide_change(order(state), wish(action), ONE_OF_FIVE)

    if action in allowed_actions(state, ONE_OF_FIVE):
        assert isinstance(decided, Settlement)
        assert decided.change in changes_from(state) & ASKED_FOR
        assert decided.order.state == state
    else:
        allowed = allowed_actions(state, ONE_OF_FIVE)
        assert decided == MoveRefused(order(state), allowed)


def test_a_pending_order_is_cancelled_at_once() -> None:
    decided = decide_change(
        order(State(S.PENDING, P.PENDING)), wish(Action.CANCEL), ONE_OF_FIVE
    )

    assert isinstance(decided, Settlement)
    assert decided.target == State(S.CANCELLED, P.NONE)
    assert decided.notice is not None


def test_where_a_payment_is_under_way_a_cancellation_is_asked_for() -> None:
    state = State(S.PROCESSING, P.PENDING)

    decided = decide_change(order(state), wish(Action.CANCEL), ONE_OF_FIVE)

    assert isinstance(decided, Settlement)
    assert (decided.change, decided.target) == (Change.CANCEL_REQUESTED, state)


def test_another_version_is_told_before_an_illegal_move() -> None:
    paid = order(State(S.PAID, P.SUCCESS))

    decided = decide_change(paid, wish(Action.CANCEL, 1), ONE_OF_FIVE)

    assert decided == VersionDiffers(paid, (Action.REFUND,))


def test_the_required_version_is_no_obstacle() -> None:
    failed = order(State(S.FAILED, P.FAILED))

    decided = decide_change(failed, wish(Action.RETRY_PAYMENT, 2), ONE_OF_FIVE)

    assert isinstance(decided, Settlement)


def test_attempts_that_are_used_up_are_said_to_be() -> None:
    failed = order(State(S.FAILED, P.FAILED))

    decided = decide_change(failed, wish(Action.RETRY_PAYMENT), Attempts(5, 5))

    assert decided == MoveRefused(failed, (), attempts_used_up=True)


def test_the_clients_reason_is_not_published() -> None:
    decided = decide_change(
        order(State(S.PENDING, P.PENDING)), wish(Action.CANCEL), ONE_OF_FIVE
    )

    assert isinstance(decided, Settlement)
    told = json.loads(decided.event_data)
    assert "reason" not in told
    assert (told["status"], told["version"]) == ("CANCELLED", 3)


def test_a_retried_payment_asks_consumers_for_work() -> None:
    assert event_type(Change.PAYMENT_RETRIED) not in FINAL_EVENT_TYPES


def test_a_cancellation_asks_consumers_for_nothing() -> None:
    assert event_type(Change.CANCELLED) in FINAL_EVENT_TYPES


def test_the_order_after_its_change_is_what_was_stored() -> None:
    failed = order(State(S.FAILED, P.FAILED))
    decided = decide_change(failed, wish(Action.RETRY_PAYMENT), ONE_OF_FIVE)
    assert isinstance(decided, Settlement)

    changed = after(failed, decided, LATER)

    expected = order(State(S.PENDING, P.PENDING), 3)
    assert changed == expected._replace(updated_at=LATER)
