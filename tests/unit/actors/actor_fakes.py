"""Stand-ins for what surrounds an actor, so that it runs on the test's own thread."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar

from orders.actors.lane import Lane
from orders.actors.messages import (
    Receipt,
    StoreOrders,
    Submission,
    Ticket,
    Wake,
)
from orders.actors.node_status import NodeStatus
from orders.actors.ports import PublishResults, ScanResult
from orders.actors.role import Role
from orders.actors.supervised import SupervisedActor
from orders.domain.events import OrderEvent
from orders.domain.intake import IdempotencyKey, NewOrder, Stored, StoreOutcome
from orders.domain.notices import Notification
from orders.domain.order import (
    Order,
    OrderLine,
    OrderRequest,
    OrderStatus,
    PaymentStatus,
)
from orders.domain.payment import Decision
from orders.domain.records import (
    DeadLetter,
    EventRef,
    HistoryEntry,
    OutboxState,
    RecordBatch,
)
from orders.domain.settlement import OpenOrder, Settled, Settlement, settle
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


def ticket(name: str) -> Ticket:
    return name  # type: ignore[return-value]


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

    def count(self, event: str) -> int:
        return sum(line[1] == event for line in self.lines)


class FakeTelemetry:
    """Adds up."""

    def __init__(self) -> None:
        self.accepted_count = 0
        self.published_count = 0
        self.unknown_count = 0
        self.lost_count = 0
        self.rejections: dict[str, int] = {}
        self.settlements: list[tuple[OrderStatus, list[float]]] = []
        self.restarted: list[str] = []

    def accepted(self, count: int) -> None:
        self.accepted_count += count

    def settled(self, status: OrderStatus, ages_seconds: Sequence[float]) -> None:
        self.settlements.append((status, list(ages_seconds)))

    def rejected(self, reason: str, count: int = 1) -> None:
        self.rejections[reason] = self.rejections.get(reason, 0) + count

    def published(self, count: int) -> None:
        self.published_count += count

    def unknown_orders(self, count: int) -> None:
        self.unknown_count += count

    def compare_and_set_lost(self, count: int) -> None:
        self.lost_count += count

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


class World:
    """One node's surroundings for actors that run on the test's thread."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.log = FakeLog()
        self.telemetry = FakeTelemetry()
        self.replies = FakeReplies()
        self.status = NodeStatus(database_available=True)
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


# --- the ports ---------------------------------------------------------------


class Flaky:
    """Raises the next of ``errors`` at each call; None lets the call pass."""

    def __init__(self) -> None:
        self.errors: list[BaseException | None] = []
        self.closed = False

    def trip(self) -> None:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error

    def close(self) -> None:
        self.closed = True


class FakeIntakeStore(Flaky):
    """Stores everything, unless told otherwise by ``outcomes``."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[list[str], bool]] = []
        self.outcomes: dict[str, StoreOutcome] = {}
        self.probes: list[BaseException | None] = []
        self.probe_count = 0
        self.on_store: Callable[[], None] = lambda: None

    def store(
        self, orders: Sequence[NewOrder], *, again: bool = False
    ) -> list[StoreOutcome]:
        self.calls.append(([o.order_id for o in orders], again))
        self.on_store()
        self.trip()
        return [self.outcomes.get(o.order_id, Stored(NOON)) for o in orders]

    def probe(self) -> None:
        self.probe_count += 1
        error = self.probes.pop(0) if self.probes else None
        if error is not None:
            raise error


class FakeSettlementStore(Flaky):
    """Knows the ``open`` orders; settles whatever has not been settled before."""

    def __init__(self, *open_orders: OpenOrder) -> None:
        super().__init__()
        self.open = {o.order_id: o for o in open_orders}
        self.unknown = 0
        self.reads: list[list[str]] = []
        self.settled: list[list[str]] = []
        self.taken: set[str] = set()
        self.forgotten: list[list[EventRef]] = []
        self.buried: list[list[DeadLetter]] = []
        self.on_settle: Callable[[], None] = lambda: None

    def read_open(self, order_ids: Sequence[str]) -> tuple[list[OpenOrder], int]:
        self.reads.append(list(order_ids))
        self.trip()
        return [self.open[i] for i in order_ids if i in self.open], self.unknown

    def settle(self, settlements: Sequence[Settlement]) -> Settled:
        self.on_settle()
        self.trip()
        won = [s for s in settlements if s.order.order_id not in self.taken]
        self.taken.update(s.order.order_id for s in won)
        self.settled.append([s.order.order_id for s in settlements])
        return Settled(tuple(won), NOON + timedelta(seconds=2))

    def forget_published(self, events: Sequence[EventRef]) -> None:
        self.trip()
        self.forgotten.append(list(events))

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        self.trip()
        self.buried.append(list(letters))


class FakeReadStore(Flaky):
    """Answers from ``orders``."""

    def __init__(self, *orders: Order) -> None:
        super().__init__()
        self.orders = {o.order_id: o for o in orders}
        self.reads: list[list[str]] = []
        self.history: tuple[HistoryEntry, ...] | None = None
        self.notifications: tuple[Notification, ...] = ()
        self.asked: list[tuple[object, ...]] = []

    def put(self, changed: Order) -> None:
        self.orders[changed.order_id] = changed

    def read_orders(self, order_ids: Sequence[str]) -> dict[str, Order]:
        self.reads.append(list(order_ids))
        self.trip()
        return {i: self.orders[i] for i in order_ids if i in self.orders}

    def read_history(
        self, tenant_id: str, order_id: str
    ) -> tuple[HistoryEntry, ...] | None:
        self.asked.append((tenant_id, order_id))
        self.trip()
        return self.history

    def read_notifications(
        self, tenant_id: str, user_id: int, limit: int
    ) -> tuple[Notification, ...]:
        self.asked.append((tenant_id, user_id, limit))
        self.trip()
        return self.notifications


class FakeSweepStore(Flaky):
    """Has outbox rows with an age by ``clock``; calls are listed by name."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self.rows: list[tuple[OrderEvent, float]] = []
        self.holds_lease = True
        self.abandoned: list[OrderEvent] = []
        self.stuck: list[str] = []
        self.scans: list[ScanResult] = []
        self.scan_ages: list[float] = []
        self.expired_keys = 0
        self.calls: list[str] = []
        self.pages: list[EventRef | None] = []
        self.fails_at: dict[str, Exception] = {}
        self.state = OutboxState(0, 0.0)

    def add_rows(self, added: Iterable[OrderEvent]) -> None:
        """Commit outbox rows now."""
        self.rows.extend((row, self._clock()) for row in added)

    def _call(self, name: str) -> None:
        self.calls.append(name)
        error = self.fails_at.pop(name, None)
        if error is not None:
            raise error

    def renew_node(self, lease_seconds: float) -> None:
        self._call("renew_node")

    def hold_lease(self, name: str, lease_seconds: float) -> bool:
        self._call("hold_lease")
        return self.holds_lease

    def own_outbox(
        self, after: EventRef | None, older_than_seconds: float, limit: int
    ) -> list[OrderEvent]:
        self.pages.append(after)
        self._call("own_outbox")
        old = self._clock() - older_than_seconds
        found = [
            row
            for row, created in self.rows
            if created < old and (after is None or (row.order_id, row.version) > after)
        ]
        return found[:limit]

    def abandoned_outbox(
        self, older_than_seconds: float, limit: int
    ) -> list[OrderEvent]:
        self._call("abandoned_outbox")
        return self.abandoned[:limit]

    def outbox_state(self, count_limit: int) -> OutboxState:
        self._call("outbox_state")
        return self.state

    def scan_unsettled(self, stuck_after_seconds: float, limit: int) -> ScanResult:
        self._call("scan_unsettled")
        self.scan_ages.append(stuck_after_seconds)
        return self.scans.pop(0) if self.scans else ScanResult(0, 0.0)

    def due_stuck(self, limit: int, backoff_seconds: float) -> list[str]:
        self._call("due_stuck")
        due, self.stuck = self.stuck[:limit], self.stuck[limit:]
        return due

    def delete_expired_keys(self, older_than_seconds: float, limit: int) -> int:
        self._call("delete_expired_keys")
        step = min(limit, self.expired_keys)
        self.expired_keys -= step
        return step

    def dead_letter_count(self, limit: int) -> int:
        self._call("dead_letter_count")
        return 3

    def release(self) -> None:
        self._call("release")


class FakePublisher:
    """Takes up to ``takes`` events; confirms when the test says so."""

    def __init__(self) -> None:
        self.takes: int | None = None
        self.published: list[EventRef] = []
        self.flying: list[OrderEvent] = []
        self.closed = False
        self._confirmed: list[EventRef] = []
        self._failed: list[OrderEvent] = []

    @property
    def in_flight(self) -> int:
        return len(self.flying)

    def publish(self, events: Sequence[OrderEvent]) -> int:
        taken = list(events if self.takes is None else events[: self.takes])
        self.published.extend(EventRef(e.order_id, e.version) for e in taken)
        self.flying.extend(taken)
        return len(taken)

    def confirm(self) -> None:
        """Kafka confirms all that is in flight."""
        self._confirmed += [EventRef(e.order_id, e.version) for e in self.flying]
        self.flying = []

    def fail(self) -> None:
        """All that is in flight comes back."""
        self._failed += self.flying
        self.flying = []

    def take_results(self) -> PublishResults:
        results = PublishResults(self._confirmed, self._failed)
        self._confirmed, self._failed = [], []
        return results

    def flush(self, timeout_seconds: float) -> bool:
        return not self.flying

    def close(self) -> None:
        self.closed = True


class FakeRecordSource(Flaky):
    """Gives ``batches`` one a poll, unless it is held."""

    def __init__(self, *batches: RecordBatch) -> None:
        super().__init__()
        self.batches = list(batches)
        self.holds: list[bool] = []
        self.finished: list[int] = []
        self.behind: int | None = 0

    def poll(self, *, hold: bool = False) -> RecordBatch | None:
        self.holds.append(hold)
        self.trip()
        return self.batches.pop(0) if self.batches and not hold else None

    def done(self, token: int) -> None:
        self.finished.append(token)

    @property
    def outstanding(self) -> int:
        return 0

    def lag(self) -> Mapping[int, int]:
        return {0: 5}

    def group_lag(self) -> int | None:
        return self.behind


class Job(NamedTuple, Generic[T]):
    """One message of a made-up actor."""

    name: T
    weight: int = 1
