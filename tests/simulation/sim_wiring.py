"""A node's roles, actors and stores, wired as ``cli.children`` does.

Left out are what holds no promise: the readers and the notifier (which only logs).
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Protocol

from sim_clients import HastySource, SimPublisher
from sim_faults import Flaw
from sim_quiet import SilentLog, SilentTelemetry
from sim_scheduler import Host
from sim_seat import Seat
from sim_session import SimSession
from sim_surroundings import Surroundings

from orders.actors.event_producer import EventProducer
from orders.actors.front_desk import FrontDesk
from orders.actors.intake_writer import IntakeWriter
from orders.actors.lane import Lane
from orders.actors.messages import Replies
from orders.actors.node_status import NodeStatus
from orders.actors.order_consumer import OrderConsumer
from orders.actors.order_intake import OrderIntake
from orders.actors.pace import Pace
from orders.actors.payment_resolver import PaymentResolver
from orders.actors.restart import RestartBudget, RestartPolicy
from orders.actors.role import FailureReport, Role, Scheduler
from orders.actors.settlement_writer import SettlementWriter, weigh_settlement_work
from orders.actors.supervised import SupervisedActor
from orders.actors.sweep_rules import SweepRules
from orders.actors.sweeper import Sweeper
from orders.domain.payment import PaymentRule
from orders.messaging.consumer import KafkaRecordSource
from orders.messaging.partitioning import partition_of
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
    settle_anyway_after_seconds=9.0,
    tolerated_lag=2,
    advances_within_seconds=4.0,
)
"""The product's rules at the pace of a run that lasts seconds."""

_RULE = PaymentRule(PAYMENT_LIMIT)


class Process(Host, Replies, Scheduler, Protocol):
    """What a node is to its actors: their process, and their way to the outside."""

    status: NodeStatus


class Wiring:
    """The actors of one node, and how each is made anew."""

    def __init__(
        self, node: Process, around: Surroundings, report: FailureReport
    ) -> None:
        self._node = node
        self._around = around
        self._report = report
        self._log = SilentLog()
        self._telemetry = SilentTelemetry(around.scheduler.counts)
        self._identity = NodeIdentity(node.name, lease_seconds=RULES.lease_seconds)
        self.starts: dict[str, Callable[[], Any]] = {}
        self.budgets: dict[str, RestartBudget] = {}
        self._make_roles()

    def front_desk(self) -> FrontDesk:
        """Return what requests are given to."""
        return FrontDesk(
            intake=self.intake,
            order_changer=self._role("order-changer"),
            order_reader=self._role("order-reader"),
            detail_reader=self._role("detail-reader"),
            page_reader=self._role("page-reader"),
            replies=self._node,
            status=self._node.status,
            telemetry=self._telemetry,
            max_unpublished=RULES.max_unpublished,
            max_batch_orders=4,
        )

    def start(self) -> None:
        """Seat every actor."""
        shared = {"status": self._node.status, "telemetry": self._telemetry}
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
            max_in_flight=100,
            pace=self._pace(),
            **shared,
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
        if Flaw.NO_SWEEPER not in self._around.flaws:
            self._seat(
                Sweeper,
                self.sweeper,
                make_store=self._sweep_store,
                producer=self.producer,
                resolver=self.resolver,
                status=self._node.status,
                rules=RULES,
                partition_of=partition_of,
            )
        self._seat(
            IntakeWriter,
            self.writer,
            make_store=self._intake_store,
            prepare=lambda: None,
            intake=self.intake,
            producer=self.producer,
            sweeper=self.sweeper,
            replies=self._node,
            max_batch_orders=4,
            **shared,
        )
        self._seat(
            OrderIntake,
            self.intake,
            writers=(self.writer,),
            replies=self._node,
            status=self._node.status,
            telemetry=self._telemetry,
            max_batch_orders=4,
            client_waits_seconds=2.0,
            pace=self._pace(),
        )
        self._seat(
            OrderConsumer,
            self.consumer,
            make_source=self._record_source,
            resolver=self.resolver,
            writer=self.settlement,
            sweeper=self.sweeper,
            status=self._node.status,
            reports_lag=True,
        )

    def _role(
        self, name: str, capacity: int = 1, weigh: Callable[[Any], int] = lambda _: 1
    ) -> Role[Any]:
        role: Role[Any] = Role(
            name,
            Lane(capacity, weigh),
            log=self._log,
            clock=self._around.scheduler.clock,
        )
        role.supervise(self._node, self._report)
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

    def _seat(
        self, kind: type[SupervisedActor[Any]], role: Role[Any], **wiring: Any
    ) -> None:
        def start() -> Any:
            actor = kind(role, **wiring)
            Seat(self._around.scheduler, self._node, actor)
            actor.on_start()
            return actor.actor_ref

        random = self._around.scheduler.random.random
        self.budgets[role.name] = RestartBudget(
            RestartPolicy(), jitter=lambda: 0.8 + 0.4 * random()
        )
        self.starts[role.name] = start
        role.seat(start)

    def _pace(self) -> Pace:
        scheduler = self._around.scheduler
        return Pace(0.01, 0.002, clock=scheduler.clock, sleep=scheduler.pause)

    def _session(self) -> SimSession:
        around = self._around
        return SimSession(around.database, self._node, around.faults, around.flaws)

    def _intake_store(self) -> PostgresIntakeStore:
        return PostgresIntakeStore(self._session(), self._identity)

    def _settlement_store(self) -> PostgresSettlementStore:
        return PostgresSettlementStore(
            self._session(),
            self._identity,
            expire_after_seconds=self._around.database.expire_after_seconds,
        )

    def _sweep_store(self) -> PostgresSweepStore:
        return PostgresSweepStore(
            self._session(), self._identity, scan_delay_seconds=0.5
        )

    def _publisher(self) -> SimPublisher:
        around = self._around
        return SimPublisher(
            around.scheduler,
            around.topic,
            self._node,
            around.faults,
            around.flaws,
        )

    def _record_source(self) -> KafkaRecordSource:
        hasty = Flaw.OFFSETS_AHEAD in self._around.flaws
        return (HastySource if hasty else KafkaRecordSource)(
            bootstrap_servers="simulation:9092",
            client_id=self._node.name,
            topic="orders",
            group="orders",
            log=self._log,
            max_poll_records=4,
            max_outstanding_records=12,
            clock=self._around.scheduler.clock,
            pause=self._around.scheduler.pause,
        )
