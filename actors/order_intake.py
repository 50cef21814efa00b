"""OrderIntake: drops what is too late, passes the rest on to a writer."""

from collections.abc import Sequence

from orders.actors.messages import (
    NOT_STORED,
    Refused,
    Replies,
    StoreOrders,
    Submission,
)
from orders.actors.node_status import NodeStatus
from orders.actors.pace import Pace
from orders.actors.ports import Telemetry
from orders.actors.role import Role
from orders.actors.supervised import SupervisedActor

_MARGIN = 1.2
"""Batches differ, and an answer takes its time too."""
_MOST_AHEAD = 0.75
"""Of what a client waits: after a long stall somebody must still be tried."""


class OrderIntake(SupervisedActor[StoreOrders]):
    """Keeps what the writers have no room for, and turns away what waited too long.

    What waits, waits here, where it can still be refused with certainty; a writer's
    lane holds no more than a batch or two.
    """

    def __init__(
        self,
        role: Role[StoreOrders],
        *,
        writers: Sequence[Role[StoreOrders]],
        replies: Replies,
        status: NodeStatus,
        telemetry: Telemetry,
        max_batch_orders: int,
        client_waits_seconds: float,
        pace: Pace,
    ) -> None:
        super().__init__(role)
        self._most_ahead_seconds = _MOST_AHEAD * client_waits_seconds
        self._writers = writers
        self._replies = replies
        self._status = status
        self._telemetry = telemetry
        self._max_batch_orders = max_batch_orders
        self._pace = pace

    def handle(self, message: object) -> None:
        """Pass one batch on, if a writer has room for it."""
        del message  # every message means the same: look
        lane = self.role.lane
        writer = self._idlest_writer()
        if not writer.lane.has_room():
            return  # a writer wakes this actor after each batch
        if lane.waiting:
            self._pace.keep(full=lane.depth >= self._max_batch_orders)
        hand = self.take(self._max_batch_orders)
        if hand is None:
            return
        self._pace.took(hand.weight)
        waiting = [s for given in hand.messages for s in given.submissions]
        fresh = self._in_time(waiting, writer)
        if fresh and not writer.offer(StoreOrders(tuple(fresh))):
            hand.give_back()
            return
        hand.done()
        if lane.waiting:
            self.role.wake()

    def _idlest_writer(self) -> Role[StoreOrders]:
        """Return who has least to do, of those that reach PostgreSQL if any does."""
        reaches = self._status.reaches_database
        able = [it for it in self._writers if reaches(it.name)]
        return min(able or self._writers, key=_depth)

    def _in_time(
        self, waiting: list[Submission], writer: Role[StoreOrders]
    ) -> list[Submission]:
        """Return those that ``writer`` can store while their clients wait.

        The others would cost it as much, and be answered as late all the same: under
        more load than there is room for that would be nearly all of them.
        """
        latest = self.role.clock() + self._seconds_ahead(writer)
        fresh = [s for s in waiting if s.deadline > latest and not s.dropped]
        if len(fresh) < len(waiting):
            refused = Refused(NOT_STORED, 1.0)
            # Those that somebody else claimed are answered by him.
            late = [
                s
                for s in waiting
                if s.deadline <= latest and not s.dropped and s.drop()
            ]
            self._telemetry.rejected(NOT_STORED, len(late))
            self._replies.answer([(s.ticket, refused) for s in late])
        return fresh

    def _seconds_ahead(self, writer: Role[StoreOrders]) -> float:
        """Guess how long a batch for ``writer`` takes, behind the one in its hands."""
        each = self._status.store_seconds.get(writer.name, 0.0)
        batches = 2 if writer.lane.depth else 1
        return min(_MARGIN * batches * each, self._most_ahead_seconds)


def _depth(role: Role[StoreOrders]) -> int:
    return role.lane.depth
