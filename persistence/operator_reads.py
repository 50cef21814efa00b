"""What the command line asks the database; nothing here changes anything."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from orders.domain.listing import LAST_ID, OrderPage
from orders.domain.order import UNSETTLED, Order, OrderStatus
from orders.domain.records import HistoryEntry, OutboxState
from orders.persistence.reading import PostgresReadStore
from orders.persistence.rows import order_from_columns, text_array
from orders.persistence.session import Session
from orders.persistence.statements import Statements

MAX_EXAMINED = 100_000
"""Orders looked at for one page of a filtered list."""
MAX_COUNTED = 100_000
"""Where counting stops."""

_LAST_LETTER = 2**63 - 1
_MAX_NODES = 200
# An index by key serves each question; see ``persistence/database.py``.
_SETTINGS = {"enable_seqscan": "off", "enable_bitmapscan": "off"}


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Orders that are not settled; stuck ones are those the sweeper looks after."""

    count: int
    stuck: int
    oldest_age_seconds: float
    is_more: bool
    """Whether counting stopped early, so that there may be more."""


@dataclass(frozen=True, slots=True)
class LivingNode:
    """A node whose lease lasts, by the database's clock."""

    node_id: int
    name: str
    registered_at: datetime
    lease_seconds_left: float
    leases: list[str]
    """What it alone does for all nodes, such as sweeping."""


@dataclass(frozen=True, slots=True)
class LetterHead:
    """Where a dead letter came from and why it is one."""

    dead_letter_id: int
    topic: str
    partition: int
    offset: int
    reason: str
    buried_at: datetime


@dataclass(frozen=True, slots=True)
class StoredLetter(LetterHead):
    """A dead letter, whole; ``headers`` is JSON text: ``[[name, base64], ...]``."""

    key: bytes | None
    headers: str
    value: bytes | None


class OperatorReads:
    """Questions of an operator, each bounded in rows. Owned by one thread.

    Every method raises ``DatabaseUnavailableError`` when PostgreSQL does not answer
    or lacks the tables.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._statements = Statements("operator.sql")
        self._sweeping = Statements("sweeping.sql")
        self._orders = PostgresReadStore(session)

    def newest_orders(
        self,
        limit: int,
        *,
        status: OrderStatus | None = None,
        before: str | None = None,
        max_examined: int = MAX_EXAMINED,
    ) -> OrderPage:
        """Return up to ``limit`` orders, newest first; below the id ``before``.

        With a ``status`` it looks at ``max_examined`` orders at most; the page may
        then be short and still have a next one.
        """
        place = before or LAST_ID
        statuses = None if status is None else text_array([status])
        found = self._session.read(
            self._statements["newest_orders"],
            (place, max_examined, statuses, limit),
            order_from_columns,
        )
        if len(found) == limit:
            return OrderPage(tuple(found), found[-1].order_id)
        last = self._session.read(
            self._statements["last_examined"], (place, max_examined), str
        )
        return OrderPage(tuple(found), last[0] if last else None)

    def find_order(self, order_id: str) -> Order | None:
        """Return one order, whatever its tenant."""
        return self._orders.read_orders([order_id]).get(order_id)

    def history(self, order: Order) -> tuple[HistoryEntry, ...]:
        """Return what happened to ``order``, oldest first."""
        return self._orders.read_history(order.tenant_id, order.order_id) or ()

    def unsettled(self, max_counted: int = MAX_COUNTED) -> Unsettled:
        """Count the orders that are not settled."""
        [state] = self._session.read(
            self._statements["unsettled_state"],
            (text_array(UNSETTLED), max_counted, max_counted),
            Unsettled,
        )
        return state

    def outbox(self, max_counted: int = MAX_COUNTED) -> OutboxState:
        """Count the events that wait for Kafka."""
        [state] = self._session.read(
            self._sweeping["outbox_state"], (max_counted,), OutboxState
        )
        return state

    def living_nodes(self) -> tuple[LivingNode, ...]:
        """Return the nodes whose lease lasts, oldest first."""
        statement = self._statements["living_nodes"]
        return tuple(self._session.read(statement, (_MAX_NODES,), LivingNode))

    def count_dead_letters(self, max_counted: int = MAX_COUNTED) -> int:
        """Count the dead letters."""
        statement = self._sweeping["dead_letter_count"]
        [count] = self._session.read(statement, (max_counted,), int)
        return count

    def newest_dead_letters(
        self, limit: int, *, before: int = _LAST_LETTER
    ) -> tuple[LetterHead, ...]:
        """Return up to ``limit`` dead letters with ids below ``before``."""
        statement = self._statements["newest_dead_letters"]
        return tuple(self._session.read(statement, (before, limit), LetterHead))

    def find_dead_letter(self, dead_letter_id: int) -> StoredLetter | None:
        """Return one dead letter."""
        statement = self._statements["dead_letter"]
        found = self._session.read(statement, (dead_letter_id,), StoredLetter)
        return found[0] if found else None

    def server_version(self) -> str:
        """Return the server's version, such as ``18.1``."""
        [version] = self._session.read(self._statements["server_version"], (), str)
        return version


@contextmanager
def operator_reads(url: str) -> Iterator[OperatorReads]:
    """Give an operator's questions over one connection, closed at the end.

    Nothing connects before the first question.
    """
    session = Session(url, application_name="orders cli", settings=_SETTINGS)
    try:
        yield OperatorReads(session)
    finally:
        session.close()
