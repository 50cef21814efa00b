"""Accepts orders: the one write that clients wait for."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from orders.domain.errors import DatabaseUnavailableError
from orders.domain.intake import (
    KeyBusy,
    NewOrder,
    Outcomes,
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

_FIRST_WAIT: Final = "50ms"
"""For someone else's key, while all orders of a batch wait with it."""
_BRIEF_WAIT: Final = "5ms"
"""While the held keys of a batch are told from the others."""
_SORTING_SECONDS: Final = 1.0
"""How long that is done; what is left is left to another call."""


class _Insertion(NamedTuple):
    """What an intake statement returns."""

    at: datetime
    absent: list[str]
    """Ids that were not stored by this statement."""


class PostgresIntakeStore:
    """Stores batches of orders, each batch in one statement that commits by itself.

    Owned by one thread.
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
        self,
        orders: Sequence[NewOrder],
        tell: Callable[[Outcomes], None] = lambda _: None,
        *,
        suspected: bool = False,
    ) -> list[StoreOutcome]:
        """Store ``orders`` durably; the outcomes come in the same order.

        One round trip, unless keys were used before or are held, or a row is at
        fault. ``tell`` gets the outcomes as they become certain, each once: before a
        held key is waited for, and also when an error follows. Orders whose keys
        someone else holds are ``KeyBusy`` after 5 ms, where the keys are
        ``suspected``, or 50 ms. An order that an earlier try with an unknown outcome
        did store is ``Replayed``.

        Raises:
            DatabaseUnavailableError: PostgreSQL is away, or with ``ContentionError``
                others hold a table. ``outcome_unknown`` is True when any of the
                orders that ``tell`` did not get may be stored.

        """
        outcomes: Outcomes = {}

        def note(part: Outcomes) -> None:
            outcomes.update(part)
            tell(part)

        wait = _BRIEF_WAIT if suspected else _FIRST_WAIT
        # Suspected keys are asked for one by one: together they would hide each other.
        groups = deque([[order] for order in orders] if suspected else [list(orders)])
        sorting_ends = time.monotonic() + _SORTING_SECONDS
        while groups:
            group = groups.popleft()
            try:
                self._insert(group, wait, note)
            except RowsRefusedError as refusal:
                if len(group) == 1:
                    note({group[0].order_id: RowRefused(str(refusal))})
                groups.extend(_halves(group))
            except ContentionError as contention:
                group = [order for order in group if order.order_id not in outcomes]
                keyed = [order for order in group if order.key is not None]
                if contention.on_table or not keyed:
                    raise
                wait = _BRIEF_WAIT
                if len(keyed) < len(group):
                    groups.appendleft([order for order in group if order.key is None])
                    groups.append(keyed)
                elif len(group) > 1 and time.monotonic() < sorting_ends:
                    groups.extend(_halves(group))
                else:
                    note({order.order_id: KeyBusy() for order in group})
        return [outcomes[order.order_id] for order in orders]

    def probe(self) -> None:
        """Connect if need be and commit next to nothing.

        Raises:
            DatabaseUnavailableError: no answer, the server is read-only, or a commit
                waits for a standby that is away.

        """
        [writable] = self._session.write(self._probe, (), bool)
        if not writable:
            self._session.close()
            raise DatabaseUnavailableError("the server is read-only")

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _insert(
        self, orders: Sequence[NewOrder], wait: str, note: Callable[[Outcomes], None]
    ) -> None:
        """Run one intake statement and note what became of each order."""
        keyed = any(order.key is not None for order in orders)
        node_id = self._identity.node_id(self._session)
        try:
            batch = encode_orders(orders).decode()
        except UnicodeEncodeError as error:
            raise RowsRefusedError(error.reason) from error
        if self._before_store is not None:
            self._before_store()
        parameters: tuple[object, ...] = (batch, node_id)
        statement = self._store_orders
        if keyed:
            statement, parameters = self._store_keyed_orders, (*parameters, wait)
        [(at, absent)] = self._session.write(statement, parameters, _Insertion)
        if self._after_commit is not None:
            self._after_commit()
        stored = Stored(at)
        lost = set(absent)
        note({o.order_id: stored for o in orders if o.order_id not in lost})
        if lost:
            earlier = [order for order in orders if order.order_id in lost]
            note(self._held.answer(earlier))


def _halves(group: list[NewOrder]) -> tuple[list[NewOrder], ...]:
    """Return both halves, or nothing where there is only one order."""
    middle = len(group) // 2
    return (group[:middle], group[middle:]) if middle else ()
