"""Starts actors bottom-up, watches them, restarts them, drains them top-down."""

import heapq
import itertools
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pykka

from orders.actors.draining import DrainWait
from orders.actors.messages import ActorRestarted, Ping
from orders.actors.ports import Clock, Log, Telemetry
from orders.actors.restart import RestartBudget, RestartPolicy
from orders.actors.role import Role

_STEP_SECONDS = 0.25
"""How soon a failure or a hang is seen at the latest; reports wake it at once."""
_STANDSTILL_SECONDS = 2.0
"""A step that comes this late says that the whole process stood still."""


@dataclass(slots=True)
class Child:
    """One supervised actor: its role, and how to start a holder for it."""

    role: Role[Any]
    start: Callable[[], "pykka.ActorRef[Any]"]
    budget: RestartBudget = field(init=False)
    restart_at: float | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """How the supervisor judges its children.

    Attributes:
        policy: the restart budget of each child.
        ping_seconds: how often each child is asked for a sign of life.
        hang_seconds: a child silent for longer is replaced, unless it asked for
            more patience; its thread cannot be killed and is abandoned.
        max_abandoned: with more abandoned threads than this, not counting those that
            came to an end after all, the process must go.
        heartbeat_seconds: a thread of the process without a heartbeat for longer
            means that the process must go.
    """

    policy: RestartPolicy = field(default_factory=RestartPolicy)
    ping_seconds: float = 2.0
    hang_seconds: float = 15.0
    max_abandoned: int = 3
    heartbeat_seconds: float = 10.0


class Supervisor:
    """One-for-one supervision on a thread of its own.

    Args:
        children: in start order, the furthest downstream first.
        escalate: called once, with a reason, when the process cannot heal itself;
            it must end the process with a non-zero code.
        told_of_restarts: roles that are told ``ActorRestarted`` after each restart.
        heartbeats: threads that cannot be replaced, by name; each returns when it
            last showed life in the clock's seconds, None while it does not run.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        watch: Watch,
        clock: Clock,
        log: Log,
        telemetry: Telemetry,
        escalate: Callable[[str], None],
        told_of_restarts: Sequence[Role[Any]] = (),
        heartbeats: Mapping[str, Callable[[], float | None]] | None = None,
    ) -> None:
        self._children = {child.role.name: child for child in children}
        self._watch = watch
        self._clock = clock
        self._log = log
        self._telemetry = telemetry
        self._escalate = escalate
        self._told = told_of_restarts
        self._heartbeats = heartbeats or {}
        self._abandoned: list[pykka.ActorRef[Any]] = []
        self._escalated = False
        self._stopping = threading.Event()
        self._inbox: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._timers: list[tuple[float, int, Role[Any], object]] = []
        self._timer_numbers = itertools.count()
        self._next_ping = 0.0
        self._thread = threading.Thread(
            target=self._run, name="supervisor", daemon=True
        )
        self.last_step = self._judging_since = clock()
        for child in children:
            child.budget = RestartBudget(watch.policy)
            child.role.supervise(self, self.report)

    # --- from any thread ---

    def report(self, role: Role[Any], generation: int, error: BaseException) -> None:
        """Hear of a failure."""
        self._inbox.put(lambda: self._on_failure(role, generation, error))

    def after(self, seconds: float, role: Role[Any], message: object) -> None:
        """Tell ``role`` the message in ``seconds``."""
        due = self._clock() + seconds
        self._inbox.put(lambda: self._schedule(due, role, message))

    # --- life ---

    def start(self) -> None:
        """Start every child in order, then the watch."""
        for child in self._children.values():
            child.role.seat(child.start)
        self._thread.start()

    def drain(
        self,
        stages: Sequence[Role[Any]],
        deadline: float,
        *,
        obstacle: Callable[[], str | None] = lambda: None,
    ) -> list[str]:
        """Finish the work at hand stage by stage; return the roles left unfinished.

        A role may stand in several stages. ``deadline`` is in the clock's seconds.
        ``obstacle`` names what keeps work from being finished, such as a database
        that is away; where that lasts for 3 s nobody is waited for any longer.
        """
        wait = DrainWait(deadline, obstacle, clock=self._clock)
        left = []
        for role in stages:
            role.drain()
            reason = wait.for_role(role)
            if reason is not None:
                left.append(role.name)
                self._log.warning(
                    "actor.not_drained",
                    actor=role.name,
                    reason=reason,
                    depth=role.lane.depth,
                    pending=role.pending,
                )
        return left

    def stop(self, deadline: float) -> list[str]:
        """Stop the watch and every child; return those that did not stop in time."""
        self._stopping.set()
        self._inbox.put(None)
        self._thread.join(max(0.0, deadline - self._clock()))
        refs = [(c.role, c.role.dismiss()) for c in reversed(self._children.values())]
        late = []
        for role, ref in refs:
            if ref is None:
                continue
            try:
                ref.stop(timeout=max(0.05, deadline - self._clock()))
            except pykka.Timeout:
                late.append(role.name)
        return late

    # --- one step, on the supervisor's thread ---

    def step(self, now: float) -> float:
        """Deliver what is due, restart, look for hangs; return seconds until next."""
        if now - self.last_step > _STANDSTILL_SECONDS:
            self._begin_judging_anew(now)
        self.last_step = now
        while self._timers and self._timers[0][0] <= now:
            _, _, role, message = heapq.heappop(self._timers)
            role.tell(message)
        for child in self._children.values():
            self._look_after(child, now)
        self._look_at_heartbeats(now)
        if now >= self._next_ping:
            self._next_ping = now + self._watch.ping_seconds
            for child in self._children.values():
                child.role.tell(Ping())
        due = [now + _STEP_SECONDS, *(timer[0] for timer in self._timers[:1])]
        restarts = (child.restart_at for child in self._children.values())
        due.extend(at for at in restarts if at is not None)
        return max(min(due) - now, 0.0)

    def _run(self) -> None:
        wait = 0.0
        while not self._stopping.is_set():
            try:
                job = (
                    self._inbox.get(timeout=wait) if wait else self._inbox.get_nowait()
                )
            except queue.Empty:
                job = None
            try:
                if job is not None:
                    job()
                wait = self.step(self._clock())
            except Exception as error:  # noqa: BLE001 - a blind supervisor is no supervisor
                self._give_up(f"the supervisor failed: {error!r}")
                return

    def _schedule(self, due: float, role: Role[Any], message: object) -> None:
        heapq.heappush(self._timers, (due, next(self._timer_numbers), role, message))

    def _on_failure(
        self, role: Role[Any], generation: int, error: BaseException
    ) -> None:
        if role.generation != generation:
            return
        self._log.error(
            "actor.failed", actor=role.name, error=repr(error), exc_info=error
        )
        self._replace(self._children[role.name], "failed")

    def _begin_judging_anew(self, now: float) -> None:
        """Forgive silence: the process was stopped, or the machine slept."""
        self._judging_since = now
        for child in self._children.values():
            child.role.forgive()

    def _look_after(self, child: Child, now: float) -> None:
        role, holder = child.role, child.role.holder
        if child.restart_at is not None:
            if now >= child.restart_at:
                self._restart(child)
        elif holder is None:
            return  # its budget is used up, and the process on its way out
        elif not role.alive:
            self._log.error("actor.died", actor=role.name)
            self._replace(child, "died")
        elif role.hangs(now, self._watch.hang_seconds):
            self._log.error(
                "actor.hung", actor=role.name, silent_seconds=role.silent_seconds(now)
            )
            self._replace(child, "hung")
            self._abandoned = [ref for ref in self._abandoned if ref.is_alive()]
            self._abandoned.append(holder)
            if len(self._abandoned) > self._watch.max_abandoned:
                self._give_up("too many hung actors")

    def _look_at_heartbeats(self, now: float) -> None:
        for name, heartbeat in self._heartbeats.items():
            seen = heartbeat()
            if seen is None:
                continue
            if now - max(seen, self._judging_since) > self._watch.heartbeat_seconds:
                self._give_up(f"{name} stands still")

    def _replace(self, child: Child, why: str) -> None:
        role = child.role
        handed_back = role.vacate()
        delay = child.budget.spend(self._clock())
        if delay is None:
            self._give_up(f"{role.name} {why} too often")
            return
        child.restart_at = self._clock() + delay
        self._log.warning(
            "actor.restarting",
            actor=role.name,
            reason=why,
            delay_seconds=round(delay, 3),
            handed_back=handed_back,
        )

    def _restart(self, child: Child) -> None:
        child.restart_at = None
        child.role.restarts += 1
        child.role.seat(child.start)
        self._telemetry.actor_restarted(child.role.name)
        for role in self._told:
            role.tell(ActorRestarted(child.role.name))

    def _give_up(self, reason: str) -> None:
        if not self._escalated:
            self._escalated = True
            self._log.error("actor.escalated", reason=reason)
            self._escalate(reason)
