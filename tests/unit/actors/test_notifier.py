"""Notifier: wakes those who wait, leaves a line in the log, counts."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from actor_fakes import NOON, RecordedRole, World, open_order, settlement

from orders.actors.messages import NotifyCustomers, OrdersSettled
from orders.actors.notifier import Notifier
from orders.domain.order import OrderStatus
from orders.domain.payment import PaymentRule
from orders.domain.settlement import resolve

DECLINED = resolve(open_order("dear", total=10_000), PaymentRule(Decimal(10)))


@dataclass
class Bench:
    world: World
    role: RecordedRole[Any]
    reader: RecordedRole[Any]
    actor: Notifier


@pytest.fixture
def bench(world: World) -> Bench:
    role, reader = world.role("notifier"), world.role("reader")
    actor = Notifier(
        role, order_reader=reader, status=world.status, telemetry=world.telemetry
    )
    actor.on_start()
    return Bench(world, role, reader, actor)


def notify(bench: Bench, *settlements: Any, after_seconds: float = 2.0) -> None:
    occurred_at = NOON + timedelta(seconds=after_seconds)
    bench.role.offer(NotifyCustomers(settlements, occurred_at))
    bench.world.deliver(bench.actor)


def test_those_who_wait_are_woken(bench: Bench) -> None:
    bench.world.status.waiters = 1

    notify(bench, settlement("a"), settlement("b"))

    assert bench.reader.told == [OrdersSettled(("a", "b"))]


def test_nobody_is_told_while_nobody_waits(bench: Bench) -> None:
    notify(bench, settlement("a"))

    assert bench.reader.told == []


def test_each_order_leaves_one_line(bench: Bench) -> None:
    notify(bench, settlement("a"), settlement("b"))

    assert bench.world.log.count("order.settled") == 2


def test_line_says_what_became_of_the_order(bench: Bench) -> None:
    notify(bench, DECLINED)

    assert bench.world.log.lines == [
        (
            "info",
            "order.settled",
            {
                "order_id": "dear",
                "status": OrderStatus.FAILED,
                "reason": "amount_limit",
                "version": 2,
                "duration_ms": 2000.0,
            },
        )
    ]


def test_orders_are_counted_by_outcome_with_their_ages(bench: Bench) -> None:
    notify(bench, settlement("a"), DECLINED, settlement("b"))

    assert bench.world.telemetry.settlements == [
        (OrderStatus.PAID, [2.0, 2.0]),
        (OrderStatus.FAILED, [2.0]),
    ]


def test_message_is_finished_once_it_was_told(bench: Bench) -> None:
    notify(bench, settlement("a"))

    assert bench.role.lane.depth == 0
