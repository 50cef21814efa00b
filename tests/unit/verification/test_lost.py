"""An accepted order is there, as it was asked for; no other one is."""

import json

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


@pytest.mark.parametrize(
    "items",
    ["[]", "{}", "7", '[{"quantity": 1}]', "torn", "[" * 9000 + "]" * 9000],
    ids=lambda items: items[:20],
)
def test_an_order_whose_lines_are_gone_is_lost(world, broken, items: str) -> None:
    order_id = world.paid(1)
    world.create(1)

    world.spoil_row(order_id, items=items)

    assert broken(world.verify()) == {
        "lost/acknowledged_order_differs",
        "lost/order_lines_missing",
    }


@pytest.mark.parametrize(
    "prices", [[99_01], [99_00, 1], [-1, 99_01, 1], ["9900"], [True, 98_99], [9900.0]]
)
def test_lines_that_are_not_the_total_are_found_without_a_journal(
    world, broken, prices: list[object]
) -> None:
    order_id = world.paid(1)
    lines = [{"product_id": 3, "quantity": 1, "line_total": it} for it in prices]

    world.spoil_row(order_id, items=json.dumps(lines))

    assert broken(world.verify()) == {"lost/total_is_not_its_lines"}


def test_some_lines_may_make_the_total(world) -> None:
    order_id = world.paid(1)
    lines = [{"product_id": 3, "quantity": 1, "line_total": it} for it in (98_00, 1_00)]

    world.spoil_row(order_id, items=json.dumps(lines))

    assert world.verify().ok


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


def test_a_replay_of_what_was_only_refused_is_found(world, broken) -> None:
    world.paid(1)
    world.create(1, outcome=Outcome.FAILED, order_id=None, http_status=503)
    world.create(1, started=2.0, replayed=True)

    assert broken(world.verify()) == {"lost/refused_order_replayed"}


def test_a_replay_of_what_may_have_been_stored_is_right(world) -> None:
    world.paid(1)
    world.create(1, outcome=Outcome.FAILED, order_id=None, http_status=503)
    world.create(1, started=2.0, replayed=True)
    world.create(1, started=1.0, outcome=Outcome.UNKNOWN, order_id=None)

    assert world.verify().ok
