"""Answers for orders that were there before their request came."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orders.domain.intake import (
    KeyBusy,
    KeyReused,
    NewOrder,
    Replayed,
    RowRefused,
    StoreOutcome,
)
from orders.domain.order import Order
from orders.persistence.rows import encode_json, id_array, order_from_columns
from orders.persistence.session import Session
from orders.persistence.statements import Statements

ID_TAKEN = "the order id is taken by another order"


class _Holder(NamedTuple):
    """A key's first request, found for the asked key at ``place``."""

    place: int
    fingerprint: bytes
    order_id: str


class HeldOrders:
    """Looks up why an order was not stored.

    Always a statement of its own: the one that lost a key has a snapshot in which
    the winner's rows do not exist yet. What is found may have been committed by a
    server that crashed, or was told not to wait, before the synchronous standby had
    it: the answer waits until the standby has caught up with it.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._read_key_holders = Statements("intake.sql")["read_key_holders"]
        self._read_orders = Statements("reading.sql")["read_orders"]
        self._confirm = Statements("session.sql")["confirm"]

    def answer(self, orders: Sequence[NewOrder]) -> dict[str, StoreOutcome]:
        """Return the outcome of each of ``orders``, by its order id.

        Raises:
            DatabaseUnavailableError: PostgreSQL did not answer.

        """
        keyed = [order for order in orders if order.key is not None]
        unkeyed = [order for order in orders if order.key is None]
        found = self._by_key(keyed) | self._by_id(unkeyed)
        if any(isinstance(outcome, Replayed) for outcome in found.values()):
            self._session.write(self._confirm, (), bool)
        return found

    def _by_key(self, orders: Sequence[NewOrder]) -> dict[str, StoreOutcome]:
        if not orders:
            return {}
        asked = [
            {
                "place": place,
                "tenant": o.tenant_id,
                "route": o.key.route,
                "key": o.key.key,
            }
            for place, o in enumerate(orders)
            if o.key is not None
        ]
        parameters = (encode_json(asked).decode(),)
        rows = self._session.read(self._read_key_holders, parameters, _Holder)
        holders = {holder.place: holder for holder in rows}
        there = self._orders([holder.order_id for holder in rows])
        return {
            order.order_id: _outcome_of_key(order, holders.get(place), there)
            for place, order in enumerate(orders)
        }

    def _by_id(self, orders: Sequence[NewOrder]) -> dict[str, StoreOutcome]:
        if not orders:
            return {}
        there = self._orders([order.order_id for order in orders])
        return {
            order.order_id: _outcome_of_id(order, there.get(order.order_id))
            for order in orders
        }

    def _orders(self, order_ids: Sequence[str]) -> dict[str, Order]:
        ids = id_array(order_ids)
        rows = self._session.read(self._read_orders, (ids,), order_from_columns)
        return {order.order_id: order for order in rows}


def _outcome_of_key(
    order: NewOrder, holder: _Holder | None, there: Mapping[str, Order]
) -> StoreOutcome:
    held = None if holder is None else there.get(holder.order_id)
    if holder is None or held is None or order.key is None:
        # Deleted since the key was lost to it: the next try finds the key free.
        return KeyBusy()
    if holder.fingerprint != order.key.fingerprint:
        return KeyReused()
    return Replayed(held)


def _outcome_of_id(order: NewOrder, there: Order | None) -> StoreOutcome:
    same = (
        there is not None
        and there.tenant_id == order.tenant_id
        and there.request == order.request
    )
    return Replayed(there) if there is not None and same else RowRefused(ID_TAKEN)
