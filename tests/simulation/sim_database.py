"""PostgreSQL as the service uses it: rows, row locks, transactions, its own clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sim_scheduler import Scheduler

from orders.domain.transitions import State

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_LOCK_LOOK_SECONDS = 0.02


class LockTimeoutError(Exception):
    """Others held a row for too long; SQLSTATE 55P03."""


@dataclass(slots=True)
class OrderRow:
    """An order as it is; ``columns`` are those that never change."""

    columns: dict[str, Any]
    state: State
    version: int
    created_at: float


@dataclass(frozen=True, slots=True)
class EventRow:
    """One row of the history."""

    version: int
    type: str
    data: str
    occurred_at: float


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A used idempotency key."""

    order_id: str
    fingerprint: bytes


@dataclass(slots=True)
class StuckRow:
    """An order noted as stuck."""

    created_at: float
    attempts: int
    next_attempt_at: float


@dataclass(slots=True, eq=False)
class Transaction:
    """What a transaction holds and will write; ``began`` is its ``now()``."""

    began: float
    locks: list[object] = field(default_factory=list)
    writes: list[Callable[[], object]] = field(default_factory=list)
    moved: set[str] = field(default_factory=set)
    afterwards: list[Callable[[], object]] = field(default_factory=list)
    """What a flawed service would write in a transaction of its own."""


class Database:
    """The tables. Writes show at COMMIT, all of a transaction at once."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self.away_until = 0.0
        self.expire_after_seconds = scheduler.random.choice((0.0, 4.0))
        """The setting of all nodes of this run."""
        self.orders: dict[str, OrderRow] = {}
        self.history: dict[str, list[EventRow]] = {}
        self.outbox: dict[tuple[str, int], tuple[int, float]] = {}
        """Node and age of each event that is not confirmed."""
        self.keys: dict[tuple[str, str, str], KeyRow] = {}
        self.contended: set[str] = set()
        """Keys that somebody waited for in vain."""
        self.notices: list[tuple[str, int, str]] = []
        self.nodes: dict[int, float] = {}
        self.leases: dict[str, tuple[int, float]] = {}
        self.mark = (-1.0, "")
        self.held_at: float | None = None
        self.stuck: dict[str, StuckRow] = {}
        self.stranger: Transaction | None = None
        """Somebody's transaction, for whom the scan does not wait."""
        self._open: set[Transaction] = set()
        self._locks: dict[object, Transaction] = {}

    @property
    def is_away(self) -> bool:
        """Whether connections are refused at present."""
        return self.away_until > self.scheduler.now

    @property
    def has_open_transactions(self) -> bool:
        """Whether somebody has begun a transaction and not ended it."""
        return bool(self._open)

    def begin(self) -> Transaction:
        """Begin a transaction."""
        transaction = Transaction(self.scheduler.now)
        self._open.add(transaction)
        return transaction

    def commit(self, transaction: Transaction) -> None:
        """Let the writes show, in one step, and let go of the locks."""
        for write in transaction.writes:
            write()
        self.roll_back(transaction)

    def roll_back(self, transaction: Transaction) -> None:
        """Let go of the locks; ending a transaction twice is harmless."""
        for what in transaction.locks:
            self._locks.pop(what, None)
        transaction.locks.clear()
        transaction.writes.clear()
        self._open.discard(transaction)

    def lock_if_free(self, transaction: Transaction, what: object) -> bool:
        """Take a row's lock, unless somebody else has it."""
        holder = self._locks.setdefault(what, transaction)
        if holder is transaction and what not in transaction.locks:
            transaction.locks.append(what)
        return holder is transaction

    def hold(self, order_id: str) -> None:
        """Let a stranger lock an order, if it is free."""
        stranger = Transaction(self.scheduler.now)
        if self.lock_if_free(stranger, ("order", order_id)):
            self.stranger = stranger

    def let_go(self) -> None:
        """Let the stranger go."""
        if self.stranger is not None:
            self.roll_back(self.stranger)
            self.stranger = None

    @property
    def held(self) -> object:
        """What the stranger locks, None where there is no stranger."""
        return None if self.stranger is None else self.stranger.locks[0]

    def lock(self, transaction: Transaction, what: object, seconds: float) -> None:
        """Take a row's lock, waiting for its holder.

        Raises:
            LockTimeoutError: somebody else has it for longer than ``seconds``.

        """
        give_up_at = self.scheduler.now + seconds
        while True:
            if self.lock_if_free(transaction, what):
                return
            if self.scheduler.now >= give_up_at:
                self.scheduler.note("lock_timeout", what)
                raise LockTimeoutError
            self.scheduler.pause(_LOCK_LOOK_SECONDS)

    def try_lock(self, transaction: Transaction, what: object) -> bool:
        """Take a row's lock unless another transaction has it."""
        if self._locks.get(what, transaction) is not transaction:
            return False
        self.lock(transaction, what, 0.0)
        return True

    def oldest_open(self, mine: Transaction) -> float:
        """Return when the oldest transaction of others began."""
        others = [t.began for t in self._open if t is not mine]
        return min(others, default=self.scheduler.now)


def moment(seconds: float) -> datetime:
    """Return a time of the database as psycopg would give it."""
    return _EPOCH + timedelta(seconds=seconds)
