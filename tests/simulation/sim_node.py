"""One node: the service's own actors, lanes and stores, without threads or sockets."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Protocol

from sim_scheduler import KilledError
from sim_surroundings import Surroundings
from sim_wiring import Wiring

from orders.actors.messages import ActorRestarted, Submission, Ticket
from orders.actors.node_status import NodeStatus
from orders.actors.role import Role

_HANG_SECONDS = 4.0


class ForeseenByNobodyError(Exception):
    """What ends an actor."""


class SimTicket(Protocol):
    """A request that waits for its answer."""

    def answered(self, answer: object) -> None:
        """The answer is on its way to the client."""

    def cut(self) -> None:
        """The connection is gone."""


class SimNode:
    """One process, from its start until it dies.

    The supervisor is here in its essence: a failed or hung actor is replaced within
    the product's budget, and past it the process ends.
    """

    def __init__(self, name: str, around: Surroundings) -> None:
        self.name = name
        self.around = around
        self.dead = False
        self.frozen_until = 0.0
        self._hung_until = 0.0
        self.tickets: dict[int, SimTicket] = {}
        self.status = NodeStatus()
        self._wiring = Wiring(self, around, self._report)
        self.desk = self._wiring.front_desk()
        self._wiring.start()

    @property
    def stands_still_until(self) -> float:
        """When the last frozen or hung part of it goes on, unaware."""
        return max(self.frozen_until, self._hung_until)

    # --- a host of tasks ---

    def before_parking(self, role: object) -> float:
        """Die, fail or hang here, if it is time for it."""
        scheduler, faults = self.around.scheduler, self.around.faults
        draw = scheduler.random.random()
        if self.dead or draw < faults.crash:
            self.crash()
            raise KilledError
        draw -= faults.crash
        if draw < faults.actor_fails and isinstance(role, Role):
            scheduler.note("actor_failed", self.name, role.name)
            raise ForeseenByNobodyError
        draw -= faults.actor_fails
        if draw < faults.actor_hangs and isinstance(role, Role):
            scheduler.note("actor_hung", self.name, role.name)
            scheduler.after(
                _HANG_SECONDS, partial(self._replace, role, role.generation)
            )
            seconds = _HANG_SECONDS * (1.0 + scheduler.random.random())
            self._hung_until = max(self._hung_until, scheduler.now + seconds)
            return seconds
        return 0.0

    def crash(self) -> None:
        """Die at once, as by SIGKILL; requests under way see their connection end."""
        if not self.dead:
            self.dead = True
            self.around.scheduler.note("crash", self.name)
            tickets, self.tickets = self.tickets, {}
            for ticket in tickets.values():
                ticket.cut()

    # --- what actors are given ---

    def answer(self, answers: Sequence[tuple[Ticket, object]]) -> None:
        """Take answers to the event loop, which sends them a little later."""
        scheduler = self.around.scheduler
        for ticket, value in answers:
            if id(ticket) in self.tickets:
                scheduler.after(
                    scheduler.latency(), partial(self._send, id(ticket), value)
                )

    def after(self, seconds: float, role: Role[Any], message: object) -> None:
        """Tell ``role`` the message in ``seconds``."""
        self.around.scheduler.after(seconds, partial(role.tell, message))

    def submit(self, submission: Submission, ticket: SimTicket) -> object | None:
        """Offer a request to the front desk; return its refusal."""
        refused = self.desk.submit(submission)
        if refused is None:
            self.tickets[id(submission.ticket)] = ticket
            self.around.scheduler.after(0.001, self._end_turn)
        return refused

    def _end_turn(self) -> None:
        if not self.dead:
            self.desk.end_turn()

    def _send(self, ticket_id: int, value: object) -> None:
        ticket = self.tickets.pop(ticket_id, None)
        if ticket is not None:
            ticket.answered(value)

    # --- supervision ---

    def _report(self, role: Role[Any], generation: int, error: BaseException) -> None:
        if self.dead:
            return
        if not isinstance(error, ForeseenByNobodyError):
            self.around.complain(f"raised: {error!r} by {role.name}")
        self.around.scheduler.after(0.0, partial(self._replace, role, generation))

    def _replace(self, role: Role[Any], generation: int) -> None:
        if self.dead or role.generation != generation:
            return
        role.vacate()
        scheduler = self.around.scheduler
        delay = self._wiring.budgets[role.name].spend(scheduler.now)
        if delay is None:
            scheduler.note("budget_used_up", self.name, role.name)
            self.crash()
            return
        scheduler.after(delay, partial(self._seat_again, role))

    def _seat_again(self, role: Role[Any]) -> None:
        if not self.dead:
            role.seat(self._wiring.starts[role.name])
            self._wiring.sweeper.tell(ActorRestarted(role.name))
