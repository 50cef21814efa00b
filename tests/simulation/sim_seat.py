"""Where an actor sits: its inbox, and what takes the place of its thread."""

from collections import deque
from collections.abc import Callable
from typing import Any

from pykka import _envelope, messages
from sim_scheduler import Host, Scheduler

from orders.actors.supervised import SupervisedActor

_WAKING_SECONDS = 0.003


class Inbox:
    """Pykka's inbox, for an actor without a thread."""

    def __init__(self) -> None:
        self.letters: deque[Any] = deque()
        self.on_put: Callable[[], None] = lambda: None

    def put(self, letter: "_envelope.Envelope[Any]", /) -> None:
        """Append a message."""
        self.letters.append(letter)
        self.on_put()


class Seat:
    """Feeds one actor: a message at a time, each in a task of its own."""

    def __init__(
        self, scheduler: Scheduler, host: Host, actor: SupervisedActor[Any]
    ) -> None:
        self._scheduler = scheduler
        self._host = host
        self._actor = actor
        self._busy = False
        inbox: Any = actor.actor_inbox
        self._inbox: Inbox = inbox
        self._inbox.on_put = self._wake

    def _wake(self) -> None:
        if not self._busy and not self._host.dead:
            self._busy = True
            soon = self._scheduler.random.random() * _WAKING_SECONDS
            self._scheduler.after(soon, self._begin)

    def _begin(self) -> None:
        scheduler, host = self._scheduler, self._host
        if host.frozen_until > scheduler.now:
            scheduler.after(host.frozen_until - scheduler.now, self._begin)
        elif not host.dead:
            scheduler.spawn(self._work, host, self._actor.role)

    def _work(self) -> None:
        """Deal with what came, and with what comes meanwhile."""
        letters, actor = self._inbox.letters, self._actor
        while letters:
            message = letters.popleft().message
            if isinstance(message, messages._ActorStop):
                actor.actor_stopped.set()
                actor.on_stop()
                return
            actor.on_receive(message)
        self._busy = False
