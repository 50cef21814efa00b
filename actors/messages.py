"""What actors send each other: frozen, imperative, in batches.

A message that carries work travels through a bounded lane (``offer``); one that
carries control goes straight into an actor's inbox (``tell``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from orders.domain.changing import ChangeOutcome, OrderChange
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.events import OrderEvent
from orders.domain.intake import NewOrder, StoreOutcome
from orders.domain.listing import OrderFilters, OrderPage
from orders.domain.notices import Notification
from orders.domain.order import Order
from orders.domain.records import DeadLetter, EventRef, HistoryEntry, PartitionLag
from orders.domain.refunds import OrderRefunds
from orders.domain.settlement import Settlement


class Ticket(Protocol):
    """A parked HTTP request; resumed once, by its answer or by its deadline."""

    @property
    def deadline(self) -> float:
        """When the client is told that it is late; ``time.monotonic()`` seconds."""

    def is_wanted(self, now: float, *, half_open: bool = False) -> bool:
        """Tell whether an answer would still reach a client; any thread.

        Not once it was answered, its deadline has passed, or its connection is gone;
        nor when the client ended its side a while ago, unless ``half_open``.
        """


class Replies(Protocol):
    """The way back to the HTTP event loop; may be called from any thread."""

    def answer(self, answers: Sequence[tuple[Ticket, object]]) -> None:
        """Resume each ticket with its value, the whole batch in one hand-over."""


# --- answers to tickets ------------------------------------------------------


class Refused(NamedTuple):
    """The work was not done; ``reason`` is a code of the API's problems."""

    reason: str
    retry_after_seconds: float


INTERNAL_ERROR = "internal_error"
NOT_STORED = "not_stored"
OUTCOME_UNKNOWN = "outcome_unknown"
DATABASE_UNAVAILABLE = "database_unavailable"
OVERLOADED = "overloaded"
DRAINING = "draining"
TOO_MANY_UNPUBLISHED = "too_many_unpublished"

RETRY_AFTER_SECONDS = 2.0


def refusal_of(error: DatabaseUnavailableError) -> Refused:
    """Return the answer to a request that ``error`` kept from PostgreSQL."""
    reason = DATABASE_UNAVAILABLE if error.server_is_away else OVERLOADED
    return Refused(reason, RETRY_AFTER_SECONDS)


SubmissionAnswer = StoreOutcome | Refused
ChangeAnswer = ChangeOutcome | Refused
OrderAnswer = Order | None | Refused
HistoryAnswer = tuple[HistoryEntry, ...] | None | Refused
RefundsAnswer = OrderRefunds | None | Refused
NotificationsAnswer = tuple[Notification, ...] | Refused
OrdersAnswer = OrderPage | Refused


# --- work --------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Claimable:
    """Work that one thread takes up unless another one calls it off before."""

    dropped: bool = False
    """Claimed by somebody who will never do it."""
    _unclaimed: list[None] = field(default_factory=lambda: [None])

    def drop(self) -> bool:
        """Claim it in order not to do it; True as for ``claim``."""
        self.dropped = self.claim() or self.dropped
        return self.dropped

    def claim(self) -> bool:
        """Take it; True for the first caller only, whatever the threads."""
        try:
            self._unclaimed.pop()
        except IndexError:
            return False
        return True

    def unclaim(self) -> None:
        """Let it be claimed again, by who holds it: nothing was done."""
        self._unclaimed.append(None)


@dataclass(slots=True)
class Submission(Claimable):
    """One request to store an order, and who waits for the outcome.

    The writer claims it before the first statement, the HTTP loop when its
    deadline passes; the first one wins. So a refusal ``not_stored`` is certain.
    """

    order: NewOrder
    ticket: Ticket
    deadline: float
    """``time.monotonic()`` seconds."""
    tried: bool = False
    """The writer has sent it to PostgreSQL at least once; the writer's alone."""
    done: bool = False
    """It is answered, or kept apart from the batch it came in; the writer's alone."""


@dataclass(slots=True)
class ChangeOrder(Claimable):
    """One request to change an order; claimed as a ``Submission`` is."""

    change: OrderChange
    ticket: Ticket
    deadline: float
    """``time.monotonic()`` seconds."""
    tried: bool = False
    """It was sent to PostgreSQL at least once; the changer's alone."""
    held_since: float | None = None
    """When others were first seen to hold its order or key; the changer's alone."""


@dataclass(frozen=True, slots=True)
class StoreOrders:
    """Store these in one transaction and answer their tickets."""

    submissions: tuple[Submission, ...]


@dataclass(frozen=True, slots=True)
class PublishEvents:
    """Publish these; their outbox rows wait for the confirmation."""

    events: tuple[OrderEvent, ...]


@dataclass(frozen=True, slots=True)
class ForgetPublished:
    """Kafka has these: delete their outbox rows."""

    events: tuple[EventRef, ...]


class Receipt(NamedTuple):
    """Who is told once a part of a batch of records is safely in PostgreSQL."""

    role: str
    token: int
    part: str = "orders"
    """``orders``, or ``letters`` for the batch's dead letters."""
    generation: int = 0
    """Which holder of the role gave the token: its successor's tokens are others."""


@dataclass(frozen=True, slots=True)
class ResolvePayments:
    """Look at these orders and settle those that can be settled."""

    order_ids: tuple[str, ...]
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class SettleOrders:
    """Write these outcomes in one transaction, then acknowledge the receipts."""

    settlements: tuple[Settlement, ...]
    receipts: tuple[Receipt, ...] = ()


@dataclass(frozen=True, slots=True)
class BuryRecords:
    """Write these dead letters, then acknowledge the receipt."""

    letters: tuple[DeadLetter, ...]
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class NotifyCustomers:
    """These orders were settled by a committed transaction."""

    settlements: tuple[Settlement, ...]
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class ReadOrder:
    """Answer the ticket with the order, or None where the tenant has no such."""

    tenant_id: str
    order_id: str
    ticket: Ticket
    wait_until: float | None = None
    """``time.monotonic()`` seconds: answer when settled, at the latest then."""


@dataclass(frozen=True, slots=True)
class ReadHistory:
    """Answer the ticket with the order's history, or None where there is none."""

    tenant_id: str
    order_id: str
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class ReadRefunds:
    """Answer the ticket with the order's refunds, or None where there is no order."""

    tenant_id: str
    order_id: str
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class ReadNotifications:
    """Answer the ticket with a user's newest notifications."""

    tenant_id: str
    user_id: int
    limit: int
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class ReadOrders:
    """Answer the ticket with a page of the tenant's orders, newest first."""

    tenant_id: str
    filters: OrderFilters
    before: str | None
    """The page begins below this id."""
    limit: int
    ticket: Ticket


DetailQuestion = ReadHistory | ReadRefunds
"""What is asked about one order, beside the order itself."""
PageQuestion = ReadNotifications | ReadOrders
"""What goes through many rows."""
Question = ReadOrder | DetailQuestion | PageQuestion


# --- control -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wake:
    """There is something in your lane, or room in the one behind you."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Show that you are alive."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The time you asked for has come; only the latest number counts."""

    number: int


@dataclass(frozen=True, slots=True)
class Poll:
    """Poll Kafka once more."""


@dataclass(frozen=True, slots=True)
class Drain:
    """Finish what you have, take nothing new from outside."""


@dataclass(frozen=True, slots=True)
class BatchDone:
    """This part of a batch of records is in PostgreSQL."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class OrdersSettled:
    """These orders reached a final state on this node."""

    order_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ActorRestarted:
    """An actor was replaced; what it had handed on may have been lost on the way."""

    role: str


@dataclass(frozen=True, slots=True)
class OutboxSuspect:
    """Some of this node's outbox rows may not be on their way to Kafka."""


@dataclass(frozen=True, slots=True)
class GroupLag:
    """How far the consumer group is with each partition of the topic.

    None in place of a partition that does not answer, and of all while Kafka is away.
    """

    partitions: Mapping[int, PartitionLag | None] | None
