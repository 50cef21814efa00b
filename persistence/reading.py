"""Answers questions about orders, their history and notifications."""

from collections.abc import Sequence
from datetime import datetime

from orders.domain.listing import OrderFilters, OrderPage
from orders.domain.notices import Notice, Notification
from orders.domain.order import Order
from orders.domain.records import HistoryEntry
from orders.domain.refunds import OrderRefunds
from orders.persistence.listing import OrderLists
from orders.persistence.refunding import RefundRows
from orders.persistence.rows import id_array, order_from_columns
from orders.persistence.session import Session
from orders.persistence.statements import Statements


class PostgresReadStore:
    """Reads what is committed. Owned by one thread.

    Every method raises ``DatabaseUnavailableError`` when PostgreSQL does not answer.
    """

    def __init__(self, session: Session) -> None:
        statements = Statements("reading.sql")
        self._session = session
        self._lists = OrderLists(session)
        self._refunds = RefundRows(session)
        self._read_orders = statements["read_orders"]
        self._read_history = statements["read_history"]
        self._read_notifications = statements["read_notifications"]

    def read_orders(self, order_ids: Sequence[str]) -> dict[str, Order]:
        """Return the orders that exist, by id, whatever their tenant."""
        ids = id_array(order_ids)
        rows = self._session.read(self._read_orders, (ids,), order_from_columns)
        return {order.order_id: order for order in rows}

    def list_orders(
        self, tenant_id: str, filters: OrderFilters, before: str | None, limit: int
    ) -> OrderPage:
        """Return up to ``limit`` of the tenant's orders below an id, newest first."""
        return self._lists.page(tenant_id, filters, before, limit)

    def read_history(
        self, tenant_id: str, order_id: str
    ) -> tuple[HistoryEntry, ...] | None:
        """Return the order's history by version, None where there is no order."""
        parameters = (order_id, tenant_id)
        rows = self._session.read(self._read_history, parameters, HistoryEntry)
        return tuple(rows) or None

    def read_refunds(self, tenant_id: str, order_id: str) -> OrderRefunds | None:
        """Return the order and its refunds, None where there is no order.

        The order is read last: it is no older than any of the refunds.
        """
        refunds = self._refunds.of_order(order_id)
        order = self.read_orders([order_id]).get(order_id)
        if order is None or order.tenant_id != tenant_id:
            return None
        return OrderRefunds(order, refunds)

    def read_notifications(
        self, tenant_id: str, user_id: int, limit: int
    ) -> tuple[Notification, ...]:
        """Return the user's notifications, newest first."""
        parameters = (tenant_id, user_id, limit)
        return tuple(
            self._session.read(self._read_notifications, parameters, _notification)
        )

    def close(self) -> None:
        """Close the connection."""
        self._session.close()


def _notification(
    order_id: str,
    version: int,
    user_id: int,
    channel: str,
    message: str,
    created_at: datetime,
) -> Notification:
    return Notification(
        Notice(order_id, version, user_id, channel, message), created_at
    )
