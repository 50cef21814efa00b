"""The event loop on which connections are served and handlers run.

One thread runs it. Each turn waits for events, serves them, runs what is due and
what other threads handed in, and at its end hands on what the turn collected.
Nothing on it may wait: a handler that needs an answer parks its greenlet
(``orders.http.dispatcher``).
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, cast

from orders.actors.messages import Ticket
from orders.http.backend import Clock
from orders.http.poller import Poller
from orders.http.timers import Timers
from orders.http.turns import TurnWatch
from orders.http.wakeup import Wakeup

TICK_SECONDS = 0.25

Callback = Callable[[], None]


class LoopLog(Protocol):
    """The part of a structlog logger that the loop uses."""

    def warning(self, event: str, **fields: object) -> None:
        """Log what an operator should know."""

    def error(self, event: str, **fields: object) -> None:
        """Log what an operator should act on."""

    def exception(self, event: str, **fields: object) -> None:
        """Log the exception that is being handled."""


class Resumable(Protocol):
    """A ticket as its dispatcher made it."""

    def resume(self, answer: object) -> None:
        """Let the parked handler go on; the first call only."""


class EventLoop:
    """Poller, inbox, timers and hooks; implements ``Replies``.

    ``call``, ``answer``, ``stop`` and ``heartbeat`` are for any thread, also from
    within a callback and after the loop has ended; everything else is for
    callbacks on the loop and for the time before ``run``. An exception in a
    callback is logged and the others run.

    Args:
        log: told about failing callbacks and slow turns.
        on_turn: told the seconds of every turn.
        slow_turn_seconds: a longer turn is logged, at most one in ten seconds.
        clock: monotonic seconds.
        poller: what waits for events.

    """

    def __init__(
        self,
        *,
        log: LoopLog,
        on_turn: Callable[[float], None] | None = None,
        slow_turn_seconds: float = 0.1,
        clock: Clock = time.monotonic,
        poller: Poller | None = None,
    ) -> None:
        self.poller = poller or Poller()
        self.now = clock()
        """When this turn began."""
        self.log = log
        self._clock = clock
        self._on_turn = on_turn
        self._turns = TurnWatch(slow_turn_seconds, self._report_slow_turn)
        self._timers = Timers()
        self._inbox: deque[Callback] = deque()
        self._after_turn: list[Callback] = []
        self._on_tick: list[Callback] = []
        self._next_tick = self.now
        self._rung = False
        self._stopping = False
        self._running = False
        self._wakeup = Wakeup()
        self.poller.watched[self._wakeup.fd] = self._wakeup
        self.poller.watch(self._wakeup.fd)

    # --- any thread ----------------------------------------------------------

    def call(self, callback: Callback) -> None:
        """Run ``callback`` on the loop, in the next turn."""
        self._inbox.append(callback)
        # Reset before the inbox is emptied, so whoever sees it set is in time.
        if not self._rung:
            self._rung = True
            self._wakeup.ring()

    def answer(self, answers: Sequence[tuple[Ticket, object]]) -> None:
        """Resume each ticket with its value, the whole batch in one turn."""
        self.call(partial(self._deliver, answers))

    def stop(self) -> None:
        """End ``run`` after the current turn."""
        self.call(self._end)

    @property
    def heartbeat(self) -> float | None:
        """When the latest turn began; None while the loop does not run.

        It moves at least every ``TICK_SECONDS`` unless something holds the loop.
        """
        return self.now if self._running else None

    # --- on the loop ---------------------------------------------------------

    def soon(self, callback: Callback) -> None:
        """Run ``callback`` in this turn, or in the next when its time is past."""
        self._inbox.append(callback)

    def at(self, when: float, callback: Callback) -> None:
        """Run ``callback`` once ``when`` has come, in monotonic seconds."""
        self._timers.at(when, callback)

    def after_turn(self, callback: Callback) -> None:
        """Run ``callback`` at the end of every turn."""
        self._after_turn.append(callback)

    def on_tick(self, callback: Callback) -> None:
        """Run ``callback`` every ``TICK_SECONDS``."""
        self._on_tick.append(callback)

    def run(self) -> None:
        """Turn until ``stop``; the calling thread is the loop's."""
        self._running = True
        try:
            while not self._stopping:
                self.turn()
        finally:
            self._running = False

    def turn(self) -> None:
        """Wait for something to do, and do it."""
        events = self.poller.wait(self._patience())
        self.now = self._clock()
        self.poller.dispatch(events)
        self._run_due()
        self._rung = False
        for _ in range(len(self._inbox)):
            self._safely(self._inbox.popleft())
        for callback in self._after_turn:
            self._safely(callback)
        self.poller.update_touched()
        ended = self._clock()
        self._turns.ended(self.now, ended)
        if self._on_turn is not None:
            self._on_turn(ended - self.now)

    def close(self) -> None:
        """Release the descriptors, after ``run``; the other methods stay harmless."""
        self.poller.forget(self._wakeup.fd)
        self.poller.watched.pop(self._wakeup.fd, None)
        self._wakeup.close()
        self.poller.close()

    def _patience(self) -> float:
        """How long the poll may wait, in seconds."""
        if self._inbox:
            return 0.0
        due = self._timers.next_due()
        until = self._next_tick if due is None else min(due, self._next_tick)
        return min(max(0.0, until - self._clock()), TICK_SECONDS)

    def _run_due(self) -> None:
        for callback in self._timers.take_due(self.now):
            self._safely(callback)
        if self.now >= self._next_tick:
            self._next_tick = self.now + TICK_SECONDS
            for callback in self._on_tick:
                self._safely(callback)

    def _deliver(self, answers: Sequence[tuple[Ticket, object]]) -> None:
        for ticket, value in answers:
            try:
                # There are no tickets but those that a dispatcher handed out.
                cast("Resumable", ticket).resume(value)
            except Exception:  # the rest of the batch must go on
                self.log.exception("http.answer_failed")

    def _safely(self, callback: Callback) -> None:
        try:
            callback()
        except Exception:  # one callback must not stop the loop
            self.log.exception("http.callback_failed")

    def _report_slow_turn(self, seconds: float, suppressed: int) -> None:
        self.log.warning(
            "http.slow_turn",
            duration_ms=round(seconds * 1000),
            suppressed=suppressed,
        )

    def _end(self) -> None:
        self._stopping = True
