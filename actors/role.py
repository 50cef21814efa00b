"""A role: the permanent seat of an actor that may be replaced at any time."""

import threading
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import pykka

from orders.actors.lane import Lane
from orders.actors.messages import Drain, Wake
from orders.actors.ports import Clock, Log

T = TypeVar("T")


class Scheduler(Protocol):
    """Delivers a message later; the supervisor is one."""

    def after(self, seconds: float, role: "Role[Any]", message: object) -> None:
        """Tell ``role`` the message in ``seconds``; may be called from any thread."""


class FailureReport(Protocol):
    """Where a dying actor reports."""

    def __call__(
        self, role: "Role[Any]", generation: int, error: BaseException
    ) -> None:
        """Note the failure of one generation; may be called from any thread."""


class Role(Generic[T]):
    """What stays when an actor is replaced: name, lane, address, last sign of life.

    Others hold the role, never a reference to the actor.

    Attributes:
        name: unique, used in logs and metrics.
        lane: the bounded lane of its work.
        generation: counts the actors that held the role; work of an older
            generation is void.
        pending: work that the actor keeps outside its lane, as it last said.
    """

    def __init__(self, name: str, lane: Lane[T], *, log: Log, clock: Clock) -> None:
        self.name = name
        self.lane = lane
        self.log = log
        self.clock = clock
        self.generation = 0
        self.pending = 0
        self.restarts = 0
        self.drained = threading.Event()
        self._draining = False
        self._woken = False
        self._ref: pykka.ActorRef[Any] | None = None
        self._last_seen = clock()
        self._patience_seconds = 0.0
        self._scheduler: Scheduler | None = None
        self._report: FailureReport | None = None

    # --- for everyone ---

    def offer(self, message: T, beyond: int = 0) -> bool:
        """Put work into the lane and wake the actor; False when there is no room, nor
        ``beyond`` the capacity.
        """
        if not self.lane.offer(message, beyond):
            return False
        self.wake()
        return True

    def wake(self) -> None:
        """Tell the actor to look into its lane; told once until it does."""
        if not self._woken:
            self._woken = True
            self.tell(Wake())

    def tell(self, message: object) -> None:
        """Send a control message; lost while the role is vacant, which is why no
        control message may carry work.
        """
        ref = self._ref
        if ref is None:
            return
        try:
            ref.tell(message)
        except pykka.ActorDeadError:
            self.log.debug("actor.message_dropped", actor=self.name)

    def after(self, seconds: float, message: object) -> None:
        """Send a control message to the holder in ``seconds``."""
        if self._scheduler is not None:
            self._scheduler.after(seconds, self, message)

    def drain(self) -> None:
        """Ask for the work at hand to be finished; ``drained`` is set when it is."""
        self._draining = True
        self.drained.clear()
        self.tell(Drain())

    # --- for the actor that holds it ---

    def looked(self) -> None:
        """Say that the lane is being looked into now."""
        self._woken = False

    def seen(self, patience_seconds: float = 0.0) -> None:
        """Stamp a sign of life; the next one may take ``patience_seconds``."""
        self._patience_seconds = patience_seconds
        self.forgive()

    def failed(self, generation: int, error: BaseException) -> None:
        """Report that the holder of ``generation`` cannot go on."""
        if self._report is not None:
            self._report(self, generation, error)

    # --- for the supervisor ---

    def supervise(self, scheduler: Scheduler, report: FailureReport) -> None:
        """Say who delivers later messages and who hears of failures."""
        self._scheduler = scheduler
        self._report = report

    def seat(self, start: Callable[[], "pykka.ActorRef[Any]"]) -> None:
        """Give the role to a new actor, made by ``start``, and show it the lane."""
        self.seen()
        self._ref = start()
        self._woken = False
        if self.lane.waiting:
            self.wake()
        if self._draining:
            self.tell(Drain())

    def vacate(self) -> int:
        """Void the present generation; its work in hand goes back into the lane.

        Returns how many messages went back.
        """
        self.generation += 1
        ref, self._ref = self._ref, None
        self.pending = 0
        if ref is not None:
            ref.stop(block=False)
        return self.lane.give_back()

    def dismiss(self) -> "pykka.ActorRef[Any] | None":
        """Take the role from its holder for good, and return the holder."""
        ref, self._ref = self._ref, None
        return ref

    def silent_seconds(self, now: float) -> float:
        """Return how long ago the holder showed life."""
        return now - self._last_seen

    def forgive(self) -> None:
        """Count the holder's silence from now on only."""
        self._last_seen = self.clock()

    def hangs(self, now: float, limit_seconds: float) -> bool:
        """Tell whether the holder is silent for longer than the limit and than the
        patience it asked for.
        """
        limit = max(limit_seconds, self._patience_seconds)
        return self.silent_seconds(now) > limit

    @property
    def holder(self) -> "pykka.ActorRef[Any] | None":
        """The actor that holds the role, None while it is vacant."""
        return self._ref

    @property
    def alive(self) -> bool:
        """Whether the holder's thread still takes messages."""
        ref = self._ref
        return ref is not None and ref.is_alive()
