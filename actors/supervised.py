"""The base of every actor: reports its failures, shows life, knows its lane."""

from typing import Any, Generic, TypeVar

import pykka

from orders.actors.lane import Hand
from orders.actors.messages import Drain, Ping, Tick
from orders.actors.role import Role
from orders.failpoints.catalogue import ACTOR_PREFIX
from orders.failpoints.registry import failpoint

T = TypeVar("T")


class SupervisedActor(pykka.ThreadingActor, Generic[T]):
    """An actor that holds a role under a supervisor.

    Children implement ``handle`` and, where they own something, ``started``,
    ``released`` and ``unfinished``; all run on the actor's own thread. Nothing that
    escapes them reaches Pykka: an exception is reported and the actor is done, a
    ``BaseException`` too (Pykka would stop every actor of the process).
    """

    use_daemon_thread = True

    def __init__(self, role: Role[T]) -> None:
        super().__init__()
        self.role = role
        self._generation = role.generation
        self._draining = False
        self._failed = False
        self._tick_number = 0
        self._tick_due: float | None = None
        self._before_handling = failpoint(ACTOR_PREFIX + type(self).__name__)

    # --- to be implemented ---

    def started(self) -> None:
        """Acquire what the actor owns."""

    def handle(self, message: object) -> None:
        """Deal with one control message, or look into the lane."""
        raise NotImplementedError

    def released(self) -> None:
        """Release what the actor owns; also called after a failure."""

    def unfinished(self) -> int:
        """Return how much work is kept outside the lane."""
        return 0

    # --- offered to children ---

    @property
    def draining(self) -> bool:
        """Whether the work at hand is to be finished and none begun."""
        return self._draining

    @property
    def superseded(self) -> bool:
        """Whether another actor holds the role by now; this one was given up."""
        return self.role.generation != self._generation

    def take(self, limit: int) -> Hand[T] | None:
        """Take work up to the weight ``limit``; nothing once superseded.

        Looked at after the lane was, so that it is known to whom the work belongs:
        what was taken before is handed back by whoever vacates the role.
        """
        hand = self.role.lane.take(limit)
        if hand is None or not self.superseded:
            return hand
        hand.give_back()
        self.role.wake()
        return None

    def show_life(self, patience_seconds: float = 0.0) -> None:
        """Stamp a sign of life between the steps of long work.

        The next step may then take ``patience_seconds``, where that is more than an
        actor is given anyway.
        """
        if not self.superseded:
            self.role.seen(patience_seconds)

    def tick_after(self, seconds: float) -> None:
        """Ask for a ``Tick``; the soonest one asked for counts, the rest is void."""
        due = self.role.clock() + seconds
        if self._tick_due is None or due < self._tick_due:
            self._tick_due = due
            self._tick_number += 1
            self.role.after(seconds, Tick(self._tick_number))

    # --- Pykka's hooks ---

    def on_start(self) -> None:
        """Acquire; see ``started``."""
        try:
            self.started()
        except BaseException as error:  # noqa: BLE001 - see the class
            self._fail(error)

    def on_receive(self, message: Any) -> None:
        """Handle one message unless this actor failed or was replaced."""
        role = self.role
        if self._failed or self.superseded:
            return
        role.seen()
        try:
            self._dispatch(message)
            pending = self.unfinished()
        except BaseException as error:  # noqa: BLE001 - see the class
            self._fail(error)
            return
        if not self.superseded:
            role.seen()
            role.pending = pending
            if self._draining and not pending and not role.lane.depth:
                role.drained.set()

    def on_stop(self) -> None:
        """Release; see ``released``."""
        try:
            self.released()
        except BaseException as error:  # noqa: BLE001 - see the class; it is gone anyway
            self.role.log.warning(
                "actor.release_failed", actor=self.role.name, error=repr(error)
            )

    def _dispatch(self, message: object) -> None:
        if isinstance(message, Ping):
            return
        if isinstance(message, Tick):
            if message.number != self._tick_number:
                return
            self._tick_due = None
            self._tick_number += 1  # a predecessor's tick may carry the same number
        elif isinstance(message, Drain):
            self._draining = True
        self.role.looked()
        if self._before_handling is not None:
            self._before_handling()
        self.handle(message)

    def _fail(self, error: BaseException) -> None:
        self._failed = True
        if not self.superseded:
            self.role.failed(self._generation, error)
