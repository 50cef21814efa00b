"""Runs each request in a greenlet on the event loop, in place of a thread."""

import math
from collections import deque
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Protocol, cast

from orders.actors.messages import Ticket
from orders.http.greenlet_edge import Greenlet, getcurrent
from orders.http.loop import EventLoop
from orders.http.parking import LATE, Late

_EXPIRY_GRAIN_SECONDS = 0.01

_OPEN = object()


class Service(Protocol):
    """A connection with a request to serve; waitress's channel."""

    def listens(self, now: float, *, half_open: bool) -> bool:
        """Tell whether the client is still there; any thread."""

    def service(self) -> None:
        """Serve one request."""

    def handle_close(self) -> None:
        """Close the connection: its request cannot be served."""


class GreenletTicket:
    """A parked handler's claim on one answer; event loop only.

    One-shot: workers serve one request after another, so a second switch would
    wake a stranger.
    """

    __slots__ = ("_answer", "_client", "_worker", "deadline")

    def __init__(self, deadline: float, client: Service | None = None) -> None:
        self.deadline = deadline
        self._client = client
        self._answer: object = _OPEN
        self._worker: Greenlet | None = None

    def is_wanted(self, now: float, *, half_open: bool = False) -> bool:
        """Tell whether an answer would still reach a client; any thread."""
        if self._answer is not _OPEN or now >= self.deadline:
            return False
        client = self._client
        return client is None or client.listens(now, half_open=half_open)

    def resume(self, answer: object) -> None:
        """Let the handler go on with ``answer``; a later call does nothing."""
        if self._answer is not _OPEN:
            return
        self._answer = answer
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.switch()

    def wait(self) -> object:
        """Give the loop its turn until there is an answer, and return it."""
        if self._answer is _OPEN:
            self._worker = getcurrent()
            _hub_of(self._worker).switch()
        return self._answer


class GreenletDispatcher:
    """The task dispatcher given to waitress; implements ``Parking``.

    waitress calls ``add_task`` with the connection's lock held, so nothing is
    served there; the queue is served later in the turn.

    Args:
        loop: where everything here happens.
        max_idle: workers kept for the next request; more are made when needed
            and dropped afterwards.

    """

    def __init__(self, loop: EventLoop, *, max_idle: int = 256) -> None:
        self._loop = loop
        self._max_idle = max_idle
        self._queue: deque[Service] = deque()
        self._scheduled = False
        self._idle: list[Greenlet] = []
        self._serving: dict[Greenlet, Service] = {}
        self._parked: dict[GreenletTicket, None] = {}
        self._alarm = math.inf

    @property
    def parked(self) -> int:
        """Handlers that wait for an answer."""
        return len(self._parked)

    @property
    def queued(self) -> int:
        """Requests read and not yet begun."""
        return len(self._queue)

    def add_task(self, task: Service) -> None:
        """Queue ``task``; it is begun in this turn of the loop, or the next."""
        self._queue.append(task)
        self._schedule()

    def ticket(self, deadline: float) -> Ticket:
        """Return a one-shot ticket that is ``LATE`` from ``deadline`` on."""
        return GreenletTicket(deadline, self._serving.get(getcurrent()))

    def park(self, ticket: Ticket) -> object:
        """Wait for the ticket's answer and return it, or ``LATE``.

        Raises:
            RuntimeError: called outside a handler.

        """
        parked = cast("GreenletTicket", ticket)
        self._parked[parked] = None
        if parked.deadline < self._alarm:
            self._set_alarm(parked.deadline)
        try:
            return parked.wait()
        finally:
            del self._parked[parked]

    def give_way(self) -> None:
        """Go on in the loop's next turn."""
        ticket = GreenletTicket(math.inf)
        self._loop.soon(partial(ticket.resume, None))
        self.park(ticket)

    def release_all(self) -> int:
        """Answer everything that is parked with ``LATE``; return how many."""
        return self._release(lambda _: True)

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.soon(self._run)

    def _run(self) -> None:
        """Begin what was queued so far; what comes meanwhile waits a turn."""
        self._scheduled = False
        try:
            for _ in range(len(self._queue)):
                task = self._queue.popleft()
                try:
                    worker = self._idle.pop() if self._idle else Greenlet(self._work)
                    # A worker would keep its context variables for the next request.
                    worker.gr_context = Context()
                    worker.switch(task)
                except Exception:  # such as without memory
                    task.handle_close()
                    self._loop.log.exception("http.request_dropped")
        finally:
            if self._queue:
                self._schedule()

    def _work(self, task: Service) -> None:
        """A worker's life: serve, lie idle, serve again."""
        worker = getcurrent()
        hub = _hub_of(worker)
        while True:
            self._serving[worker] = task
            try:
                task.service()
            except Exception:
                task.handle_close()  # nobody would ever answer it
                raise
            finally:
                del self._serving[worker]
            if len(self._idle) >= self._max_idle:
                return
            self._idle.append(worker)
            task = hub.switch()

    def _set_alarm(self, when: float) -> None:
        self._alarm = when
        self._loop.at(when, self._expire)

    def _expire(self) -> None:
        """Release what is late and look again when the next one will be.

        All parked tickets are looked through, but rarely: nearly every ticket is
        answered long before, so an entry of its own in the heap would only be
        there to be thrown away.
        """
        now = self._loop.now
        if now < self._alarm:
            return  # an alarm that an earlier one replaced
        self._alarm = math.inf
        self._release(lambda ticket: ticket.deadline <= now)
        ahead = [t.deadline for t in self._parked if now < t.deadline < math.inf]
        if ahead:
            self._set_alarm(max(min(ahead), now + _EXPIRY_GRAIN_SECONDS))

    def _release(self, chosen: Callable[[GreenletTicket], bool]) -> int:
        late: list[tuple[Ticket, Late]] = [(t, LATE) for t in self._parked if chosen(t)]
        if late:
            self._loop.answer(late)
        return len(late)


def _hub_of(worker: Greenlet) -> Greenlet:
    """Return the greenlet that runs the loop."""
    hub = worker.parent
    if hub is None:
        raise RuntimeError("only a request's handler can park")
    return hub
