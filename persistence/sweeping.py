"""Finds what the other parts left behind; every age and lease is database time."""

from collections.abc import Sequence
from typing import NamedTuple

from orders.domain.events import OrderEvent
from orders.domain.order import UNSETTLED
from orders.domain.records import EventRef, OutboxState, ScanResult, StuckOrder
from orders.persistence.identity import NodeIdentity
from orders.persistence.rows import text_array
from orders.persistence.session import Session
from orders.persistence.statements import Statements

SCAN_DELAY_SECONDS = 3.0
"""How far the scan stays behind the present; covers small steps of the clock."""

WRITER_HOLDS_SECONDS = 60.0
"""How long an open transaction that may insert orders holds the search back; then it
goes round it, and comes back when the transaction has ended."""

MAX_BACKOFF_SECONDS = 30.0
"""The longest time between two looks at the same stuck order: so soon after what kept
it is healed it is settled."""

MAX_LOOKED_AT = 20_000
"""Rows gone through for the first that is unsettled; takes about 50 ms."""

_FIRST = EventRef("00000000-0000-0000-0000-000000000000", 0)


class _Mark(NamedTuple):
    """A place in the order of ages; times stay PostgreSQL's text, which has
    ``-infinity`` for the beginning.
    """

    created_at: str
    order_id: str
    held_at: str | None
    """When the transaction began that the search went round; None without one."""


class _Bound(NamedTuple):
    """Up to where the search may go, and the oldest transaction it must go round."""

    created_before: str
    behind_seconds: float
    open_since: str | None


class PostgresSweepStore:
    """Leases, leftovers of the outbox, stuck orders and old keys.

    Owned by one thread. Several nodes may do the same at once: each skips what another
    has locked. Where nodes have different roles these need ``pg_read_all_stats``, or
    the search keeps a minute behind each other's writing: it cannot see since when.

    Every method raises ``DatabaseUnavailableError`` when PostgreSQL does not answer.
    """

    def __init__(
        self,
        session: Session,
        identity: NodeIdentity,
        *,
        scan_delay_seconds: float = SCAN_DELAY_SECONDS,
    ) -> None:
        self._session = session
        self._identity = identity
        self._scan_delay_seconds = scan_delay_seconds
        self._nodes = Statements("nodes.sql")
        self._sweeping = Statements("sweeping.sql")
        self._unsettled = text_array(UNSETTLED)

    def renew_node(self, lease_seconds: float) -> None:
        """Extend this node's own lease; registers anew where the row is gone.

        Also forgets nodes that have been gone for a day.
        """
        node_id = self._identity.node_id(self._session)
        renewed = self._session.change(
            self._nodes["renew_node"], (node_id, lease_seconds)
        )
        if not renewed:
            self._identity.forget(node_id)
            self._identity.node_id(self._session)
        self._session.change(self._nodes["forget_dead_nodes"], ())

    def hold_lease(self, name: str, lease_seconds: float) -> bool:
        """Take or extend the named lease; False while another node holds it."""
        node_id = self._identity.node_id(self._session)
        parameters = (name, node_id, lease_seconds)
        return self._session.change(self._nodes["hold_lease"], parameters) == 1

    def own_outbox(
        self, after: EventRef | None, older_than_seconds: float, limit: int
    ) -> list[OrderEvent]:
        """Return this node's outbox rows by order id and version, behind ``after``.

        Order ids sort by the time they were made, so the oldest orders come first.
        """
        place = _FIRST if after is None else after
        node_id = self._identity.node_id(self._session)
        parameters = (node_id, *place, older_than_seconds, limit)
        return self._session.read(self._sweeping["own_outbox"], parameters, OrderEvent)

    def abandoned_outbox(
        self, after: EventRef | None, older_than_seconds: float, limit: int
    ) -> list[OrderEvent]:
        """Return outbox rows of nodes whose lease lapsed, and rows of any node that
        are older than ``older_than_seconds``, by order id and version, behind
        ``after``.
        """
        place = _FIRST if after is None else after
        parameters = (*place, older_than_seconds, limit)
        return self._session.read(
            self._sweeping["abandoned_outbox"], parameters, OrderEvent
        )

    def outbox_state(self, count_limit: int) -> OutboxState:
        """Return how far publishing is behind."""
        [state] = self._session.read(
            self._sweeping["outbox_state"], (count_limit,), OutboxState
        )
        return state

    def scan_unsettled(
        self, stuck_after_seconds: float, limit: int
    ) -> ScanResult | None:
        """Move the search forward by up to ``limit`` orders and note those that are
        unsettled for longer than ``stuck_after_seconds`` as stuck.

        The place is kept in the database; None while another node moves it.
        """
        sql = self._sweeping
        with self._session.transaction():
            marks = self._session.read(sql["lock_mark"], (), _Mark)
            if not marks:
                return None
            limits = (self._scan_delay_seconds, WRITER_HOLDS_SECONDS)
            [bound] = self._session.read(sql["scan_bound"], limits, _Bound)
            self._mind_open_transaction(marks[0].held_at, bound.open_since)
            parameters = (
                bound.created_before,
                stuck_after_seconds,
                self._unsettled,
                limit,
            )
            [scanned] = self._session.write(sql["scan_unsettled"], parameters, int)
        return ScanResult(scanned, bound.behind_seconds)

    def oldest_unsettled_age(self) -> float | None:
        """Return the age of the oldest unsettled order, 0.0 without one; None while
        too many settled ones lie before it to tell, which the next sweeps clear away.
        """
        parameters = (self._unsettled, MAX_LOOKED_AT)
        statement = self._sweeping["oldest_unsettled_age"]
        [found] = self._session.read(statement, parameters, _first_column)
        return found

    def forget_settled(self, limit: int) -> int:
        """Look at up to ``limit`` stuck orders that are due and forget those settled
        since, or gone; return how many.
        """
        parameters = (limit, self._unsettled)
        return self._session.change(self._sweeping["forget_settled"], parameters)

    def due_stuck(
        self, limit: int, older_than_seconds: float, backoff_seconds: float
    ) -> list[StuckOrder]:
        """Return stuck orders that are due, unsettled and old enough, and put them
        off: by ``backoff_seconds``, then twice that, up to half a minute.
        """
        parameters = (
            MAX_LOOKED_AT,
            older_than_seconds,
            self._unsettled,
            limit,
            backoff_seconds,
            MAX_BACKOFF_SECONDS,
        )
        return self._session.write(self._sweeping["due_stuck"], parameters, StuckOrder)

    def excuse_stuck(self, order_ids: Sequence[str], until_age_seconds: float) -> None:
        """Put stuck orders off until they are so old; it counts as no try."""
        parameters = (text_array(order_ids), until_age_seconds)
        self._session.change(self._sweeping["excuse_stuck"], parameters)

    def delete_expired_keys(self, older_than_seconds: float, limit: int) -> int:
        """Delete up to ``limit`` idempotency keys past their time; return how many."""
        parameters = (older_than_seconds, limit)
        return self._session.change(self._sweeping["delete_expired_keys"], parameters)

    def dead_letter_count(self, limit: int) -> int:
        """Count dead letters, up to ``limit``."""
        [count] = self._session.read(self._sweeping["dead_letter_count"], (limit,), int)
        return count

    def release(self) -> None:
        """Give up this node's lease and every named one, so others act at once."""
        node_id = self._identity.registered_id
        if node_id is None:
            return
        self._session.change(self._nodes["end_named_leases"], (node_id,))
        self._session.change(self._nodes["end_node_lease"], (node_id,))

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _mind_open_transaction(self, held_at: str | None, now_held: str | None) -> None:
        """Go round a transaction that is open for too long, and come back once it
        ended: its orders lie behind the mark then.
        """
        if held_at == now_held:
            return
        if held_at is not None:
            self._session.change(self._sweeping["go_back"], (held_at,))
        if now_held is None:
            self._session.change(self._sweeping["end_hold"], ())
        else:
            self._session.change(self._sweeping["note_hold"], (now_held,))


def _first_column(value: float | None) -> float | None:
    return value
