"""OrderReader: status look-ups in batches, and clients that wait for an outcome."""

from collections.abc import Callable

from orders.actors.messages import (
    DATABASE_UNAVAILABLE,
    OrderAnswer,
    OrdersSettled,
    ReadOrder,
    Refused,
    Replies,
    Ticket,
)
from orders.actors.node_status import NodeStatus
from orders.actors.ports import ReadStore
from orders.actors.role import Role
from orders.actors.supervised import SupervisedActor
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.order import SETTLED, Order

_BATCH = 500
_FIRST_POLL_SECONDS = 0.025
_LONGEST_POLL_SECONDS = 0.25
_POLL_GROWTH = 1.3
_RETRY_AFTER_SECONDS = 2.0


class OrderReader(SupervisedActor[ReadOrder]):
    """One query answers every look-up that waits.

    A client that waits for an order is woken at once when this node settles it. For
    orders that another node settles, all waited ids are asked for in one query, at
    intervals that grow from 25 to 250 ms and start anew with each new client.
    """

    def __init__(
        self,
        role: Role[ReadOrder],
        *,
        make_store: Callable[[], ReadStore],
        replies: Replies,
        status: NodeStatus,
        max_waiters: int,
    ) -> None:
        super().__init__(role)
        self._make_store = make_store
        self._replies = replies
        self._status = status
        self._max_waiters = max_waiters
        self._store: ReadStore | None = None
        self._waiting: dict[str, list[ReadOrder]] = {}
        self._waiter_count = 0
        self._poll_at = 0.0
        self._poll_seconds = _FIRST_POLL_SECONDS

    def started(self) -> None:
        """Make the store; it connects when it is first used."""
        self._store = self._make_store()
        self._status.waiters = 0

    def released(self) -> None:
        """Turn away those who wait, then close the connection."""
        waiters = [q for questions in self._waiting.values() for q in questions]
        self._waiting.clear()
        self._refuse(waiters)
        if self._store is not None:
            self._store.close()

    def unfinished(self) -> int:
        """Count the clients that wait."""
        return self._waiter_count

    def handle(self, message: object) -> None:
        """Answer new look-ups, then those whose order may have moved."""
        hand = self.role.lane.take(_BATCH)
        if hand is not None:
            self._answer(hand.messages)
            hand.done()
        if isinstance(message, OrdersSettled):
            self._look_again([i for i in message.order_ids if i in self._waiting])
        elif self._waiting and (self.draining or self.role.clock() >= self._poll_at):
            self._poll()
        self._status.waiters = self._waiter_count
        if self._waiting:
            self.tick_after(self._poll_seconds)
        if self.role.lane.waiting:
            self.role.wake()

    def _answer(self, questions: list[ReadOrder]) -> None:
        found = self._read([q.order_id for q in questions])
        if found is None:
            self._refuse(questions)
            return
        answers: list[tuple[Ticket, OrderAnswer]] = []
        now = self.role.clock()
        for question in questions:
            order = found.get(question.order_id)
            if order is not None and order.tenant_id != question.tenant_id:
                order = None
            if order is not None and self._is_to_wait(question, order, now):
                self._park(question)
            else:
                answers.append((question.ticket, order))
        self._replies.answer(answers)

    def _is_to_wait(self, question: ReadOrder, order: Order, now: float) -> bool:
        """Tell whether to wait; past the limit the present state is the answer."""
        return (
            question.wait_until is not None
            and order.status not in SETTLED
            and now < question.wait_until
            and self._waiter_count < self._max_waiters
            and not self.draining
        )

    def _park(self, question: ReadOrder) -> None:
        self._waiting.setdefault(question.order_id, []).append(question)
        self._waiter_count += 1
        self._poll_seconds = _FIRST_POLL_SECONDS
        self._poll_at = self.role.clock() + self._poll_seconds

    def _poll(self) -> None:
        self._look_again(list(self._waiting))
        self._poll_seconds = min(
            self._poll_seconds * _POLL_GROWTH, _LONGEST_POLL_SECONDS
        )
        self._poll_at = self.role.clock() + self._poll_seconds

    def _look_again(self, order_ids: list[str]) -> None:
        for start in range(0, len(order_ids), _BATCH):
            batch = order_ids[start : start + _BATCH]
            questions = [q for order_id in batch for q in self._waiting.pop(order_id)]
            self._waiter_count -= len(questions)
            poll = (self._poll_seconds, self._poll_at)
            self._answer(questions)
            self._poll_seconds, self._poll_at = poll

    def _read(self, order_ids: list[str]) -> dict[str, Order] | None:
        assert self._store is not None  # noqa: S101 - made in started()
        try:
            return self._store.read_orders(list(dict.fromkeys(order_ids)))
        except DatabaseUnavailableError as error:
            self.role.log.warning("reader.refused", error=str(error))
            return None

    def _refuse(self, questions: list[ReadOrder]) -> None:
        refused = Refused(DATABASE_UNAVAILABLE, _RETRY_AFTER_SECONDS)
        self._replies.answer([(q.ticket, refused) for q in questions])
