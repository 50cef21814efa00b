"""DatabaseWriter: what the two writers share, one batch a transaction."""

from collections.abc import Sequence
from typing import Any, TypeVar

from orders.actors.lane import Hand
from orders.actors.node_status import NodeStatus
from orders.actors.pace import Pace
from orders.actors.role import Role
from orders.actors.supervised import SupervisedActor

T = TypeVar("T")

RETRY_SECONDS = 0.25


class DatabaseWriter(SupervisedActor[T]):
    """Takes as much as one transaction should hold, and keeps it until written.

    While PostgreSQL is away the batch stays in hand; it is tried again when a tick
    finds the database back.
    """

    def __init__(
        self,
        role: Role[T],
        *,
        status: NodeStatus,
        upstream: Sequence[Role[Any]],
        max_batch: int,
        pace: Pace | None = None,
    ) -> None:
        super().__init__(role)
        self._status = status
        self._upstream = upstream
        self._max_batch = max_batch
        self._pace = pace or Pace(0.0, clock=role.clock)
        self._hand: Hand[T] | None = None

    @property
    def reaches_database(self) -> bool:
        """Whether it is worth trying."""
        return self._status.database_available

    def write(self, hand: Hand[T]) -> bool:
        """Write a batch and tell whoever waits; False to be tried again later."""
        raise NotImplementedError

    def handle(self, message: object) -> None:
        """Write one batch, if there is one and the database is there."""
        del message
        if self.superseded:
            return  # while a child of this class waited for something else
        if not self.reaches_database:
            self.tick_after(RETRY_SECONDS)
            return
        if self._hand is None and self.role.lane.waiting:
            self._pace.keep(full=self.role.lane.depth >= self._max_batch)
        hand = self._hand or self.take(self._max_batch)
        if hand is None:
            return
        self._pace.took(hand.weight)
        self._hand = hand
        if not self.write(hand):
            self.tick_after(RETRY_SECONDS)
            return
        self._hand = None
        hand.done()
        for role in self._upstream:
            role.wake()
        if self.role.lane.waiting:
            self.role.wake()
