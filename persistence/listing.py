"""Lists of a tenant's orders: a page is one statement on one index."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from orders.domain.listing import OrderFilters, OrderPage
from orders.domain.order import Order
from orders.persistence.rows import order_from_columns, text_array
from orders.persistence.session import Session
from orders.persistence.statements import Statement, Statements

MAX_EXAMINED: Final = 10_000
"""Orders looked at for one page: some ten milliseconds where they are cached."""

_order: Callable[..., Order] = order_from_columns


class _Examined(NamedTuple):
    order: Order
    matches: bool
    is_last: bool
    """Nothing below it was looked at."""


class OrderLists:
    """Reads pages over one session; owned by that session's thread."""

    def __init__(self, session: Session, max_examined: int = MAX_EXAMINED) -> None:
        statements = Statements("listing.sql")
        self._session = session
        self._max_examined = max_examined
        self._of_tenant = statements["list_orders"]
        self._of_user = statements["list_orders_of_user"]
        self._of_reference = statements["list_orders_of_reference"]

    def page(
        self, tenant_id: str, filters: OrderFilters, before: str | None, limit: int
    ) -> OrderPage:
        """Return up to ``limit`` of the tenant's orders, below the id ``before``.

        Raises:
            ValueError: ``filters`` has a user and a reference: no index has both.
            DatabaseUnavailableError: PostgreSQL did not answer.

        """
        statement, place = self._statement(filters)
        first, behind = filters.id_range()
        parameters = (
            tenant_id,
            first,
            behind if before is None else min(behind, before),
            _only(filters.status),
            _only(filters.payment_status),
            _moment(filters.created_gte, "-infinity"),
            _moment(filters.created_lt, "infinity"),
            self._max_examined,
            limit + 1,  # one more tells whether there is a next page
            *place,
        )
        return _page(self._session.read(statement, parameters, _examined), limit)

    def _statement(
        self, filters: OrderFilters
    ) -> tuple[Statement, tuple[int | str, ...]]:
        match filters.user_id, filters.reference:
            case None, None:
                return self._of_tenant, ()
            case int(user_id), None:
                return self._of_user, (user_id,)
            case None, str(reference):
                return self._of_reference, (reference,)
        raise ValueError("a list is of a user or of a reference, not of both")


def _page(rows: list[_Examined], limit: int) -> OrderPage:
    found = [row.order for row in rows if row.matches]
    if len(found) > limit:
        return OrderPage(tuple(found[:limit]), found[limit - 1].order_id)
    is_cut_short = bool(rows) and rows[-1].is_last
    return OrderPage(tuple(found), rows[-1].order.order_id if is_cut_short else None)


def _examined(matches: bool, is_last: bool, *columns: object) -> _Examined:
    return _Examined(_order(*columns), matches, is_last)


def _only(state: str | None) -> str | None:
    return None if state is None else text_array([state])


def _moment(moment: datetime | None, otherwise: str) -> str:
    return otherwise if moment is None else moment.isoformat()
