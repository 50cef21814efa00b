"""Reads everything that is stored, order by order, and changes nothing.

One REPEATABLE READ READ ONLY transaction gives one view of six tables. Each is read
through a cursor in the order of the order ids, a page at a time, and the six are
merged here: memory does not grow with the number of orders.

While the transaction lasts, vacuum keeps what it may still see, and the sweeper does
not look for stuck orders younger than it.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from orders.domain.audit import (
    AuditedOrder,
    RecordPlace,
    StoredEvent,
    StoredKey,
    StoredOrder,
    StoredRefund,
    WaitingEvent,
)
from orders.domain.notices import Notice
from orders.domain.records import EventRef
from orders.persistence.connection import SessionLimits
from orders.persistence.rows import id_array
from orders.persistence.session import Session
from orders.persistence.statements import Statement, Statements

_LIMITS = SessionLimits(statement=300.0, idle_in_transaction=300.0)
"""The first page of the keys waits for the server to sort them all."""
_SETTINGS = {"work_mem": "32MB"}


class _HasOrderId(Protocol):
    @property
    def order_id(self) -> str: ...


Row = TypeVar("Row", bound=_HasOrderId)


class PostgresOrderAudit:
    """What a check asks of PostgreSQL. Owned by one thread.

    Every method raises ``DatabaseUnavailableError`` when PostgreSQL does not answer
    or lacks the tables; a read-only role is enough.

    Args:
        url: a libpq URL or key-value string.
        topic: the topic whose dead letters are asked for.

    """

    def __init__(self, url: str, topic: str) -> None:
        self._session = Session(
            url,
            application_name="orders verify",
            settings=_SETTINGS,
            limits=_LIMITS,
        )
        self._topic = topic
        self._statements = Statements("audit.sql")

    @contextmanager
    def snapshot(self) -> Iterator[Iterator[AuditedOrder]]:
        """Give all that is committed now, merged by order id, ascending.

        The view is fixed on entering; the rows are read as they are iterated over.
        """
        with self._session.transaction():
            self._session.change(self._statements["begin_audit"], ())
            tables = (
                self._table("orders", StoredOrder),
                self._table("history", StoredEvent),
                self._table("notices", Notice),
                self._table("waiting", WaitingEvent),
                self._table("keys", StoredKey),
                self._table("refunds", StoredRefund),
            )
            yield _merge(*tables)

    def find_events(self, events: Sequence[EventRef]) -> dict[EventRef, StoredEvent]:
        """Return those of ``events`` that are in the history now, of 1,000 at most."""
        wanted = set(events)
        rows = self._session.read(
            self._statements["find_events"],
            (id_array({event.order_id for event in wanted}),),
            StoredEvent,
        )
        found = {EventRef(row.order_id, row.version): row for row in rows}
        return {event: found[event] for event in wanted & found.keys()}

    def find_buried(self, places: Sequence[RecordPlace]) -> set[RecordPlace]:
        """Return those of ``places`` that have dead letters, of 1,000 at most."""
        parameters = (
            self._topic,
            [place.partition for place in places],
            [place.offset for place in places],
        )
        statement = self._statements["buried_places"]
        return set(self._session.read(statement, parameters, RecordPlace))

    def count_dead_letters(self) -> int:
        """Return how many dead letters the topic has."""
        statement = self._statements["count_letters"]
        [count] = self._session.read(statement, (self._topic,), int)
        return count

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _table(self, name: str, make: Callable[..., Row]) -> "_Table[Row]":
        self._session.change(self._statements[f"open_{name}"], ())
        return _Table(self._session, self._statements[f"fetch_{name}"], make)


@contextmanager
def order_audit(url: str, topic: str) -> Iterator[PostgresOrderAudit]:
    """Give an audit over one connection, closed at the end."""
    audit = PostgresOrderAudit(url, topic)
    try:
        yield audit
    finally:
        audit.close()


class _Table(Generic[Row]):
    """One table's rows by order id, a page in memory."""

    def __init__(
        self, session: Session, fetch: Statement, make: Callable[..., Row]
    ) -> None:
        self._session = session
        self._fetch = fetch
        self._make = make
        self._page: deque[Row] = deque()
        self.next_id: str | None = None
        """The order id of the next row, None behind the last."""
        self._turn_page()

    def take(self, order_id: str) -> list[Row]:
        """Return the rows of ``order_id``, which no later row may precede."""
        rows: list[Row] = []
        while self.next_id == order_id:
            rows.append(self._page.popleft())
            if self._page:
                self.next_id = self._page[0].order_id
            else:
                self._turn_page()
        return rows

    def _turn_page(self) -> None:
        self._page.extend(self._session.read(self._fetch, (), self._make))
        self.next_id = self._page[0].order_id if self._page else None


def _merge(
    orders: _Table[StoredOrder],
    history: _Table[StoredEvent],
    notices: _Table[Notice],
    waiting: _Table[WaitingEvent],
    keys: _Table[StoredKey],
    refunds: _Table[StoredRefund],
) -> Iterator[AuditedOrder]:
    tables = (orders, history, notices, waiting, keys, refunds)
    while True:
        heads = [table.next_id for table in tables if table.next_id is not None]
        if not heads:
            return
        order_id = min(heads)
        row = orders.take(order_id)
        yield AuditedOrder(
            order_id,
            row[0] if row else None,
            history.take(order_id),
            notices.take(order_id),
            waiting.take(order_id),
            keys.take(order_id),
            refunds.take(order_id),
        )
