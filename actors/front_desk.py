"""Admission: what the HTTP event loop asks of the actors, without ever waiting."""

import math
from typing import TypeVar

from orders.actors.messages import (
    DATABASE_UNAVAILABLE,
    DRAINING,
    OVERLOADED,
    TOO_MANY_UNPUBLISHED,
    ChangeOrder,
    DetailQuestion,
    PageQuestion,
    Question,
    ReadHistory,
    ReadOrder,
    ReadRefunds,
    Refused,
    Replies,
    StoreOrders,
    Submission,
)
from orders.actors.node_status import NodeStatus
from orders.actors.ports import Telemetry
from orders.actors.role import Role

Asked = TypeVar("Asked", ChangeOrder, ReadOrder, DetailQuestion, PageQuestion)

_RETRY_SECONDS = 1.0
_LONGEST_RETRY_SECONDS = 30.0
_MOST_AHEAD = 0.5
"""Of the time that is left for it: how much may go by before its turn."""
_PIECES = 8
"""Of a batch: what a turn that is larger than one is cut into."""


class FrontDesk:
    """Collects the orders of one turn of the loop and hands them over at its end.

    Used on the event loop's thread only.
    """

    def __init__(
        self,
        *,
        intake: Role[StoreOrders],
        order_changer: Role[ChangeOrder],
        order_reader: Role[ReadOrder],
        detail_reader: Role[DetailQuestion],
        page_reader: Role[PageQuestion],
        replies: Replies,
        status: NodeStatus,
        telemetry: Telemetry,
        max_unpublished: int,
        max_batch_orders: int,
    ) -> None:
        self._intake = intake
        self._order_changer = order_changer
        self._order_reader = order_reader
        self._detail_reader = detail_reader
        self._page_reader = page_reader
        self._replies = replies
        self._status = status
        self._telemetry = telemetry
        self._max_unpublished = max_unpublished
        self._max_batch_orders = max_batch_orders
        self._turn: list[Submission] = []

    def submit(self, submission: Submission) -> Refused | None:
        """Take an order for this turn, or say why not."""
        reason = self._obstacle()
        lane, count = self._intake.lane, len(self._turn) + 1
        if reason is None and (count > lane.capacity or not lane.has_room(count)):
            reason = OVERLOADED
        if reason is not None:
            return self._refuse(reason)
        self._turn.append(submission)
        return None

    def change(self, request: ChangeOrder) -> Refused | None:
        """Take a change of an order, or say why not."""
        reason = self._obstacle()
        if reason is not None:
            return self._refuse(reason)
        return self._queue(self._order_changer, request)

    def ask(self, question: Question) -> Refused | None:
        """Take a question that can be answered in time, or say why not."""
        if not self._status.database_available:
            return self._refuse(DATABASE_UNAVAILABLE)
        if isinstance(question, ReadOrder):
            return self._queue(self._order_reader, question)
        if isinstance(question, ReadHistory | ReadRefunds):
            return self._queue(self._detail_reader, question)
        return self._queue(self._page_reader, question)

    def _queue(self, role: Role[Asked], asked: Asked) -> Refused | None:
        """Refuse what would have its turn too late, with the advice of its own lane."""
        ahead = role.lane.depth * self._status.seconds_each.get(role.name, 0.0)
        left = asked.ticket.deadline - role.clock()
        if ahead <= _MOST_AHEAD * left and role.offer(asked):
            return None
        self._telemetry.rejected(OVERLOADED)
        return Refused(OVERLOADED, _bounded(math.ceil(ahead)))

    def turn_away(self) -> Refused:
        """Refuse what the HTTP side has no place for."""
        return self._refuse(OVERLOADED)

    def end_turn(self) -> None:
        """Hand over what this turn collected: one message, unless it is too large."""
        if not self._turn:
            return
        turn, self._turn = self._turn, []
        most = self._max_batch_orders
        # More than one batch goes in small pieces, which fill batches up.
        size = most if len(turn) <= most else max(most // _PIECES, 1)
        for start in range(0, len(turn), size):
            submissions = tuple(turn[start : start + size])
            if not self._intake.offer(StoreOrders(submissions)):
                refused = self._refuse(OVERLOADED, len(submissions))
                self._replies.answer([(s.ticket, refused) for s in submissions])

    def _obstacle(self) -> str | None:
        status = self._status
        if status.draining:
            return DRAINING
        if not status.database_available:
            return DATABASE_UNAVAILABLE
        if status.unpublished >= self._max_unpublished:
            return TOO_MANY_UNPUBLISHED
        return None

    def _refuse(self, reason: str, count: int = 1) -> Refused:
        self._telemetry.rejected(reason, count)
        seconds = _RETRY_SECONDS
        if reason == OVERLOADED:
            seconds = self._seconds_of_work_waiting()
        return Refused(reason, seconds)

    def _seconds_of_work_waiting(self) -> float:
        rate = self._status.orders_per_second
        if rate <= 0:
            return _RETRY_SECONDS
        return _bounded(math.ceil(self._intake.lane.depth / rate))


def _bounded(seconds: float) -> float:
    return min(max(seconds, _RETRY_SECONDS), _LONGEST_RETRY_SECONDS)
