"""Changes orders on request: each one is a compare-and-set with all its rows."""

import random
import time
from datetime import datetime
from typing import NamedTuple

from orders.domain.causes import RULE
from orders.domain.changing import (
    Attempts,
    Changed,
    ChangeOutcome,
    OrderAbsent,
    OrderChange,
    OrderUnreadable,
    RefundReplayed,
    after,
    decide_change,
)
from orders.domain.events import event_type
from orders.domain.intake import IdempotencyKey, KeyBusy, KeyReused, Replayed
from orders.domain.money import CURRENCY_DIGITS
from orders.domain.order import SETTLED, Order, OrderStatus
from orders.domain.refunding import RefundSteps, decide_refund
from orders.domain.refunds import Refund, RefundState, RefundWish
from orders.domain.settlement import Settlement
from orders.domain.transitions import Change
from orders.persistence.failures import ContentionError
from orders.persistence.identity import NodeIdentity
from orders.persistence.refunding import RefundRows
from orders.persistence.rows import encode_json, id_array, order_from_columns
from orders.persistence.session import Session
from orders.persistence.statements import Statements

_PAUSE_SECONDS = (0.005, 0.03)
_RETRIED = event_type(Change.PAYMENT_RETRIED)


class _NothingStoredError(Exception):
    """Ends a transaction that is to leave no trace; carries its outcome."""

    def __init__(self, outcome: ChangeOutcome) -> None:
        super().__init__()
        self.outcome = outcome


class _OvertakenError(Exception):
    """Someone else changed the order between our look and our compare-and-set."""


class _KeyHeldError(Exception):
    """Another request took the key first; it may still be under way."""


class _Step(NamedTuple):
    """One move of an order, and what its history is to say of it."""

    settlement: Settlement
    actor: str
    reason: str | None


class _Decided(NamedTuple):
    """What is to be written: moves in their order, and the refund they are for."""

    order: Order
    steps: tuple[_Step, ...]
    refund_amount: int | None = None


class PostgresChangeStore:
    """Changes one order at a time, in one transaction each.

    Owned by one thread. Locks come in one order everywhere: first the key, then the
    order. The session should have a ``lock_timeout`` of about 50 ms.

    Args:
        max_attempts: how often an order's payment is tried, the first one included.
        watch_after_seconds: when the sweeper looks at an order that was opened again.
        patience_seconds: how long a change is tried again while others hold its key
            or its order; 0.0 for who has other changes to make meanwhile.

    """

    def __init__(
        self,
        session: Session,
        identity: NodeIdentity,
        *,
        max_attempts: int,
        watch_after_seconds: float,
        patience_seconds: float,
    ) -> None:
        changing = Statements("changing.sql")
        self._session = session
        self._identity = identity
        self._max_attempts = max_attempts
        self._watch_after_seconds = watch_after_seconds
        self._patience_seconds = patience_seconds
        self._refunds = RefundRows(session)
        self._take_key = changing["take_key"]
        self._lock_order = changing["lock_order"]
        self._count_events = changing["count_events"]
        self._record_change = changing["record_change"]
        self._watch_order = changing["watch_order"]
        self._move_orders = Statements("settlement.sql")["move_orders"]
        self._read_key_holders = Statements("intake.sql")["read_key_holders"]
        self._read_orders = Statements("reading.sql")["read_orders"]
        self._confirm = Statements("session.sql")["confirm"]

    def change(self, wanted: OrderChange) -> ChangeOutcome:
        """Apply ``wanted`` if the order allows it, and say what became of it.

        Only ``Changed`` leaves a trace: a refusal does not use up its key.

        Raises:
            ContentionError: others hold the order; nothing was stored.
            DatabaseUnavailableError: see its ``outcome_unknown``. With a key, trying
                again is harmless.

        """
        node_id = self._identity.node_id(self._session)
        patience_ends = time.monotonic() + self._patience_seconds
        while True:
            last = time.monotonic() >= patience_ends
            try:
                return self._confirmed(self._change_once(wanted, node_id))
            except (_OvertakenError, ContentionError):
                if last:
                    raise ContentionError("others keep the order busy") from None
            except _KeyHeldError:
                if last:
                    return KeyBusy()
            _pause()

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _confirmed(self, outcome: ChangeOutcome) -> ChangeOutcome:
        """See ``HeldOrders``: what was found is to be on the standby too."""
        if isinstance(outcome, Replayed | RefundReplayed):
            self._session.write(self._confirm, (), bool)
        return outcome

    def _change_once(self, wanted: OrderChange, node_id: int) -> ChangeOutcome:
        try:
            with self._session.transaction():
                self._hold_key(wanted)
                decided = self._decide(wanted)
                for step in decided.steps:
                    self._move(step.settlement)
                    at = self._record(step, wanted.traceparent, node_id)
                refund = self._keep_refund(wanted, decided, at)
        except _NothingStoredError as nothing:
            return nothing.outcome
        *before, last = (step.settlement for step in decided.steps)
        return Changed(
            last,
            after(decided.order, last, at),
            wanted.traceparent,
            tuple(before),
            refund,
        )

    def _hold_key(self, wanted: OrderChange) -> None:
        """Take the key, or end the transaction with its first request's outcome."""
        key = wanted.key
        if key is None:
            return
        parameters = (
            wanted.tenant_id,
            key.route,
            key.key,
            wanted.order_id,
            key.fingerprint,
        )
        try:
            taken = self._session.write(self._take_key, parameters, bool)
        except ContentionError as contention:
            if contention.on_table:
                raise
            raise _KeyHeldError from None
        if not taken:
            raise _NothingStoredError(self._earlier(wanted, key))

    def _earlier(self, wanted: OrderChange, key: IdempotencyKey) -> ChangeOutcome:
        """Return the answer for a key that was used before."""
        tenant_id = wanted.tenant_id
        asked = {"place": 0, "tenant": tenant_id, "route": key.route, "key": key.key}
        rows = self._session.read(
            self._read_key_holders, (encode_json([asked]).decode(),), _holder
        )
        if not rows:
            raise _KeyHeldError  # deleted meanwhile: the next try finds it free
        fingerprint, order_id = rows[0]
        if fingerprint != key.fingerprint:
            return KeyReused()
        found = self._session.read(
            self._read_orders, (id_array([order_id]),), order_from_columns
        )
        if not found:
            return OrderAbsent()
        if wanted.refund is None:
            return Replayed(found[0])
        return RefundReplayed(found[0], self._refunds.of_key(order_id, key.key))

    def _decide(self, wanted: OrderChange) -> _Decided:
        """Return the order as it is, and the compare-and-sets that are to change it."""
        ids = (wanted.order_id,)
        found = self._session.read(self._lock_order, ids, order_from_columns)
        if not found or found[0].tenant_id != wanted.tenant_id:
            raise _NothingStoredError(OrderAbsent())
        order = found[0]
        why = _unreadable(order)
        if why is not None:
            raise _NothingStoredError(OrderUnreadable(order.order_id, why))
        attempts = Attempts(1 + self._retries(order), self._max_attempts)
        if wanted.refund is not None:
            return self._decide_refund(order, wanted, wanted.refund, attempts)
        settlement = decide_change(order, wanted, attempts)
        if not isinstance(settlement, Settlement):
            raise _NothingStoredError(settlement)
        return _Decided(order, (_Step(settlement, wanted.actor, wanted.reason),))

    def _decide_refund(
        self, order: Order, wanted: OrderChange, wish: RefundWish, attempts: Attempts
    ) -> _Decided:
        refunded = self._refunds.refunded(order.order_id, order.version)
        decided = decide_refund(order, wanted, wish, refunded, attempts)
        if not isinstance(decided, RefundSteps):
            raise _NothingStoredError(decided)
        asked = _Step(decided.started, wanted.actor, wanted.reason)
        approved = _Step(decided.finished, RULE, None)
        return _Decided(order, (asked, approved), decided.amount)

    def _keep_refund(
        self, wanted: OrderChange, decided: _Decided, at: datetime
    ) -> Refund | None:
        if wanted.refund is None or decided.refund_amount is None:
            return None
        order, last = decided.order, decided.steps[-1].settlement
        refund = Refund(
            wanted.refund.refund_id,
            order.order_id,
            order.tenant_id,
            last.version,
            order.request.currency,
            decided.refund_amount,
            RefundState.SUCCEEDED,
            wanted.actor,
            wanted.reason,
            at,
        )
        self._refunds.keep(refund, None if wanted.key is None else wanted.key.key)
        return refund

    def _retries(self, order: Order) -> int:
        """Count them where they matter: a failed payment alone is tried again.

        Should one come in between, the version moves and the compare-and-set fails.
        """
        if order.status is not OrderStatus.FAILED:
            return 0
        parameters = (order.order_id, _RETRIED)
        [count] = self._session.read(self._count_events, parameters, int)
        return count

    def _move(self, settlement: Settlement) -> None:
        order = settlement.order
        ids = id_array([order.order_id])
        parameters = (ids, *settlement.target, *order.state, order.version)
        if not self._session.write(self._move_orders, parameters, str):
            raise _OvertakenError

    def _record(self, step: _Step, traceparent: str | None, node_id: int) -> datetime:
        settlement = step.settlement
        order, notice = settlement.order, settlement.notice
        parameters = (
            order.order_id,
            settlement.version,
            event_type(settlement.change),
            settlement.event_data,
            step.actor,
            step.reason,
            traceparent,
            node_id,
            None if notice is None else notice.channel,
            order.tenant_id,
            order.user_id,
            None if notice is None else notice.message,
        )
        [at] = self._session.write(self._record_change, parameters, _only)
        if order.state.status in SETTLED and settlement.target.status not in SETTLED:
            watch = (order.order_id, self._watch_after_seconds)
            self._session.change(self._watch_order, watch)
        return at


def _unreadable(order: Order) -> str | None:
    currency = order.request.currency
    if currency not in CURRENCY_DIGITS:
        return f"currency: {currency}"
    return order.unreadable


def _only(at: datetime) -> datetime:
    return at


def _holder(_place: int, fingerprint: bytes, order_id: str) -> tuple[bytes, str]:
    return fingerprint, order_id


def _pause() -> None:
    """Let the other side finish; jitter keeps nodes out of step."""
    time.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - no secret
