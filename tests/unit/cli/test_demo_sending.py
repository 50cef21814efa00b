from collections.abc import Callable
from typing import Self

import pytest

from orders.cli.demo import sending
from orders.cli.demo.client import DemoError
from orders.cli.demo.ledger import Tally
from orders.cli.demo.plan import PlannedOrder
from orders.cli.demo.sending import Outcome, send_orders
from orders.domain.order import OrderStatus

PLAN = tuple(
    PlannedOrder(f"key-{n}", n % 2, "USD", "10.00", OrderStatus.PAID) for n in range(4)
)
Run = Callable[..., Outcome]


class Service:
    """What the clients of one run talk to; every part can be made to misbehave."""

    def __init__(self) -> None:
        self.statuses: dict[str, OrderStatus] = {}
        self.refused: set[str] = set()
        self.extra_notices: list[str] = []
        self.lost_notices: set[str] = set()
        self.orders: list[PlannedOrder] = []

    def client(self, *_: object) -> "Client":
        return Client(self)


class Client:
    def __init__(self, service: Service) -> None:
        self._service = service

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, order: PlannedOrder) -> str:
        if order.key in self._service.refused:
            raise DemoError("an order was refused: 422")
        self._service.orders.append(order)
        return f"id of {order.key}"

    def await_settled(self, order_id: str) -> OrderStatus:
        return self._service.statuses.get(order_id, OrderStatus.PAID)

    def notified_orders(self, user_id: int) -> list[str]:
        service = self._service
        told = [f"id of {o.key}" for o in service.orders if o.user_id == user_id]
        told += service.extra_notices if user_id == 0 else []
        return [order_id for order_id in told if order_id not in service.lost_notices]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    service = Service()
    monkeypatch.setattr(sending, "Client", service.client)
    monkeypatch.setattr(sending, "_ORDERS_PER_SECOND", 10_000)
    return service


@pytest.fixture
def run(service: Service) -> Run:
    return lambda: send_orders("http://x", PLAN, seconds=5, watch=lambda _tally: None)


def test_a_good_run_has_no_problems(run: Run) -> None:
    outcome = run()

    assert outcome.problems == ()
    assert outcome.tally.settled == {OrderStatus.PAID: 4}


def test_an_order_with_another_outcome_than_planned_is_a_problem(
    run: Run, service: Service
) -> None:
    service.statuses["id of key-1"] = OrderStatus.FAILED

    assert run().problems == ("order id of key-1 of 10.00 USD is FAILED, not PAID",)


def test_an_order_without_a_notification_is_a_problem(
    run: Run, service: Service
) -> None:
    service.lost_notices.add("id of key-2")

    assert run().problems == ("order id of key-2 has 0 notifications",)


def test_an_order_that_is_notified_twice_is_a_problem(
    run: Run, service: Service
) -> None:
    service.extra_notices.append("id of key-0")

    assert run().problems == ("order id of key-0 has 2 notifications",)


def test_an_order_that_is_refused_is_a_problem_of_its_own(
    run: Run, service: Service
) -> None:
    service.refused.add("key-3")

    outcome = run()

    assert outcome.problems == ("an order was refused: 422",)
    assert outcome.tally.done == 3


def test_the_last_look_sees_the_end(service: Service) -> None:
    seen: list[Tally] = []

    send_orders("http://x", PLAN, seconds=5, watch=seen.append)

    assert seen[-1].done == len(PLAN)
