"""Sends the demo's orders and sees each to its end."""

import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import groupby

from orders.cli.demo.client import Client, DemoError
from orders.cli.demo.ledger import Ledger, Tally
from orders.cli.demo.plan import PlannedOrder
from orders.domain.order import OrderStatus

_ORDERS_PER_SECOND = 40
"""Slow enough to watch; the service takes thousands."""
_LOOK_SECONDS = 0.1
_MAX_CLIENTS = 32


@dataclass(frozen=True, slots=True)
class Sent:
    """One order, as its customer saw it end."""

    order_id: str
    plan: PlannedOrder
    status: OrderStatus


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a run; nothing is wrong where there are no problems."""

    tally: Tally
    problems: tuple[str, ...]


def send_orders(
    url: str,
    plan: Sequence[PlannedOrder],
    *,
    seconds: float,
    watch: Callable[[Tally], None],
) -> Outcome:
    """Send ``plan`` to the API at ``url``, and check what comes of it.

    ``watch`` is called on this thread several times a second. Returns after
    ``seconds`` at the latest, and a few more that a last call may take.
    """
    deadline = time.monotonic() + seconds
    stopped = threading.Event()
    ledger = Ledger(len(plan))

    def see_through(order: PlannedOrder) -> Sent:
        with Client(url, deadline, stopped) as client:
            return _see_through(client, order, ledger)

    # A client only lives for its order, so that a slow one holds up no other.
    with ThreadPoolExecutor(_MAX_CLIENTS, "customer") as customers:
        try:
            sent = []
            began = time.monotonic()
            for number, order in enumerate(plan):
                due = began + number / _ORDERS_PER_SECOND
                stopped.wait(max(0.0, due - time.monotonic()))
                sent.append(customers.submit(see_through, order))
                watch(ledger.tally())
            _await_all(sent, deadline, ledger, watch)
        except BaseException:  # Ctrl-C: nobody waits for the rest
            stopped.set()
            customers.shutdown(wait=False, cancel_futures=True)
            raise
    watch(ledger.tally())
    ended, problems = _collect(sent)
    with Client(url, time.monotonic() + seconds, stopped) as client:
        problems += _wrong_outcomes(ended)
        problems += _wrong_notifications(client, ended)
    return Outcome(ledger.tally(), tuple(problems))


def _see_through(client: Client, order: PlannedOrder, ledger: Ledger) -> Sent:
    began = time.monotonic()
    order_id = client.submit(order)
    ledger.accepted(time.monotonic() - began)
    status = client.await_settled(order_id)
    ledger.settled(status, time.monotonic() - began)
    return Sent(order_id, order, status)


def _await_all(
    sent: Sequence[Future[Sent]],
    deadline: float,
    ledger: Ledger,
    watch: Callable[[Tally], None],
) -> None:
    """Show how things stand until every order has ended, or time has run out."""
    unfinished: Collection[Future[Sent]] = sent
    while unfinished and (left := deadline - time.monotonic()) > 0:
        _, unfinished = wait(unfinished, min(left, _LOOK_SECONDS))
        watch(ledger.tally())


def _collect(sent: Sequence[Future[Sent]]) -> tuple[list[Sent], list[str]]:
    ended, problems = [], []
    for future in sent:
        try:
            ended.append(future.result())
        except DemoError as error:
            problems.append(str(error))
    return ended, problems


def _wrong_outcomes(ended: Sequence[Sent]) -> list[str]:
    return [
        f"order {it.order_id} of {it.plan.total} {it.plan.currency} is {it.status}, "
        f"not {it.plan.expected}"
        for it in ended
        if it.status is not it.plan.expected
    ]


def _wrong_notifications(client: Client, ended: Sequence[Sent]) -> list[str]:
    """Return a problem for each order that has not exactly one notification."""
    problems = []
    by_user = sorted(ended, key=lambda it: it.plan.user_id)
    for user_id, orders in groupby(by_user, key=lambda it: it.plan.user_id):
        try:
            notified = client.notified_orders(user_id)
        except DemoError as error:
            problems.append(str(error))
            continue
        for order in orders:
            count = notified.count(order.order_id)
            if count != 1:
                problems.append(f"order {order.order_id} has {count} notifications")
    return problems
