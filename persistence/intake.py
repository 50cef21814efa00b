"""Accepts orders: the one write that clients wait for."""

import random
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from orders.domain.errors import DatabaseUnavailableError
from orders.domain.intake import (
    KeyBusy,
    NewOrder,
    RowRefused,
    Stored,
    StoreOutcome,
)
from orders.failpoints.registry import failpoint
from orders.persistence.failures import ContentionError, RowsRefusedError
from orders.persistence.held_orders import HeldOrders
from orders.persistence.identity import NodeIdentity
from orders.persistence.rows import encode_orders
from orders.persistence.session import Session
from orders.persistence.statements import Statements

KEY_PATIENCE_SECONDS = 1.0
"""How long keyed orders are tried again while someone else holds a key."""

_PAUSE_SECONDS = (0.01, 0.04)


class _Insertion(NamedTuple):
    """What an intake statement returns."""

    at: datetime
    absent: list[str]
    """Ids that were not stored by this statement."""


Outcomes = dict[str, StoreOutcome]
"""By order id."""


class PostgresIntakeStore:
    """Stores batches of orders, each batch in one statement that commits by itself.

    Owned by one thread. The session should have a ``lock_timeout`` of about 200 ms:
    it bounds how long a batch waits for the first request of a key.
    """

    def __init__(self, session: Session, identity: NodeIdentity) -> None:
        statements = Statements("intake.sql")
        self._session = session
        self._identity = identity
        self._store_orders = statements["store_orders"]
        self._store_keyed_orders = statements["store_keyed_orders"]
        self._probe = statements["probe"]
        self._held = HeldOrders(session)
        self._before_store = failpoint("intake.before_store")
        self._after_commit = failpoint("intake.after_commit")

    def store(
        self, orders: Sequence[NewOrder], *, again: bool = False
    ) -> list[StoreOutcome]:
        """Store ``orders`` durably; the outcomes come in the same order.

        One round trip, unless keys were used before or a row is at fault. With
        ``again``, orders that an earlier try with an unknown outcome did store are
        answered as ``Replayed``.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away. ``outcome_unknown`` is True
                when any of the orders may be stored, by this or the earlier try.

        """
        outcomes: Outcomes = {}
        try:
            self._store_groups(orders, outcomes)
        except DatabaseUnavailableError as error:
            unknown = again or error.outcome_unknown or bool(outcomes)
            raise DatabaseUnavailableError(
                str(error), outcome_unknown=unknown
            ) from error
        if again and any(isinstance(o, KeyBusy) for o in outcomes.values()):
            raise DatabaseUnavailableError(
                "the earlier try may still be running", outcome_unknown=True
            )
        return [outcomes[order.order_id] for order in orders]

    def probe(self) -> None:
        """Connect if need be and run one cheap statement.

        Raises:
            DatabaseUnavailableError: no answer, or the server is read-only.

        """
        [writable] = self._session.read(self._probe, (), bool)
        if not writable:
            self._session.close()
            raise DatabaseUnavailableError("the server is read-only")

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _store_groups(self, orders: Sequence[NewOrder], outcomes: Outcomes) -> None:
        """Store all at once, and in ever smaller groups where some stand out."""
        groups = deque([orders])
        patience_ends = time.monotonic() + KEY_PATIENCE_SECONDS
        while groups:
            group = groups.popleft()
            try:
                self._insert(group, outcomes)
            except RowsRefusedError as refusal:
                if len(group) == 1:
                    outcomes[group[0].order_id] = RowRefused(str(refusal))
                groups.extend(_halves(group))
            except ContentionError:
                unkeyed = [order for order in group if order.key is None]
                if len(unkeyed) == len(group):
                    raise
                if unkeyed:
                    groups.appendleft(unkeyed)
                    groups.append([order for order in group if order.key is not None])
                elif time.monotonic() < patience_ends:
                    _pause()
                    groups.extend(_halves(group) or (group,))
                else:
                    outcomes |= {order.order_id: KeyBusy() for order in group}

    def _insert(self, orders: Sequence[NewOrder], outcomes: Outcomes) -> None:
        """Run one intake statement and note what became of each order."""
        keyed = any(order.key is not None for order in orders)
        statement = self._store_keyed_orders if keyed else self._store_orders
        node_id = self._identity.node_id(self._session)
        try:
            batch = encode_orders(orders).decode()
        except UnicodeEncodeError as error:
            raise RowsRefusedError(error.reason) from error
        if self._before_store is not None:
            self._before_store()
        [(at, absent)] = self._session.write(statement, (batch, node_id), _Insertion)
        if self._after_commit is not None:
            self._after_commit()
        stored = Stored(at)
        lost = set(absent)
        for order in orders:
            if order.order_id not in lost:
                outcomes[order.order_id] = stored
        if lost:
            earlier = [order for order in orders if order.order_id in lost]
            outcomes |= self._held.answer(earlier)


def _halves(group: Sequence[NewOrder]) -> tuple[Sequence[NewOrder], ...]:
    """Return both halves, or nothing where there is only one order."""
    middle = len(group) // 2
    return (group[:middle], group[middle:]) if middle else ()


def _pause() -> None:
    """Let the holder of a key finish; jitter keeps nodes out of step."""
    time.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - no secret
