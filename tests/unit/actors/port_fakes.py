"""Stand-ins for the ports: what actors need from outside, in memory."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta

from actor_fakes import NOON, FakeClock

from orders.actors.ports import PublishResults, ScanResult
from orders.domain.changing import ChangeOutcome, OrderChange
from orders.domain.errors import BrokerFault, BrokerUnavailableError
from orders.domain.events import OrderEvent
from orders.domain.intake import NewOrder, Outcomes, Stored, StoreOutcome
from orders.domain.listing import OrderFilters, OrderPage
from orders.domain.notices import Notification
from orders.domain.order import Order
from orders.domain.records import (
    DeadLetter,
    EventRef,
    HistoryEntry,
    OutboxState,
    PartitionLag,
    RecordBatch,
    StuckOrder,
)
from orders.domain.refunds import OrderRefunds
from orders.domain.settlement import OpenOrder, Settled, Settlement


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
        self.calls: list[list[str]] = []
        self.suspected: list[bool] = []
        self.outcomes: dict[str, StoreOutcome] = {}
        self.early: set[str] = set()
        """Told before what goes wrong with the rest."""
        self.probes: list[BaseException | None] = []
        self.probe_count = 0
        self.on_store: Callable[[], None] = lambda: None

    def store(
        self,
        orders: Sequence[NewOrder],
        tell: Callable[[Outcomes], None],
        *,
        suspected: bool = False,
    ) -> None:
        self.calls.append([o.order_id for o in orders])
        self.suspected.append(suspected)
        self.on_store()
        early = [o for o in orders if o.order_id in self.early]
        self._tell(early, tell)
        self.trip()
        self._tell([o for o in orders if o not in early], tell)

    def _tell(
        self, orders: Sequence[NewOrder], tell: Callable[[Outcomes], None]
    ) -> None:
        if orders:
            ids = [o.order_id for o in orders]
            tell({i: self.outcomes.get(i, Stored(NOON)) for i in ids})

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
        self.refuses: set[str] = set()
        self.holds: set[str] = set()
        self.on_settle: Callable[[], None] = lambda: None
        self.on_read: Callable[[], None] = lambda: None

    def read_open(self, order_ids: Sequence[str]) -> tuple[list[OpenOrder], int]:
        self.reads.append(list(order_ids))
        self.on_read()
        self.trip()
        return [self.open[i] for i in order_ids if i in self.open], self.unknown

    def settle(self, settlements: Sequence[Settlement]) -> Settled:
        self.on_settle()
        self.trip()
        refused = tuple(s for s in settlements if s.order.order_id in self.refuses)
        held = tuple(s for s in settlements if s.order.order_id in self.holds)
        left = [s for s in settlements if s not in refused + held]
        won = [s for s in left if s.order.order_id not in self.taken]
        self.taken.update(s.order.order_id for s in won)
        self.settled.append([s.order.order_id for s in settlements])
        return Settled(tuple(won), NOON + timedelta(seconds=2), refused, held)

    def forget_published(self, events: Sequence[EventRef]) -> None:
        self.trip()
        self.forgotten.append(list(events))

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        self.trip()
        self.buried.append(list(letters))


class FakeChangeStore(Flaky):
    """Answers from ``outcomes``, by order id."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.outcomes: dict[str, ChangeOutcome] = {}

    def change(self, wanted: OrderChange) -> ChangeOutcome:
        self.calls.append(wanted.order_id)
        self.trip()
        return self.outcomes[wanted.order_id]


class FakeReadStore(Flaky):
    """Answers from ``orders``."""

    def __init__(self, *orders: Order) -> None:
        super().__init__()
        self.orders = {o.order_id: o for o in orders}
        self.reads: list[list[str]] = []
        self.page = OrderPage((), None)
        self.history: tuple[HistoryEntry, ...] | None = None
        self.refunds: OrderRefunds | None = None
        self.notifications: tuple[Notification, ...] = ()
        self.asked: list[tuple[object, ...]] = []
        self.bad_ids: set[str] = set()
        self.on_read: Callable[[], None] = lambda: None

    def put(self, changed: Order) -> None:
        self.orders[changed.order_id] = changed

    def read_orders(self, order_ids: Sequence[str]) -> dict[str, Order]:
        self.reads.append(list(order_ids))
        self.on_read()
        self.trip()
        if self.bad_ids.intersection(order_ids):
            raise ValueError("a row that nobody understands")
        return {i: self.orders[i] for i in order_ids if i in self.orders}

    def list_orders(
        self, tenant_id: str, filters: OrderFilters, before: str | None, limit: int
    ) -> OrderPage:
        self.asked.append((tenant_id, filters, before, limit))
        self.trip()
        return self.page

    def read_history(
        self, tenant_id: str, order_id: str
    ) -> tuple[HistoryEntry, ...] | None:
        self.asked.append((tenant_id, order_id))
        self.trip()
        return self.history

    def read_refunds(self, tenant_id: str, order_id: str) -> OrderRefunds | None:
        self.asked.append((tenant_id, order_id))
        self.trip()
        return self.refunds

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
        self.abandoned_ages: list[float] = []
        self.stuck: list[StuckOrder] = []
        self.stuck_ages: list[float] = []
        self.excused: list[str] = []
        self.settled_stuck = 0
        self.oldest_age: float | None = 0.0
        self.scans: list[ScanResult | None] = []
        self.scan_ages: list[float] = []
        self.expired_keys = 0
        self.calls: list[str] = []
        self.pages: list[EventRef | None] = []
        self.fails_at: dict[str, Exception] = {}
        self.on_call: Callable[[], None] = lambda: None
        self.state = OutboxState(0, 0.0)

    def add_rows(self, added: Iterable[OrderEvent]) -> None:
        """Commit outbox rows now."""
        self.rows.extend((row, self._clock()) for row in added)

    def _call(self, name: str) -> None:
        self.calls.append(name)
        self.on_call()
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
        self, after: EventRef | None, older_than_seconds: float, limit: int
    ) -> list[OrderEvent]:
        self._call("abandoned_outbox")
        self.abandoned_ages.append(older_than_seconds)
        rows = self.abandoned
        behind = [r for r in rows if after is None or (r.order_id, r.version) > after]
        return behind[:limit]

    def outbox_state(self, count_limit: int) -> OutboxState:
        self._call("outbox_state")
        return self.state

    def scan_unsettled(
        self, stuck_after_seconds: float, limit: int
    ) -> ScanResult | None:
        self._call("scan_unsettled")
        self.scan_ages.append(stuck_after_seconds)
        return self.scans.pop(0) if self.scans else ScanResult(0, 0.0)

    def oldest_unsettled_age(self) -> float | None:
        self._call("oldest_unsettled_age")
        return self.oldest_age

    def forget_settled(self, limit: int) -> int:
        self._call("forget_settled")
        step = min(limit, self.settled_stuck)
        self.settled_stuck -= step
        return step

    def due_stuck(
        self, limit: int, older_than_seconds: float, backoff_seconds: float
    ) -> list[StuckOrder]:
        self._call("due_stuck")
        self.stuck_ages.append(older_than_seconds)
        due = [o for o in self.stuck if o.age_seconds >= older_than_seconds][:limit]
        self.stuck = [o for o in self.stuck if o not in due]
        return due

    def excuse_stuck(self, order_ids: Sequence[str], until_age_seconds: float) -> None:
        self._call("excuse_stuck")
        self.excused += order_ids

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
        self.on_take_results: Callable[[], None] = lambda: None
        self.published: list[EventRef] = []
        self.flying: list[OrderEvent] = []
        self.closed = False
        self.unwritable: tuple[int, ...] = ()
        self._confirmed: list[EventRef] = []
        self._failed: list[OrderEvent] = []
        self._turned_away: list[EventRef] = []
        self._reopened = False

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

    def turn_away(self) -> None:
        """The partition of all that is in flight is full."""
        self._turned_away += [EventRef(e.order_id, e.version) for e in self.flying]
        self.flying = []

    def reopen(self) -> None:
        """It takes events again."""
        self._reopened = True

    def take_results(self) -> PublishResults:
        self.on_take_results()
        results = PublishResults(
            self._confirmed, self._failed, tuple(self._turned_away), self._reopened
        )
        self._confirmed, self._failed, self._turned_away = [], [], []
        self._reopened = False
        return results

    def close(self) -> None:
        self.closed = True


class FakeRecordSource(Flaky):
    """Gives ``batches`` one a poll, unless it is held."""

    def __init__(self, *batches: RecordBatch) -> None:
        super().__init__()
        self.batches = list(batches)
        self.holds: list[bool] = []
        self.finished: list[int] = []
        self.behind: Mapping[int, PartitionLag | None] | None = {0: PartitionLag(0, 0)}
        self.away = BrokerUnavailableError("no answer", fault=BrokerFault.TIMEOUT)

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

    def group_lag(self) -> Mapping[int, PartitionLag | None] | None:
        return self.behind

    def why_away(self) -> BrokerUnavailableError:
        return self.away
