"""Finds what the other parts left behind; every age and lease is database time."""

from typing import NamedTuple

from orders.domain.events import OrderEvent
from orders.domain.order import UNSETTLED
from orders.domain.records import EventRef, OutboxState, ScanResult
from orders.persistence.identity import NodeIdentity
from orders.persistence.rows import text_array
from orders.persistence.session import Session
from orders.persistence.statements import Statements

SCAN_DELAY_SECONDS = 3.0
"""How far the scan stays behind the present; covers small steps of the clock."""

MAX_BACKOFF_SECONDS = 3600.0
"""The longest time between two looks at the same stuck order."""

_FIRST = EventRef("00000000-0000-0000-0000-000000000000", 0)


class _Mark(NamedTuple):
    """A place in the order of ages; times stay PostgreSQL's text, which has
    ``-infinity`` for the beginning.
    """

    created_at: str
    order_id: str


class PostgresSweepStore:
    """Leases, leftovers of the outbox, stuck orders and old keys.

    Owned by one thread. Where other roles write orders too, the session's role needs
    ``pg_read_all_stats``, or the scan cannot see their open transactions.

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
        self, older_than_seconds: float, limit: int
    ) -> list[OrderEvent]:
        """Return outbox rows of nodes whose lease lapsed, and rows of any node that
        are older than ``older_than_seconds``, by order id and version.
        """
        parameters = (older_than_seconds, limit)
        return self._session.read(
            self._sweeping["abandoned_outbox"], parameters, OrderEvent
        )

    def outbox_state(self, count_limit: int) -> OutboxState:
        """Return how far publishing is behind."""
        [state] = self._session.read(
            self._sweeping["outbox_state"], (count_limit,), OutboxState
        )
        return state

    def scan_unsettled(self, stuck_after_seconds: float, limit: int) -> ScanResult:
        """Move the scan forward by up to ``limit`` orders and note those that are
        unsettled for longer than ``stuck_after_seconds`` as stuck.

        The place is kept in the database, so the lease may move between nodes.
        """
        delay = (self._scan_delay_seconds,)
        sql = self._sweeping
        with self._session.transaction():
            [mark] = self._session.read(sql["lock_mark"], (), _Mark)
            [bound] = self._session.read(sql["scan_bound"], delay, str)
            parameters = (*mark, bound, stuck_after_seconds, self._unsettled, limit)
            [step] = self._session.write(sql["scan_unsettled"], parameters, ScanResult)
        [age] = self._session.read(sql["oldest_stuck_age"], (self._unsettled,), float)
        return ScanResult(step.scanned, max(age, step.oldest_unsettled_age_seconds))

    def due_stuck(self, limit: int, backoff_seconds: float) -> list[str]:
        """Return ids of stuck orders that are due, forget those settled meanwhile,
        and put the returned ones off: by ``backoff_seconds``, then twice that, up to
        an hour.
        """
        parameters = (limit, self._unsettled, backoff_seconds, MAX_BACKOFF_SECONDS)
        return self._session.write(self._sweeping["due_stuck"], parameters, str)

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
