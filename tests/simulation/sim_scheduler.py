"""Many nodes on one thread: virtual time, and tasks that park wherever they would
wait. One seed is one run, to the last step.
"""

import heapq
from collections import Counter, deque
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, Protocol

import greenlet

_TRACED = 60
_LOOK_SECONDS = 0.25
_SLOW_SHARE = 0.06
_FAST_SECONDS = 0.01
_SLOW_SECONDS = 1.2


class KilledError(BaseException):
    """Unwinds a task of a process that is gone; nothing it does has an effect."""


class Host(Protocol):
    """A process that tasks run in."""

    name: str
    dead: bool
    frozen_until: float

    def before_parking(self, role: object) -> float:
        """Meet a fault, if one is due; return how much longer the wait becomes."""


class Task(greenlet.greenlet):
    """One actor dealing with messages, or the server running one statement.

    Tasks are used again and again, from run to run: to begin one costs a system
    call for its stack.
    """

    host: Host | None = None
    role: object = None
    body: Callable[[], object]

    def run(self) -> None:
        """Run one body after another, until the process ends."""
        while True:
            try:
                self.body()
            except KilledError:
                self.host = None
            _IDLE.append(self)
            self.parent.switch()


_IDLE: list[Task] = []


class Scheduler:
    """The clock, the order of everything, and the record of what happened.

    ``now`` is seconds of virtual time; it passes only between steps.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - replayable, not secret
        self.now = 0.0
        self.counts: Counter[str] = Counter()
        self._trace: deque[tuple[Any, ...]] = deque(maxlen=_TRACED)
        self._agenda: list[tuple[float, int, Callable[[], Any]]] = []
        self._number = 0
        self._parked: set[Task] = set()
        self._hub = greenlet.getcurrent()

    def clock(self) -> float:
        """Return the time, as ``time.monotonic`` would."""
        return self.now

    def chance(self, probability: float) -> bool:
        """Draw."""
        return self.random.random() < probability

    def latency(self) -> float:
        """Return how long something takes: little, and now and then a lot."""
        draw = self.random.random()
        if draw < _SLOW_SHARE:
            return self.random.random() * _SLOW_SECONDS
        return draw * _FAST_SECONDS

    def note(self, *what: object) -> None:
        """Keep a step for the trace, and count it by its first word."""
        self.counts[what[0]] += 1  # type: ignore[index]
        self._trace.append((self.now, *what))

    def trace(self) -> str:
        """Return the last steps, one a line."""
        return "\n".join(
            f"{at:9.4f}  {' '.join(map(str, what))}" for at, *what in self._trace
        )

    def after(self, seconds: float, action: Callable[[], Any]) -> None:
        """Run ``action`` later, outside every task."""
        self._number += 1
        heapq.heappush(self._agenda, (self.now + seconds, self._number, action))

    def spawn(
        self, body: Callable[[], object], host: Host | None, role: object
    ) -> None:
        """Begin a task at once; only from outside of tasks."""
        task = _IDLE.pop() if _IDLE else Task(None, self._hub)
        task.body = body
        task.host = host
        task.role = role
        task.switch()

    def pause(self, seconds: float) -> None:
        """Park the running task.

        Raises:
            KilledError: its process died meanwhile.

        """
        task = greenlet.getcurrent()
        assert isinstance(task, Task)
        if task.host is not None:
            seconds += task.host.before_parking(task.role)
        self._parked.add(task)
        self.after(seconds, partial(self._resume, task))
        self._hub.switch()

    def run_until(self, is_done: Callable[[], bool], deadline: float) -> bool:
        """Run what is due, step by step; False when ``deadline`` came first."""
        agenda = self._agenda
        look_at = self.now
        while agenda:
            due = agenda[0][0]
            if due >= look_at:
                look_at = due + _LOOK_SECONDS
                if is_done():
                    return True
                if due > deadline:
                    return False
            action = heapq.heappop(agenda)[2]
            self.now = max(self.now, due)
            action()
        return is_done()

    def drop_all(self) -> None:
        """Unwind every parked task, so that none outlives its run."""
        self._agenda.clear()
        while self._parked:
            self._parked.pop().throw(KilledError)

    def _resume(self, task: Task) -> None:
        host = task.host
        if host is not None and host.frozen_until > self.now and not host.dead:
            self.after(host.frozen_until - self.now, partial(self._resume, task))
            return
        self._parked.discard(task)
        if host is not None and host.dead:
            task.throw(KilledError)
        else:
            task.switch()


class TaskLock:
    """``threading.Lock`` for tasks: a real one would stop them all."""

    pause: Callable[[float], None]
    """Set for each run: how the running task waits."""

    def __init__(self) -> None:
        self._held = False

    def __enter__(self) -> None:
        while self._held:
            type(self).pause(0.005)
        self._held = True

    def __exit__(self, *error: object) -> None:
        self._held = False
