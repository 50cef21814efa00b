"""Each history is a legal path that ends where the order stands."""

import pytest

from orders.domain.events import event_type
from orders.domain.transitions import TRANSITIONS, Change, changes_from

LONG_PATHS = [
    (),
    (Change.APPROVED,),
    (Change.CANCELLED,),
    (Change.EXPIRED,),
    (Change.ATTEMPT_STARTED, Change.OUTCOME_LOST, Change.APPROVED),
    (Change.ATTEMPT_STARTED, Change.NOT_SENT, Change.APPROVED),
    (Change.APPROVED, Change.REFUND_STARTED, Change.REFUNDED),
    (Change.APPROVED, Change.REFUND_STARTED, Change.PARTIALLY_REFUNDED),
]
ILLEGAL = sorted(
    {
        (source.change, change)
        for source in TRANSITIONS
        if source.source is None
        for change in set(Change) - changes_from(source.target)
    }
)


@pytest.mark.parametrize("changes", LONG_PATHS, ids=" ".join)
def test_legal_paths_are_fine(world, changes: tuple[Change, ...]) -> None:
    world.add(1, *changes, age=0.0)

    assert world.verify().ok


@pytest.mark.parametrize(("before", "change"), ILLEGAL)
def test_a_move_that_the_table_lacks_is_found(
    world, broken, before: Change, change: Change
) -> None:
    order_id = world.add(1, Change.APPROVED)
    first, second = world.orders[order_id].history

    world.spoil(order_id, history=[first, second._replace(type=event_type(change))])

    verdict = world.verify(without_topic=True)
    assert "transitions/history_move_illegal" in broken(verdict)


def test_a_second_decision_is_illegal_and_found_twice(world, broken) -> None:
    order_id = world.paid()
    history = world.orders[order_id].history
    again = history[1]._replace(version=3)

    world.spoil(order_id, history=[*history, again])

    assert {"transitions/history_move_illegal", "money/decided_twice"} <= broken(
        world.verify(without_topic=True)
    )


@pytest.mark.parametrize("versions", [(2, 3), (1, 3), (1, 1), (0, 1)])
def test_versions_that_are_not_contiguous_are_found(world, broken, versions) -> None:
    order_id = world.paid()
    history = [
        event._replace(version=version)
        for event, version in zip(world.orders[order_id].history, versions, strict=True)
    ]

    world.spoil(order_id, history=history)

    verdict = world.verify(without_topic=True)
    assert "transitions/history_has_gap" in broken(verdict)


def test_an_unknown_event_is_found(world, broken) -> None:
    order_id = world.paid()
    first, second = world.orders[order_id].history

    world.spoil(order_id, history=[first, second._replace(type="orders.order.x.v1")])

    verdict = world.verify(without_topic=True)
    assert "transitions/history_event_unknown" in broken(verdict)


def test_an_order_without_history_is_found(world, broken) -> None:
    order_id = world.add(1, age=0.0)

    world.spoil(order_id, history=[])

    verdict = world.verify(without_topic=True)
    assert broken(verdict) == {"transitions/history_missing"}


@pytest.mark.parametrize(
    "columns",
    [
        {"status": "REFUNDED", "payment_status": "REFUNDED"},
        {"payment_status": "REFUNDING"},
        {"version": 3},
    ],
)
def test_an_order_that_is_not_where_its_history_ends_is_found(
    world, broken, columns
) -> None:
    order_id = world.paid()

    world.spoil_row(order_id, **columns)

    assert "transitions/order_differs_from_history" in broken(world.verify())


def test_an_order_that_is_not_settled_in_time_is_found(world, broken) -> None:
    old = world.add(1, age=61.0)
    world.add(2, age=59.0)

    verdict = world.verify(grace_seconds=60.0)

    assert broken(verdict) == {"transitions/order_not_settled"}
    assert [it.order_id for it in verdict.findings] == [old]
