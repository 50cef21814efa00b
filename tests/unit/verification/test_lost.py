"""An accepted order is there, as it was asked for; no other one is."""

import pytest

from orders.domain.transitions import Change
from orders.verification.journal import Outcome


def test_orders_that_are_as_clients_know_them_are_fine(world) -> None:
    world.paid(1)
    world.create(1)
    world.add(2, Change.DECLINED, total=1000_00)
    world.create(2, total=1000_00)

    assert world.verify(journal_is_complete=True).ok


def test_an_acknowledged_order_that_is_gone_is_lost(world, broken) -> None:
    told = world.create(1)

    verdict = world.verify()

    assert broken(verdict) == {"lost/acknowledged_order_missing"}
    assert verdict.findings[0].order_id == told.order_id


def test_an_order_that_was_read_and_is_gone_is_lost(world, broken) -> None:
    world.read(1, 1, "PENDING")

    assert broken(world.verify()) == {"lost/acknowledged_order_missing"}


def test_an_order_that_nobody_was_told_of_may_be_gone(world) -> None:
    world.create(1, outcome=Outcome.UNKNOWN, order_id=None)
    world.create(2, outcome=Outcome.FAILED, order_id=None)
    world.create(4, outcome=Outcome.UNKNOWN, http_status=503)
    world.read(3, 0, "", outcome=Outcome.FAILED, http_status=404)

    assert world.verify().ok


def test_an_order_with_another_body_than_asked_for_is_lost(world, broken) -> None:
    order_id = world.paid(1)
    world.create(1, total=98_00)

    verdict = world.verify()

    assert broken(verdict) == {"lost/acknowledged_order_differs"}
    assert verdict.findings[0].order_id == order_id


@pytest.mark.parametrize("items", ["[]", "{}", "7", '[{"quantity": 1}]', "torn"])
def test_an_order_whose_lines_are_gone_is_lost(world, broken, items: str) -> None:
    order_id = world.paid(1)
    world.create(1)

    world.spoil_row(order_id, items=items)

    assert broken(world.verify()) == {"lost/acknowledged_order_differs"}


def test_an_order_that_was_refused_must_not_be_stored(world, broken) -> None:
    world.paid(1)
    world.create(1, outcome=Outcome.FAILED, order_id=None)

    assert broken(world.verify()) == {"lost/refused_order_stored"}


@pytest.mark.parametrize("other", [Outcome.OK, Outcome.UNKNOWN])
def test_a_body_that_was_refused_once_may_be_stored_by_another_try(
    world, other: Outcome
) -> None:
    world.paid(1)
    world.create(1, outcome=Outcome.FAILED, order_id=None)
    world.create(1, outcome=other)

    assert world.verify().ok


def test_an_order_that_nobody_asked_for_is_found_by_complete_journals(
    world, broken
) -> None:
    world.paid(1)
    world.paid(2)
    world.create(2)

    assert world.verify().ok
    assert broken(world.verify(journal_is_complete=True)) == {
        "lost/order_without_request"
    }


@pytest.mark.parametrize("kept", ["history", "notices", "keys", "waiting"])
def test_rows_without_their_order_are_found(world, broken, kept: str) -> None:
    order_id = world.paid(1)
    parts = {"history": [], "notices": [], "keys": []} | {
        kept: getattr(world.orders[order_id], kept)
    }

    world.spoil(order_id, order=None, **parts)

    assert "lost/order_row_missing" in broken(world.verify(without_topic=True))
