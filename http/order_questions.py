"""Reading from inside a handler: ask, park, take the answer."""

from dataclasses import dataclass
from typing import cast

from orders.actors.messages import (
    DATABASE_UNAVAILABLE,
    OVERLOADED,
    HistoryAnswer,
    NotificationsAnswer,
    OrderAnswer,
    OrdersAnswer,
    Question,
    ReadHistory,
    ReadNotifications,
    ReadOrder,
    ReadOrders,
    ReadRefunds,
    RefundsAnswer,
    Refused,
    Ticket,
)
from orders.domain.listing import OrderFilters, OrderPage
from orders.domain.notices import Notification
from orders.domain.order import SETTLED, Order
from orders.domain.records import HistoryEntry
from orders.domain.refunds import OrderRefunds
from orders.http.backend import Backend, Clock
from orders.http.parking import LATE, Parking

_LATE = Refused(DATABASE_UNAVAILABLE, 1.0)
_PAUSE_SECONDS = 0.25
"""Before a question is refused for overload: clients that ask again at once, whatever
``Retry-After`` says, would else take the time that answers need."""


@dataclass(frozen=True, slots=True)
class OrderQuestions:
    """Asks the readers; used inside handlers, on the event loop.

    Each method answers within its deadline, with a refusal if need be.

    Args:
        timeout_seconds: how long one question may take, a wanted wait not counted.
        max_wait_seconds: the longest wait that a client is given.

    """

    backend: Backend
    parking: Parking
    clock: Clock
    timeout_seconds: float
    max_wait_seconds: int

    def granted(self, wait_seconds: int | None) -> int:
        """Return how many seconds of a wanted wait are given."""
        return min(wait_seconds or 0, self.max_wait_seconds)

    def order(self, tenant_id: str, order_id: str) -> OrderAnswer:
        """Return the order as it is, None where the tenant has no such order."""
        ticket = self._ticket(0)
        answer = self._ask(ReadOrder(tenant_id, order_id, ticket), ticket)
        return cast("Order | Refused | None", answer)

    def settled_order(
        self, tenant_id: str, order_id: str, wait_seconds: int
    ) -> OrderAnswer:
        """Return the order once it is settled, or as it is after ``wait_seconds``.

        It is read first without waiting, so that a database that does not answer is
        told as soon as for any other read.
        """
        first = self.order(tenant_id, order_id)
        if not isinstance(first, Order) or first.status in SETTLED or not wait_seconds:
            return first
        ticket = self._ticket(wait_seconds)
        until = self.clock() + wait_seconds
        answer = self._ask(ReadOrder(tenant_id, order_id, ticket, until), ticket)
        return cast("Order | Refused | None", answer)

    def history(self, tenant_id: str, order_id: str) -> HistoryAnswer:
        """Return the order's history, None where the tenant has no such order."""
        ticket = self._ticket(0)
        answer = self._ask(ReadHistory(tenant_id, order_id, ticket), ticket)
        return cast("tuple[HistoryEntry, ...] | Refused | None", answer)

    def refunds(self, tenant_id: str, order_id: str) -> RefundsAnswer:
        """Return the order's refunds, None where the tenant has no such order."""
        ticket = self._ticket(0)
        answer = self._ask(ReadRefunds(tenant_id, order_id, ticket), ticket)
        return cast("OrderRefunds | Refused | None", answer)

    def orders(
        self, tenant_id: str, filters: OrderFilters, before: str | None, limit: int
    ) -> OrdersAnswer:
        """Return a page of the tenant's orders below the id ``before``."""
        ticket = self._ticket(0)
        question = ReadOrders(tenant_id, filters, before, limit, ticket)
        return cast("OrderPage | Refused", self._ask(question, ticket))

    def notifications(
        self, tenant_id: str, user_id: int, limit: int
    ) -> NotificationsAnswer:
        """Return the user's newest notifications."""
        ticket = self._ticket(0)
        question = ReadNotifications(tenant_id, user_id, limit, ticket)
        return cast("tuple[Notification, ...] | Refused", self._ask(question, ticket))

    def _ticket(self, wait_seconds: int) -> Ticket:
        return self.parking.ticket(self.clock() + wait_seconds + self.timeout_seconds)

    def _ask(self, question: Question, ticket: Ticket) -> object:
        refusal = self.backend.ask(question)
        if refusal is not None:
            if refusal.reason == OVERLOADED:
                pause = self.clock() + min(_PAUSE_SECONDS, self.timeout_seconds)
                self.parking.park(self.parking.ticket(pause))
            return refusal
        answer = self.parking.park(ticket)
        return _LATE if answer is LATE else answer
