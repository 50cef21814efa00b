"""OrderReader: status look-ups in batches, and clients that wait for an outcome."""

from collections.abc import Callable

from orders.actors.messages import (
    DATABASE_UNAVAILABLE,
    INTERNAL_ERROR,
    RETRY_AFTER_SECONDS,
    OrderAnswer,
    OrdersSettled,
    ReadOrder,
    Refused,
    Replies,
    Ticket,
    refusal_of,
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
_REST_FACTOR = 9.0
"""Rest after a poll, in times of what it took: polls get a tenth of the time."""
_LONGEST_REST_SECONDS = 1.0
"""A wait that ends is answered by a poll, which must not come much later."""


class OrderReader(SupervisedActor[ReadOrder]):
    """One query answers every look-up that waits.

    A client that waits for an order is woken at once when this node settles it. For
    orders that another node settles, all waited ids are asked for in one query, at
    intervals that grow from 25 to 250 ms and start anew with each new client, but
    take a tenth of the reader's time at most.
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
        self._rest_until = 0.0
        self._poll_seconds = _FIRST_POLL_SECONDS

    def started(self) -> None:
        """Make the store; it connects when it is first used."""
        self._store = self._make_store()
        self._status.waiters = 0

    def released(self) -> None:
        """Turn away those who wait, then close the connection."""
        waiters = [q for questions in self._waiting.values() for q in questions]
        self._waiting.clear()
        gone = Refused(DATABASE_UNAVAILABLE, RETRY_AFTER_SECONDS)
        self._refuse(waiters, gone)
        if self._store is not None:
            self._store.close()

    def unfinished(self) -> int:
        """Count the clients that wait."""
        return self._waiter_count

    def handle(self, message: object) -> None:
        """Answer new look-ups, then those whose order may have moved."""
        hand = self.take(_BATCH)
        if hand is not None:
            before, now = self._waiter_count, self.role.clock()
            wanted = [
                q for q in hand.messages if q.ticket.is_wanted(now, half_open=True)
            ]
            if wanted:
                self._answer(wanted)
            hand.done()
            if self._waiter_count > before:
                self._poll_soon(others_wait=before > 0)
        if isinstance(message, OrdersSettled):
            settled = dict.fromkeys(message.order_ids)
            self._look_again([i for i in settled if i in self._waiting])
        elif self._waiting and (self.draining or self.role.clock() >= self._poll_at):
            self._poll()
        self._status.waiters = self._waiter_count
        if self._waiting:
            self.tick_after(max(0.0, self._poll_at - self.role.clock()))
        if self.role.lane.waiting:
            self.role.wake()

    def _answer(self, questions: list[ReadOrder]) -> None:
        """Answer, park or refuse each question.

        A query that fails is tried again in halves, so that only a question that
        fails by itself is refused.
        """
        left = [questions]
        while left:
            batch = left.pop()
            try:
                found = self._read(batch)
            except DatabaseUnavailableError as error:
                self.role.log.warning("reader.refused", error=str(error))
                self._refuse(batch, refusal_of(error))
            except Exception:
                if len(batch) == 1:
                    self.role.log.exception("reader.failed")
                    broken = Refused(INTERNAL_ERROR, RETRY_AFTER_SECONDS)
                    self._refuse(batch, broken)
                else:
                    half = len(batch) // 2
                    left += [batch[half:], batch[:half]]
            else:
                self._answer_or_park(batch, found)

    def _read(self, questions: list[ReadOrder]) -> dict[str, Order]:
        assert self._store is not None  # noqa: S101 - made in started()
        ids = dict.fromkeys(question.order_id for question in questions)
        return self._store.read_orders(list(ids))

    def _answer_or_park(
        self, questions: list[ReadOrder], found: dict[str, Order]
    ) -> None:
        answers: list[tuple[Ticket, OrderAnswer]] = []
        now = self.role.clock()
        for question in questions:
            order = found.get(question.order_id)
            if order is not None and order.tenant_id != question.tenant_id:
                order = None
            if order is not None and self._is_to_wait(question, order, now):
                self._waiting.setdefault(question.order_id, []).append(question)
                self._waiter_count += 1
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

    def _poll_soon(self, *, others_wait: bool) -> None:
        soon = max(self.role.clock() + _FIRST_POLL_SECONDS, self._rest_until)
        # Never later than planned: a stream of clients must not put the others off.
        self._poll_at = min(self._poll_at, soon) if others_wait else soon
        self._poll_seconds = _FIRST_POLL_SECONDS

    def _poll(self) -> None:
        began = self.role.clock()
        self._look_again(list(self._waiting))
        now = self.role.clock()
        rest = min((now - began) * _REST_FACTOR, _LONGEST_REST_SECONDS)
        self._rest_until = now + rest
        self._poll_seconds = min(
            self._poll_seconds * _POLL_GROWTH, _LONGEST_POLL_SECONDS
        )
        self._poll_at = max(now + self._poll_seconds, self._rest_until)

    def _look_again(self, order_ids: list[str]) -> None:
        for start in range(0, len(order_ids), _BATCH):
            batch = order_ids[start : start + _BATCH]
            questions = [q for order_id in batch for q in self._waiting.pop(order_id)]
            self._waiter_count -= len(questions)
            self.show_life()
            now = self.role.clock()
            wanted = [q for q in questions if q.ticket.is_wanted(now, half_open=True)]
            if wanted:
                self._answer(wanted)

    def _refuse(self, questions: list[ReadOrder], refused: Refused) -> None:
        self._replies.answer([(q.ticket, refused) for q in questions])
