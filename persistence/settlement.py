"""Writes what was decided about orders, each decision once."""

import random
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

import msgspec

from orders.domain.events import event_type
from orders.domain.order import UNSETTLED, OrderStatus, PaymentStatus
from orders.domain.records import DeadLetter, EventRef
from orders.domain.settlement import OpenOrder, Settled, Settlement
from orders.domain.transitions import State
from orders.failpoints.registry import failpoint
from orders.persistence.dead_letters import encode_letters
from orders.persistence.failures import ContentionError, RowsRefusedError
from orders.persistence.identity import NodeIdentity
from orders.persistence.rows import encode_json, id_array, text_array
from orders.persistence.session import Session
from orders.persistence.statements import Statements

HELD_SECONDS = 15.0
"""From meeting an order that another transaction holds to the next look at it."""

_TRIES = 5
_PAUSE_SECONDS = (0.005, 0.05)


class _MoveRow(msgspec.Struct, omit_defaults=True):
    """One settlement that won, named as ``record_settlements`` reads it."""

    id: str
    version: int
    type: str
    data: str
    tenant: str
    usr: int
    reason: str | None = None
    channel: str | None = None
    message: str | None = None


class PostgresSettlementStore:
    """Reads open orders and settles them by compare-and-set.

    Owned by one thread. The session should plan with index scans alone: rows are
    then locked in the order of their ids, the same on every node. Its
    ``lock_timeout``, about 200 ms, is what a batch loses to a row that others hold.

    Args:
        expire_after_seconds: when an order has waited too long for its payment, by the
            database's clock; never where it is 0.

    """

    def __init__(
        self,
        session: Session,
        identity: NodeIdentity,
        *,
        expire_after_seconds: float,
    ) -> None:
        statements = Statements("settlement.sql")
        self._session = session
        self._identity = identity
        self._expire_after_seconds = expire_after_seconds
        self._read_open = statements["read_open"]
        self._count_existing = statements["count_existing"]
        self._move_orders = statements["move_orders"]
        self._free_orders = statements["free_orders"]
        self._watch_held = statements["watch_held"]
        self._record_settlements = statements["record_settlements"]
        self._forget_published = statements["forget_published"]
        self._forget_unheld = statements["forget_unheld"]
        self._bury = statements["bury"]
        self._unsettled = text_array(UNSETTLED)
        self._before_store = failpoint("settle.before_store")
        self._before_commit = failpoint("settle.before_commit")
        self._after_commit = failpoint("settle.after_commit")
        self._before_delete = failpoint("outbox.before_delete")
        self._after_delete = failpoint("outbox.after_delete")

    def read_open(self, order_ids: Sequence[str]) -> tuple[list[OpenOrder], int]:
        """Return the unsettled orders, and how many ids exist nowhere.

        Raises:
            DatabaseUnavailableError: PostgreSQL did not answer.

        """
        wanted = set(order_ids)
        parameters = (id_array(wanted), self._unsettled, self._expire_after_seconds)
        found = self._session.read(self._read_open, parameters, _open_order)
        absent = wanted.difference(order.order_id for order in found)
        if not absent:
            return found, 0
        # Most of these are settled by now; only what does not exist is counted.
        [there] = self._session.read(self._count_existing, (id_array(absent),), int)
        return found, len(absent) - there

    def settle(self, settlements: Sequence[Settlement]) -> Settled:
        """Apply each settlement whose order is still as it was read.

        Deadlocks, lock timeouts and serialization failures are tried again a few
        times, without the orders that other transactions hold: these are ``held``,
        and noted for the sweeper. A settlement that PostgreSQL refuses does not hold
        up the others either.

        Raises:
            DatabaseUnavailableError: see its ``outcome_unknown``; trying again is
                harmless.

        """
        node_id = self._identity.node_id(self._session)
        if self._before_store is not None:
            self._before_store()
        settled = self._settle_stubbornly(settlements, node_id)
        if self._after_commit is not None:
            self._after_commit()
        return settled

    def forget_published(self, events: Sequence[EventRef]) -> None:
        """Delete the outbox rows of events that Kafka confirmed.

        Rows that others hold are left: the sweeper has them published again.

        Raises:
            DatabaseUnavailableError: trying again is harmless.

        """
        by_version: defaultdict[int, list[str]] = defaultdict(list)
        for event in events:
            by_version[event.version].append(event.order_id)
        if self._before_delete is not None:
            self._before_delete()
        for version, order_ids in sorted(by_version.items()):
            rows = (id_array(order_ids), version)
            try:
                self._session.change(self._forget_published, rows)
            except ContentionError:
                self._session.change(self._forget_unheld, rows)
        if self._after_delete is not None:
            self._after_delete()

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Keep records that cannot be processed; a repeated one is kept once.

        Raises:
            DatabaseUnavailableError: trying again is harmless.

        """
        self._session.change(self._bury, (encode_letters(letters),))

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _settle_stubbornly(
        self, settlements: Sequence[Settlement], node_id: int
    ) -> Settled:
        try:
            return self._settle_once(settlements, node_id)
        except ContentionError:
            _pause()
        for _ in range(_TRIES - 2):
            try:
                return self._settle_once(settlements, node_id, unheld=True)
            except ContentionError:
                _pause()
        return self._settle_once(settlements, node_id, unheld=True)

    def _settle_once(
        self,
        settlements: Sequence[Settlement],
        node_id: int,
        *,
        unheld: bool = False,
    ) -> Settled:
        """Settle all, or with ``unheld`` those alone that nobody else holds.

        Asking who holds what first would cost every batch a statement.
        """
        try:
            with self._session.transaction():
                free, held = self._free(settlements) if unheld else (settlements, ())
                won = self._move(free)
                at = self._record(won, node_id)
                if self._before_commit is not None:
                    self._before_commit()
            return Settled(tuple(won), at, held=held)
        except RowsRefusedError:
            return self._settle_what_can_be(settlements, node_id, unheld=unheld)

    def _free(
        self, settlements: Sequence[Settlement]
    ) -> tuple[Sequence[Settlement], tuple[Settlement, ...]]:
        """Lock and return what nobody else holds, and note the rest for the sweeper."""
        ids = id_array({settlement.order.order_id for settlement in settlements})
        free = set(self._session.read(self._free_orders, (ids,), str))
        held = tuple(s for s in settlements if s.order.order_id not in free)
        if held:
            ids = id_array({settlement.order.order_id for settlement in held})
            self._session.change(self._watch_held, (ids, HELD_SECONDS))
        return [s for s in settlements if s.order.order_id in free], held

    def _settle_what_can_be(
        self, settlements: Sequence[Settlement], node_id: int, *, unheld: bool
    ) -> Settled:
        """Settle in one transaction, and leave out those at fault."""
        won: list[Settlement] = []
        refused: list[Settlement] = []
        with self._session.transaction():
            free, held = self._free(settlements) if unheld else (settlements, ())
            self._settle_part(sorted(free, key=_order_id), node_id, won, refused)
            at = self._record([], node_id)
            if self._before_commit is not None:
                self._before_commit()
        return Settled(tuple(won), at, tuple(refused), held)

    def _settle_part(
        self,
        settlements: Sequence[Settlement],
        node_id: int,
        won: list[Settlement],
        refused: list[Settlement],
    ) -> None:
        """Settle all of them, or each half by itself: few statements for few faults."""
        try:
            with self._session.part():
                moved = self._move(settlements)
                self._record(moved, node_id)
        except RowsRefusedError:
            if len(settlements) == 1:
                refused.extend(settlements)
                return
            middle = len(settlements) // 2
            for half in (settlements[:middle], settlements[middle:]):
                self._settle_part(half, node_id, won, refused)
        else:
            won.extend(moved)

    def _move(self, settlements: Sequence[Settlement]) -> list[Settlement]:
        """Compare and set; return those that won, in the order given."""
        groups: defaultdict[tuple[State, State, int], list[str]] = defaultdict(list)
        for s in settlements:
            groups[s.target, s.order.state, s.order.version].append(s.order.order_id)
        moved: set[tuple[str, State]] = set()
        # The groups come in one order on every node, as their ids do.
        for (target, source, version), order_ids in sorted(groups.items()):
            rows = self._session.write(
                self._move_orders, (id_array(order_ids), *target, *source, version), str
            )
            moved.update((order_id, target) for order_id in rows)
        won: list[Settlement] = []
        for settlement in settlements:
            move = (settlement.order.order_id, settlement.target)
            if move in moved:
                moved.remove(move)  # the same settlement given twice wins once
                won.append(settlement)
        return won

    def _record(self, won: Sequence[Settlement], node_id: int) -> datetime:
        rows = encode_json([_move_row(settlement) for settlement in won]).decode()
        parameters = (rows, node_id)
        [at] = self._session.write(self._record_settlements, parameters, _only)
        return at


def _order_id(settlement: Settlement) -> str:
    return settlement.order.order_id


def _move_row(settlement: Settlement) -> _MoveRow:
    order, change, _, reason, data, notice = settlement
    row = _MoveRow(
        order.order_id,
        settlement.version,
        event_type(change),
        data,
        order.tenant_id,
        order.user_id,
        reason,
    )
    if notice is not None:
        row.channel = notice.channel
        row.message = notice.message
    return row


def _open_order(
    order_id: str,
    tenant_id: str,
    user_id: int,
    currency: str,
    total: int,
    status: str,
    payment_status: str,
    version: int,
    created_at: datetime,
    expired: bool,
) -> OpenOrder:
    state = _state(status, payment_status)
    return OpenOrder(
        order_id,
        tenant_id,
        user_id,
        currency,
        total,
        state,
        version,
        created_at,
        expired,
    )


@lru_cache(maxsize=len(OrderStatus) * len(PaymentStatus))
def _state(status: str, payment_status: str) -> State:
    return State(OrderStatus.told(status), PaymentStatus.told(payment_status))


def _only(at: datetime) -> datetime:
    return at


def _pause() -> None:
    """Let the other side finish; jitter keeps nodes out of step."""
    time.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - no secret
