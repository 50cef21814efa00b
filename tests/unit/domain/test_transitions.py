"""The transition table against the lifecycle that the service promises."""

import pytest

from orders.domain.errors import IllegalMoveError
from orders.domain.events import FINAL_EVENT_TYPES, event_type
from orders.domain.order import SETTLED, UNSETTLED, OrderStatus, PaymentStatus
from orders.domain.transitions import TRANSITIONS, Change, State, changes_from, move

PROMISED = {
    ("-", "accepted", "PENDING/PENDING"),
    ("PENDING/PENDING", "attempt_started", "PROCESSING/PENDING"),
    ("PENDING/PENDING", "paid", "PAID/SUCCESS"),
    ("PENDING/PENDING", "failed", "FAILED/FAILED"),
    ("PENDING/PENDING", "cancelled", "CANCELLED/NONE"),
    ("PENDING/PENDING", "expired", "EXPIRED/NONE"),
    ("PROCESSING/PENDING", "paid", "PAID/SUCCESS"),
    ("PROCESSING/PENDING", "failed", "FAILED/FAILED"),
    ("PROCESSING/PENDING", "not_sent", "PENDING/PENDING"),
    ("PROCESSING/PENDING", "unresolved", "UNRESOLVED/UNKNOWN"),
    ("PROCESSING/PENDING", "cancel_requested", "PROCESSING/PENDING"),
    ("PROCESSING/PENDING", "cancelled", "CANCELLED/NONE"),
    ("UNRESOLVED/UNKNOWN", "paid", "PAID/SUCCESS"),
    ("UNRESOLVED/UNKNOWN", "failed", "FAILED/FAILED"),
    ("UNRESOLVED/UNKNOWN", "cancel_requested", "UNRESOLVED/UNKNOWN"),
    ("UNRESOLVED/UNKNOWN", "cancelled", "CANCELLED/NONE"),
    ("PAID/SUCCESS", "refund_started", "PAID/REFUNDING"),
    ("PAID/PARTIALLY_REFUNDED", "refund_started", "PAID/REFUNDING"),
    ("PAID/REFUNDING", "refunded", "REFUNDED/REFUNDED"),
    ("PAID/REFUNDING", "partially_refunded", "PAID/PARTIALLY_REFUNDED"),
    ("PAID/REFUNDING", "refund_failed", "PAID/SUCCESS"),
    ("FAILED/FAILED", "payment_retried", "PENDING/PENDING"),
    ("CANCELLED/NONE", "late_success", "CANCELLED/NONE"),
    ("FAILED/FAILED", "late_success", "FAILED/FAILED"),
    ("EXPIRED/NONE", "late_success", "EXPIRED/NONE"),
}

STATES = sorted({t.target for t in TRANSITIONS})


def spelled(state: State | None) -> str:
    return "-" if state is None else f"{state.status}/{state.payment_status}"


def test_table_is_the_promised_lifecycle() -> None:
    table = {(spelled(t.source), str(t.change), spelled(t.target)) for t in TRANSITIONS}

    assert table == PROMISED


def test_no_move_stands_in_the_table_twice() -> None:
    moves = [(t.source, t.change) for t in TRANSITIONS]

    assert len(moves) == len(set(moves))


def test_every_status_is_reachable_from_nothing() -> None:
    reached: set[State | None] = {None}
    for _ in STATES:
        reached |= {t.target for t in TRANSITIONS if t.source in reached}

    assert {s.status for s in reached if s is not None} == set(OrderStatus)


def test_every_payment_status_but_those_of_a_state_is_reachable() -> None:
    assert {s.payment_status for s in STATES} == set(PaymentStatus)


def test_every_source_is_a_state_that_something_leads_to() -> None:
    assert {t.source for t in TRANSITIONS if t.source} <= set(STATES)


@pytest.mark.parametrize("transition", TRANSITIONS, ids=str)
def test_move_follows_the_table(transition: object) -> None:
    source, change, target = transition  # type: ignore[misc]

    assert move(source, change) == target


@pytest.mark.parametrize("source", [None, *STATES], ids=spelled)
def test_everything_else_is_illegal(source: State | None) -> None:
    illegal = [c for c in Change if c not in changes_from(source)]

    for change in illegal:
        with pytest.raises(IllegalMoveError):
            move(source, change)


def test_illegal_move_says_what_and_from_where() -> None:
    paid = State(OrderStatus.PAID, PaymentStatus.SUCCESS)

    with pytest.raises(IllegalMoveError, match="cancelled is not possible from PAID"):
        move(paid, Change.CANCELLED)


def test_state_that_the_table_does_not_know_allows_nothing() -> None:
    nonsense = State(OrderStatus.PENDING, PaymentStatus.REFUNDED)

    assert changes_from(nonsense) == frozenset()


def test_only_acceptance_makes_an_order() -> None:
    assert changes_from(None) == {Change.ACCEPTED}


def test_paid_order_is_refunded_not_cancelled() -> None:
    paid = State(OrderStatus.PAID, PaymentStatus.SUCCESS)

    assert changes_from(paid) == {Change.REFUND_STARTED}


def test_decided_payment_is_not_decided_again() -> None:
    decided = [s for s in STATES if s.status in SETTLED]

    for state in decided:
        assert not {Change.APPROVED, Change.DECLINED} & changes_from(state)


def test_settled_are_the_states_that_end_a_wait() -> None:
    assert {s.value for s in SETTLED} == {
        "PAID",
        "FAILED",
        "CANCELLED",
        "EXPIRED",
        "REFUNDED",
    }


def test_unsettled_are_all_the_others() -> None:
    assert {s.value for s in UNSETTLED} == {"PENDING", "PROCESSING", "UNRESOLVED"}


def test_final_events_ask_the_resolver_for_nothing() -> None:
    asking = {event_type(t.change) for t in TRANSITIONS if t.target.status in UNSETTLED}

    assert not FINAL_EVENT_TYPES & asking
    assert event_type(Change.APPROVED) in FINAL_EVENT_TYPES
    assert event_type(Change.DECLINED) in FINAL_EVENT_TYPES
