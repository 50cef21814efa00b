"""Stand-ins for what surrounds an actor, so that it runs on the test's own thread."""

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from orders.actors.lane import Lane
from orders.actors.messages import (
    Receipt,
    StoreOrders,
    Submission,
    Ticket,
    Wake,
)
from orders.actors.node_status import NodeStatus
from orders.actors.pace import Pace
from orders.actors.role import Role
from orders.actors.supervised import SupervisedActor
from orders.domain.events import OrderEvent
from orders.domain.intake import IdempotencyKey, NewOrder
from orders.domain.order import (
    Order,
    OrderLine,
    OrderRequest,
    OrderStatus,
    PaymentStatus,
)
from orders.domain.payment import Decision
from orders.domain.records import DeadLetter
from orders.domain.settlement import OpenOrder, Settlement, settle
from orders.domain.transitions import Change, State

T = TypeVar("T")

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PENDING = State(OrderStatus.PENDING, PaymentStatus.PENDING)
PAID = State(OrderStatus.PAID, PaymentStatus.SUCCESS)

_MOST_DELIVERIES = 1000


# --- things to talk about ----------------------------------------------------


def request(total: int = 500) -> OrderRequest:
    return OrderRequest(7, "USD", total, (OrderLine(3, 1, total),))


def new_order(name: str, key: IdempotencyKey | None = None) -> NewOrder:
    return NewOrder(name, "default", request(), f'{{"order_id":"{name}"}}', key)


def submission(name: str, deadline: float = 1e9) -> Submission:
    """A submission whose ticket is its order's id."""
    return Submission(new_order(name), ticket(name), deadline)


class FakeTicket(str):
    """Its name, which answers are looked up by; wanted until its deadline."""

    deadline = 1e9
    is_gone = False

    def is_wanted(self, now: float, *, half_open: bool = False) -> bool:
        del half_open
        return now < self.deadline and not self.is_gone


def ticket(name: str, *, deadline: float = 1e9, is_gone: bool = False) -> Ticket:
    made = FakeTicket(name)
    made.deadline, made.is_gone = deadline, is_gone
    return made


def store_orders(*names: str, deadline: float = 1e9) -> StoreOrders:
    return StoreOrders(tuple(submission(name, deadline) for name in names))


def order(name: str, state: State = PENDING, tenant_id: str = "default") -> Order:
    return Order(name, tenant_id, request(), *state, 1, NOON, NOON)


def open_order(name: str, total: int = 500, state: State = PENDING) -> OpenOrder:
    return OpenOrder(name, "default", 7, "USD", total, state, 1, NOON)


def settlement(name: str) -> Settlement:
    return settle(open_order(name), Decision(Change.APPROVED, None))


def event(name: str, version: int = 1) -> OrderEvent:
    return OrderEvent(name, version, "orders.order.accepted.v1", "{}", NOON)


def events(count: int, prefix: str = "o") -> tuple[OrderEvent, ...]:
    return tuple(event(f"{prefix}{n:05}") for n in range(count))


def dead_letter(offset: int = 0) -> DeadLetter:
    return DeadLetter("orders", 0, offset, b"k", (), b"{", "value_malformed")


def receipt(token: int = 1, part: str = "orders", role: str = "consumer") -> Receipt:
    return Receipt(role, token, part)


# --- the surroundings --------------------------------------------------------


class FakeClock:
    """Time that passes only when a test says so."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class FakeLog:
    """Keeps what was logged as (level, event, fields)."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def debug(self, event: str, **fields: object) -> None:
        self.lines.append(("debug", event, fields))

    def info(self, event: str, **fields: object) -> None:
        self.lines.append(("info", event, fields))

    def warning(self, event: str, **fields: object) -> None:
        self.lines.append(("warning", event, fields))

    def error(self, event: str, **fields: object) -> None:
        self.lines.append(("error", event, fields))

    def exception(self, event: str, **fields: object) -> None:
        self.error(event, exc_info=sys.exception(), **fields)

    def count(self, event: str) -> int:
        return sum(line[1] == event for line in self.lines)


class FakeTelemetry:
    """Adds up."""

    def __init__(self) -> None:
        self.accepted_count = 0
        self.published_count = 0
        self.unknown_count = 0
        self.lost_count = 0
        self.held_count = 0
        self.rejections: dict[str, int] = {}
        self.settlements: list[tuple[OrderStatus, list[float]]] = []
        self.restarted: list[str] = []
        self.refunds: list[PaymentStatus] = []

    def accepted(self, count: int) -> None:
        self.accepted_count += count

    def settled(self, status: OrderStatus, ages_seconds: Sequence[float]) -> None:
        self.settlements.append((status, list(ages_seconds)))

    def refunded(self, payment_status: PaymentStatus) -> None:
        self.refunds.append(payment_status)

    def rejected(self, reason: str, count: int = 1) -> None:
        self.rejections[reason] = self.rejections.get(reason, 0) + count

    def published(self, count: int) -> None:
        self.published_count += count

    def unknown_orders(self, count: int) -> None:
        self.unknown_count += count

    def compare_and_set_lost(self, count: int) -> None:
        self.lost_count += count

    def settlements_held(self, count: int) -> None:
        self.held_count += count

    def actor_restarted(self, role: str) -> None:
        self.restarted.append(role)


class FakeReplies:
    """Keeps each hand-over, and the answers by ticket."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[Ticket, object]]] = []

    def answer(self, answers: Sequence[tuple[Ticket, object]]) -> None:
        self.batches.append(list(answers))

    @property
    def given(self) -> dict[object, object]:
        """The first answer of each ticket, as a one-shot ticket sees it."""
        seen: dict[object, object] = {}
        for batch in self.batches:
            for asked, value in batch:
                seen.setdefault(asked, value)
        return seen


class RecordedRole(Role[T]):
    """A role whose messages wait for the test to deliver them."""

    def __init__(
        self, name: str, lane: Lane[T], log: FakeLog, clock: FakeClock
    ) -> None:
        super().__init__(name, lane, log=log, clock=clock)
        self.told: list[object] = []

    def tell(self, message: object) -> None:
        self.told.append(message)

    def told_of(self, kind: type) -> list[Any]:
        """Messages of one kind, oldest first."""
        return [message for message in self.told if isinstance(message, kind)]


class Later(NamedTuple):
    """A message that was asked for."""

    due: float
    role: Role[Any]
    message: object


class RecordingPace(Pace):
    """Waits for nothing, and keeps what it was told."""

    def __init__(self) -> None:
        super().__init__(0.0, clock=FakeClock())
        self.kept: list[bool] = []
        self.batches: list[int] = []

    def keep(self, *, full: bool = False) -> None:
        self.kept.append(full)

    def took(self, messages: int) -> None:
        self.batches.append(messages)


class World:
    """One node's surroundings for actors that run on the test's thread."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.pace = RecordingPace()
        self.log = FakeLog()
        self.telemetry = FakeTelemetry()
        self.replies = FakeReplies()
        self.status = NodeStatus(database_errors={"writer": ""})
        self.later: list[Later] = []
        self.failures: list[BaseException] = []

    def role(
        self, name: str, capacity: int = 100, weigh: Callable[[Any], int] = lambda _: 1
    ) -> RecordedRole[Any]:
        role: RecordedRole[Any] = RecordedRole(
            name, Lane(capacity, weigh), self.log, self.clock
        )
        role.supervise(self, self.report)
        return role

    def after(self, seconds: float, role: Role[Any], message: object) -> None:
        self.later.append(Later(self.clock() + seconds, role, message))

    def report(self, role: Role[Any], generation: int, error: BaseException) -> None:
        self.failures.append(error)

    def run(self, actor: SupervisedActor[Any], *messages: object) -> None:
        """Give the actor ``messages``, or a wake, then all it is told meanwhile."""
        for message in messages or (Wake(),):
            actor.on_receive(message)
        self.deliver(actor)

    def deliver(self, actor: SupervisedActor[Any]) -> None:
        """Give the actor what its role was told, until there is nothing left."""
        told = actor.role.told  # type: ignore[attr-defined]
        for _ in range(_MOST_DELIVERIES):
            if not told:
                return
            actor.on_receive(told.pop(0))
        raise AssertionError("the actor never comes to rest")

    def pass_time(self, actor: SupervisedActor[Any], seconds: float) -> None:
        """Let time pass, delivering the actor's ticks when they are due."""
        end = self.clock() + seconds
        for _ in range(_MOST_DELIVERIES):
            due = sorted(
                (x for x in self.later if x.role is actor.role and x.due <= end),
                key=lambda x: x.due,
            )
            if not due:
                self.clock.now = end
                return
            self.later.remove(due[0])
            self.clock.now = max(self.clock.now, due[0].due)
            self.run(actor, due[0].message)
        raise AssertionError("ticks without end")


class Holder:
    """Stands for a reference to a running actor; what it is told waits."""

    def __init__(self, actor: SupervisedActor[Any] | None = None) -> None:
        self.actor = actor
        self.told: list[object] = []
        self.living = True
        self.stops = 0

    def tell(self, message: object) -> None:
        self.told.append(message)

    def is_alive(self) -> bool:
        return self.living

    def stop(self, *, block: bool = True, timeout: float | None = None) -> bool:
        self.stops += 1
        return True

    def pump(self) -> None:
        """Run the actor on what it was told so far, and on what that leads to."""
        assert self.actor is not None
        for _ in range(_MOST_DELIVERIES):
            if not self.told:
                return
            self.actor.on_receive(self.told.pop(0))
        raise AssertionError("the actor never comes to rest")
