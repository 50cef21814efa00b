"""One node: the service's own actors, lanes and stores, without threads or sockets."""

from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Protocol

from pykka import _envelope, messages
from sim_clients import HastySource, SimPublisher
from sim_faults import Flaw
from sim_quiet import SilentLog, SilentTelemetry
from sim_scheduler import KilledError
from sim_session import SimSession
from sim_surroundings import Surroundings

from orders.actors.event_producer import EventProducer
from orders.actors.front_desk import FrontDesk
from orders.actors.intake_writer import IntakeWriter
from orders.actors.lane import Lane
from orders.actors.messages import ActorRestarted, Submission, Ticket
from orders.actors.node_status import NodeStatus
from orders.actors.order_consumer import OrderConsumer
from orders.actors.order_intake import OrderIntake
from orders.actors.pace import Pace
from orders.actors.payment_resolver import PaymentResolver
from orders.actors.restart import RestartBudget, RestartPolicy
from orders.actors.role import Role
from orders.actors.settlement_writer import SettlementWriter, weigh_settlement_work
from orders.actors.supervised import SupervisedActor
from orders.actors.sweeper import Sweeper, SweepRules
from orders.domain.payment import PaymentRule
from orders.messaging.consumer import KafkaRecordSource
from orders.persistence.identity import NodeIdentity
from orders.persistence.intake import PostgresIntakeStore
from orders.persistence.settlement import PostgresSettlementStore
from orders.persistence.sweeping import PostgresSweepStore

PAYMENT_LIMIT = Decimal(1000)
RULES = SweepRules(
    interval_seconds=2.5,
    lease_seconds=6.0,
    abandoned_after_seconds=8.0,
    stuck_after_seconds=3.0,
    stuck_backoff_seconds=1.0,
)
"""The product's rules at the pace of a run that lasts seconds."""

_HANG_SECONDS = 4.0
_RULE = PaymentRule(PAYMENT_LIMIT)


class ForeseenByNobodyError(Exception):
    """What ends an actor."""


class SimTicket(Protocol):
    """A request that waits for its answer."""

    def answered(self, answer: object) -> None:
        """The answer is on its way to the client."""

    def cut(self) -> None:
        """The connection is gone."""


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

    def __init__(self, node: "SimNode", actor: SupervisedActor[Any]) -> None:
        self._node = node
        self._actor = actor
        self._busy = False
        inbox: Any = actor.actor_inbox
        self._inbox: Inbox = inbox
        self._inbox.on_put = self._wake

    def _wake(self) -> None:
        if not self._busy and not self._node.dead:
            self._busy = True
            scheduler = self._node.around.scheduler
            scheduler.after(scheduler.random.random() * 0.003, self._begin)

    def _begin(self) -> None:
        scheduler, node = self._node.around.scheduler, self._node
        if node.frozen_until > scheduler.now:
            scheduler.after(node.frozen_until - scheduler.now, self._begin)
        elif not node.dead:
            scheduler.spawn(self._work, node, self._actor.role)

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


class SimNode:
    """One process, from its start until it dies; wired as ``cli.composition`` does.

    Left out are what holds no promise: the readers and the notifier (which only
    logs), and the HTTP text. The supervisor is here in its essence: a failed or
    hung actor is replaced within the same budget, and past it the process ends.
    """

    def __init__(self, name: str, around: Surroundings) -> None:
        self.name = name
        self.around = around
        self.dead = False
        self.frozen_until = 0.0
        self.tickets: dict[int, SimTicket] = {}
        self.status = NodeStatus()
        self._log = SilentLog()
        self._telemetry = SilentTelemetry(around.scheduler.counts)
        self._identity = NodeIdentity(name, lease_seconds=RULES.lease_seconds)
        self._starts: dict[str, Callable[[], Any]] = {}
        self._budgets: dict[str, RestartBudget] = {}
        self._make_roles()
        self.desk = FrontDesk(
            intake=self.intake,
            order_changer=self._role("order-changer"),
            order_reader=self._role("order-reader"),
            page_reader=self._role("page-reader"),
            replies=self,
            status=self.status,
            telemetry=self._telemetry,
            max_unpublished=RULES.max_unpublished,
        )
        self._start_actors()

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
            return _HANG_SECONDS * (1.0 + scheduler.random.random())
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
            self.around.complain(f"{role.name} raised {error!r}")
        self.around.scheduler.after(0.0, partial(self._replace, role, generation))

    def _replace(self, role: Role[Any], generation: int) -> None:
        if self.dead or role.generation != generation:
            return
        role.vacate()
        scheduler = self.around.scheduler
        delay = self._budgets[role.name].spend(scheduler.now)
        if delay is None:
            scheduler.note("budget_used_up", self.name, role.name)
            self.crash()
            return
        scheduler.after(delay, partial(self._seat_again, role))

    def _seat_again(self, role: Role[Any]) -> None:
        if not self.dead:
            role.seat(self._starts[role.name])
            self.sweeper.tell(ActorRestarted(role.name))

    # --- composition ---

    def _role(
        self, name: str, capacity: int = 1, weigh: Callable[[Any], int] = lambda _: 1
    ) -> Role[Any]:
        role: Role[Any] = Role(
            name,
            Lane(capacity, weigh),
            log=self._log,
            clock=self.around.scheduler.clock,
        )
        role.supervise(self, self._report)
        return role

    def _make_roles(self) -> None:
        self.intake = self._role("order-intake", 50, lambda m: len(m.submissions))
        self.writer = self._role("intake-writer", 8, lambda m: len(m.submissions))
        self.settlement = self._role("settlement-writer", 16, weigh_settlement_work)
        # The sweeper waits for room for a page of 500.
        self.producer = self._role("event-producer", 600, lambda m: len(m.events))
        self.resolver = self._role("resolver", 600, lambda m: len(m.order_ids))
        self.notifier = self._role("notifier", 10_000)
        self.sweeper = self._role("sweeper")
        self.consumer = self._role("order-consumer-1")

    def _start_actors(self) -> None:
        shared = {"status": self.status, "telemetry": self._telemetry}
        consumers = {self.consumer.name: self.consumer}
        self._seat(
            SettlementWriter,
            self.settlement,
            make_store=self._settlement_store,
            producer=self.producer,
            notifier=self.notifier,
            sweeper=self.sweeper,
            consumers=consumers,
            upstream=(self.resolver, self.producer),
            max_batch_orders=4,
            pace=self._pace(),
            **shared,
        )
        self._seat(
            EventProducer,
            self.producer,
            make_publisher=self._publisher,
            writer=self.settlement,
            sweeper=self.sweeper,
            telemetry=self._telemetry,
            max_in_flight=100,
            pace=self._pace(),
        )
        self._seat(
            PaymentResolver,
            self.resolver,
            make_store=self._settlement_store,
            rule=_RULE,
            writer=self.settlement,
            consumers=consumers,
            max_batch_orders=4,
            **shared,
        )
        if Flaw.NO_SWEEPER not in self.around.flaws:
            self._seat(
                Sweeper,
                self.sweeper,
                make_store=self._sweep_store,
                producer=self.producer,
                resolver=self.resolver,
                status=self.status,
                rules=RULES,
            )
        self._seat(
            IntakeWriter,
            self.writer,
            make_store=self._intake_store,
            prepare=lambda: None,
            intake=self.intake,
            producer=self.producer,
            sweeper=self.sweeper,
            replies=self,
            max_batch_orders=4,
            **shared,
        )
        self._seat(
            OrderIntake,
            self.intake,
            writer=self.writer,
            replies=self,
            telemetry=self._telemetry,
            max_batch_orders=4,
            pace=self._pace(),
        )
        self._seat(
            OrderConsumer,
            self.consumer,
            make_source=self._record_source,
            resolver=self.resolver,
            writer=self.settlement,
            sweeper=self.sweeper,
            status=self.status,
            reports_lag=True,
        )

    def _seat(
        self, kind: type[SupervisedActor[Any]], role: Role[Any], **wiring: Any
    ) -> None:
        def start() -> Any:
            actor = kind(role, **wiring)
            Seat(self, actor)
            actor.on_start()
            return actor.actor_ref

        random = self.around.scheduler.random.random
        self._budgets[role.name] = RestartBudget(
            RestartPolicy(), jitter=lambda: 0.8 + 0.4 * random()
        )
        self._starts[role.name] = start
        role.seat(start)

    def _pace(self) -> Pace:
        scheduler = self.around.scheduler
        return Pace(0.01, 0.002, clock=scheduler.clock, sleep=scheduler.pause)

    def _session(self) -> SimSession:
        around = self.around
        return SimSession(around.database, self, around.faults, around.flaws)

    def _intake_store(self) -> PostgresIntakeStore:
        return PostgresIntakeStore(self._session(), self._identity)

    def _settlement_store(self) -> PostgresSettlementStore:
        return PostgresSettlementStore(self._session(), self._identity)

    def _sweep_store(self) -> PostgresSweepStore:
        return PostgresSweepStore(
            self._session(), self._identity, scan_delay_seconds=0.5
        )

    def _publisher(self) -> SimPublisher:
        around = self.around
        return SimPublisher(
            around.scheduler,
            around.topic,
            self,
            around.faults,
            around.flaws,
        )

    def _record_source(self) -> KafkaRecordSource:
        hasty = Flaw.OFFSETS_AHEAD in self.around.flaws
        return (HastySource if hasty else KafkaRecordSource)(
            bootstrap_servers="simulation:9092",
            client_id=self.name,
            topic="orders",
            group="orders",
            log=self._log,
            max_poll_records=4,
            max_outstanding_records=12,
            clock=self.around.scheduler.clock,
            pause=self.around.scheduler.pause,
        )
