"""What actors need from outside, as protocols that the other rooms implement.

Every object here is owned by the one actor it was made for and is called on that
actor's thread only, unless its docstring says otherwise. Calls that wait have a
deadline of their own.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from orders.domain.api_keys import ActiveKey
from orders.domain.changing import ChangeOutcome, OrderChange
from orders.domain.errors import BrokerUnavailableError
from orders.domain.events import OrderEvent
from orders.domain.intake import NewOrder, Outcomes
from orders.domain.listing import OrderFilters, OrderPage
from orders.domain.notices import Notification
from orders.domain.order import Order, OrderStatus, PaymentStatus
from orders.domain.records import (
    DeadLetter,
    EventRef,
    HistoryEntry,
    OutboxState,
    PartitionLag,
    PublishResults,
    RecordBatch,
    ScanResult,
    StuckOrder,
)
from orders.domain.refunds import OrderRefunds
from orders.domain.settlement import OpenOrder, Settled, Settlement


class IntakeStore(Protocol):
    """Accepts orders."""

    def store(
        self,
        orders: Sequence[NewOrder],
        tell: Callable[[Outcomes], None],
        *,
        suspected: bool = False,
    ) -> object:
        """Store ``orders`` durably; ``tell`` gets each outcome once, when certain.

        An order whose key someone else holds is ``KeyBusy`` after a moment, a shorter
        one where the keys are ``suspected``. Rows that are already there under these
        ids are ``Replayed``: an earlier try stored them.

        Raises:
            DatabaseUnavailableError: nothing more is known to be stored; see its
                ``outcome_unknown``.

        """

    def probe(self) -> None:
        """Connect if need be and commit next to nothing.

        Raises:
            DatabaseUnavailableError: no answer, or the server takes no commits.

        """

    def close(self) -> None:
        """Close the connection."""


class SettlementStore(Protocol):
    """Reads what is open and writes what was decided."""

    def read_open(self, order_ids: Sequence[str]) -> tuple[list[OpenOrder], int]:
        """Return the unsettled orders among ``order_ids``, and how many ids exist
        nowhere in the database.

        Raises:
            DatabaseUnavailableError: PostgreSQL did not answer.

        """

    def settle(self, settlements: Sequence[Settlement]) -> Settled:
        """Apply each settlement whose order is still as it was read.

        Status, history row, outbox row and notification are one transaction. Orders
        that others hold are left out, and noted for the sweeper.

        Raises:
            DatabaseUnavailableError: see its ``outcome_unknown``; trying again is
                harmless.

        """

    def forget_published(self, events: Sequence[EventRef]) -> None:
        """Delete the outbox rows of events that Kafka confirmed.

        Raises:
            DatabaseUnavailableError: trying again is harmless.

        """

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Keep records that cannot be processed; a repeated one is kept once.

        Raises:
            DatabaseUnavailableError: trying again is harmless.

        """

    def close(self) -> None:
        """Close the connection."""


class ChangeStore(Protocol):
    """Changes orders on request."""

    def change(self, wanted: OrderChange) -> ChangeOutcome:
        """Apply ``wanted`` if the order allows it, and say what became of it.

        Status, history, outbox, notification, key and refund are one transaction;
        only ``Changed`` leaves a trace.

        Raises:
            DatabaseUnavailableError: see its ``outcome_unknown``. With a key, trying
                again is harmless.

        """

    def close(self) -> None:
        """Close the connection."""


class ReadStore(Protocol):
    """Answers questions."""

    def read_orders(self, order_ids: Sequence[str]) -> dict[str, Order]:
        """Return the orders that exist, by id, whatever their tenant.

        Raises:
            DatabaseUnavailableError: PostgreSQL did not answer.

        """

    def list_orders(
        self, tenant_id: str, filters: OrderFilters, before: str | None, limit: int
    ) -> OrderPage:
        """Return up to ``limit`` of the tenant's orders below an id, newest first."""

    def read_history(
        self, tenant_id: str, order_id: str
    ) -> tuple[HistoryEntry, ...] | None:
        """Return the order's history by version, None where there is no order."""

    def read_refunds(self, tenant_id: str, order_id: str) -> OrderRefunds | None:
        """Return the order and its refunds, None where there is no order."""

    def read_notifications(
        self, tenant_id: str, user_id: int, limit: int
    ) -> tuple[Notification, ...]:
        """Return the user's notifications, newest first."""

    def close(self) -> None:
        """Close the connection."""


class SweepStore(Protocol):
    """What the sweeper reads and repairs; every age and lease is database time."""

    def renew_node(self, lease_seconds: float) -> None:
        """Extend this node's own lease, which tells others that it is alive.

        Raises:
            DatabaseUnavailableError: PostgreSQL did not answer (so for each method).

        """

    def hold_lease(self, name: str, lease_seconds: float) -> bool:
        """Take or extend the named lease; False while another node holds it."""

    def own_outbox(
        self, after: EventRef | None, older_than_seconds: float, limit: int
    ) -> list[OrderEvent]:
        """Return this node's outbox rows, oldest first, starting behind ``after``."""

    def abandoned_outbox(
        self, after: EventRef | None, older_than_seconds: float, limit: int
    ) -> list[OrderEvent]:
        """Return outbox rows of nodes whose lease lapsed, and rows of any node that
        are older than ``older_than_seconds``, oldest first, starting behind ``after``.
        """

    def outbox_state(self, count_limit: int) -> OutboxState:
        """Return how far publishing is behind."""

    def scan_unsettled(
        self, stuck_after_seconds: float, limit: int
    ) -> ScanResult | None:
        """Move the search forward by up to ``limit`` orders and note those that are
        unsettled for longer than ``stuck_after_seconds`` as stuck; None while another
        node moves it.
        """

    def oldest_unsettled_age(self) -> float | None:
        """Return the age of the oldest unsettled order, 0.0 without one; None while
        too much lies before it to tell.
        """

    def forget_settled(self, limit: int) -> int:
        """Look at up to ``limit`` stuck orders that are due and forget those settled
        since; return how many.
        """

    def due_stuck(
        self, limit: int, older_than_seconds: float, backoff_seconds: float
    ) -> list[StuckOrder]:
        """Return stuck orders that are due, unsettled and old enough, and put them
        off by a growing backoff.
        """

    def excuse_stuck(self, order_ids: Sequence[str], until_age_seconds: float) -> None:
        """Put stuck orders off until they are so old; it counts as no try."""

    def delete_expired_keys(self, older_than_seconds: float, limit: int) -> int:
        """Delete up to ``limit`` idempotency keys past their time; return how many."""

    def dead_letter_count(self, limit: int) -> int:
        """Count dead letters, up to ``limit``."""

    def release(self) -> None:
        """Give up this node's lease and every named one, so others act at once."""

    def close(self) -> None:
        """Close the connection."""


class KeyStore(Protocol):
    """Reads API keys."""

    def active_keys(self, limit: int) -> tuple[ActiveKey, ...]:
        """Return the keys that can be used, ``limit`` of them at most.

        Raises:
            DatabaseUnavailableError: PostgreSQL did not answer.

        """

    def close(self) -> None:
        """Close the connection."""


class KeyRing(Protocol):
    """Where requests look keys up; may be called from any thread."""

    def renew(self, keys: Sequence[ActiveKey], read_at: float) -> None:
        """Hold ``keys`` from now on, as they were when the clock said ``read_at``."""


class EventPublisher(Protocol):
    """One Kafka producer that replaces its client when that dies."""

    @property
    def in_flight(self) -> int:
        """Events handed over and neither confirmed nor failed."""

    @property
    def unwritable(self) -> Collection[int]:
        """Partitions that are not written to at present."""

    def publish(self, events: Sequence[OrderEvent]) -> int:
        """Hand over events in order; return how many were taken before the broker
        could not be reached (the rest is the caller's to offer again).
        """

    def take_results(self) -> PublishResults:
        """Return what became of events since the last call; also replaces a client
        that does not answer, handing back all of its events as failed.
        """

    def close(self) -> None:
        """Release the client within a few seconds, whatever the broker does."""


class RecordSource(Protocol):
    """One member of the consumer group; rebuilds its client when that is stuck.

    Keeps a done mark per partition, commits offsets up to it about once a second,
    pauses partitions with too many records outstanding and resumes them at half.
    """

    def poll(self, *, hold: bool = False) -> RecordBatch | None:
        """Poll for at most about 200 ms; with ``hold`` everything stays paused, but
        the membership is kept alive. None where nothing came.

        Raises:
            BrokerUnavailableError: the client could not be made; call again later.

        """

    def done(self, token: int) -> None:
        """The batch is in PostgreSQL: its offsets may be committed. Unknown tokens
        (of partitions that moved away) are ignored.
        """

    @property
    def outstanding(self) -> int:
        """Batches polled and not done."""

    def lag(self) -> Mapping[int, int]:
        """Return records behind, by assigned partition, from what the client knows
        without asking the broker.
        """

    def group_lag(self) -> Mapping[int, PartitionLag | None] | None:
        """Return how far the whole group is with each partition, asking the brokers.

        None for a partition that does not answer, and for all when Kafka is away.
        """

    def why_away(self) -> BrokerUnavailableError:
        """Return why the broker gave no answer, as far as that is known."""

    def close(self) -> None:
        """Commit what is done and leave the group, within a few seconds."""


class Telemetry(Protocol):
    """Counts what happens; may be called from any thread, costs about a microsecond."""

    def accepted(self, count: int) -> None:
        """``count`` orders were committed."""

    def settled(self, status: OrderStatus, ages_seconds: Sequence[float]) -> None:
        """Orders reached ``status``; ages run from their acceptance."""

    def refunded(self, payment_status: PaymentStatus) -> None:
        """Money of an order went back, which left it in ``payment_status``."""

    def rejected(self, reason: str, count: int = 1) -> None:
        """``count`` requests were refused."""

    def published(self, count: int) -> None:
        """``count`` events were confirmed by Kafka."""

    def unknown_orders(self, count: int) -> None:
        """``count`` records named orders that the database does not have."""

    def compare_and_set_lost(self, count: int) -> None:
        """``count`` settlements found their order already moved on."""

    def settlements_held(self, count: int) -> None:
        """``count`` settlements were put off: others hold their orders."""

    def actor_restarted(self, role: str) -> None:
        """An actor was replaced."""


class Log(Protocol):
    """The part of a structlog logger that actors use."""

    def debug(self, event: str, **fields: object) -> None:
        """Log a step."""

    def info(self, event: str, **fields: object) -> None:
        """Log a fact."""

    def warning(self, event: str, **fields: object) -> None:
        """Log what an operator should know."""

    def error(self, event: str, **fields: object) -> None:
        """Log what an operator should act on."""

    def critical(self, event: str, **fields: object) -> None:
        """Log what ends the process."""

    def exception(self, event: str, **fields: object) -> None:
        """An error, with the exception being handled."""


Clock = Callable[[], float]
"""``time.monotonic`` or a test's stand-in; seconds."""

WallClock = Callable[[], datetime]
