"""Puts a node together: adapters, roles, actors, HTTP, operations.

Nothing here connects or starts a thread; ``Node.run`` does.
"""

import os
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

from orders.actors.event_producer import EventProducer
from orders.actors.front_desk import FrontDesk
from orders.actors.intake_writer import IntakeWriter
from orders.actors.messages import Replies
from orders.actors.node_status import NodeStatus
from orders.actors.notifier import Notifier
from orders.actors.order_changer import OrderChanger
from orders.actors.order_consumer import OrderConsumer
from orders.actors.order_intake import OrderIntake
from orders.actors.order_reader import OrderReader
from orders.actors.pace import Pace
from orders.actors.page_reader import PageReader
from orders.actors.payment_resolver import PaymentResolver
from orders.actors.restart import RestartPolicy
from orders.actors.role import Role
from orders.actors.settlement_writer import SettlementWriter
from orders.actors.supervised import SupervisedActor
from orders.actors.supervisor import Child, Supervisor, Watch
from orders.actors.sweeper import Sweeper, SweepRules
from orders.cli.access import keyed_access
from orders.cli.adapters import Adapters
from orders.cli.health import MetricsSource, health_of, publish_gauges
from orders.cli.node import Node
from orders.cli.roles import Roles, make_roles
from orders.config.logs import get_logger
from orders.config.settings import Settings
from orders.contract.documents import DOCUMENTS
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.payment import PaymentRule
from orders.http.app import create_app
from orders.http.batch_resources import BATCH_PATH
from orders.http.dispatcher import GreenletDispatcher
from orders.http.limits import Limits
from orders.http.loop import EventLoop
from orders.http.operations import OperationsServer
from orders.http.operations_app import Version
from orders.http.problems import listener_problem
from orders.http.server import OrderServer
from orders.observability.metrics import Metrics
from orders.persistence.database import SchemaOutdatedError
from orders.persistence.durability import UnsafeServerError
from orders.persistence.migrations import MigrationError

_SECONDS_PER_HOUR = 3600
_LOOP_STALL_SECONDS = 10.0

# How long a busy stage lets work gather: the longest, for each row, and the shortest. A
# client waits for the first pace; the others only come between acceptance and
# settlement, and grow from about 1,700 orders a second on (docs/decisions/0007).
_PACE_OF_ORDERS = (0.001, 0.001)
_PACE_OF_EVENTS = (0.2, 0.000_3, 0.01)
_PACE_OF_SETTLEMENTS = (0.2, 0.000_2, 0.01)


def compose(
    settings: Settings,
    database_url: str,
    bootstrap_servers: str,
    *,
    log_lines_dropped: Callable[[], int] = lambda: 0,
) -> Node:
    """Return a node that is ready to run.

    Raises:
        OSError: an address to listen on is taken.
    """
    node: Node
    log = get_logger("orders").bind()
    release = version("orders")
    metrics = Metrics(log, version=release)
    status = NodeStatus()
    loop = EventLoop(log=log, on_turn=metrics.loop_turn)
    roles = make_roles(settings, log=log, clock=time.monotonic)
    adapters = Adapters(settings, database_url, bootstrap_servers, log)
    prepare = partial(
        _prepare,
        adapters,
        refuse=lambda reason: node.refuse(reason),  # noqa: PLW0108 - made below
    )
    children = _children(settings, roles, adapters, prepare, loop, status, metrics)

    access = keyed_access(settings, roles.key_keeper, adapters, status)
    if access is not None:
        children.append(access.keeper)
    dispatcher = GreenletDispatcher(loop)
    desk = _front_desk(settings, roles, loop, status, metrics)
    loop.after_turn(desk.end_turn)
    app = create_app(
        backend=desk,
        parking=dispatcher,
        meter=metrics,
        log=log,
        clock=time.monotonic,
        default_currency=settings.currency,
        store_timeout_seconds=settings.http.store_timeout_seconds,
        read_timeout_seconds=settings.http.read_timeout_seconds,
        max_wait_seconds=settings.http.max_wait_seconds,
        max_body_bytes=settings.http.max_body_bytes,
        max_batch_bytes=settings.http.max_batch_bytes,
        batch_timeout_seconds=settings.http.batch_timeout_seconds,
        access=None if access is None else access.control,
        access_log=log if settings.log.access else None,
        documents=DOCUMENTS,
    )
    server = OrderServer(
        app,
        host=settings.http.host,
        port=settings.http.port,
        loop=loop,
        dispatcher=dispatcher,
        problem=listener_problem,
        admit=None if access is None else access.control.admit,
        body_bytes={BATCH_PATH: settings.http.max_batch_bytes},
        limits=Limits(
            max_body_bytes=settings.http.max_body_bytes,
            max_connections=settings.http.max_connections,
            request_timeout_seconds=settings.http.request_timeout_seconds,
            keep_alive_seconds=settings.http.keep_alive_seconds,
        ),
    )
    supervisor = Supervisor(
        children,
        watch=_watch(settings),
        clock=time.monotonic,
        log=log,
        telemetry=metrics,
        escalate=lambda reason: node.escalate(reason),  # noqa: PLW0108 - made below
        told_of_restarts=(roles.sweeper,),
        heartbeats={"the HTTP loop": lambda: loop.heartbeat},
    )
    publish_gauges(metrics, status, roles, server, dispatcher, log_lines_dropped)
    operations = OperationsServer(
        settings.operations.host,
        settings.operations.port,
        health=health_of(
            *(status, roles, supervisor, loop, time.monotonic),
            ring=None if access is None else access.ring,
        ),
        source=MetricsSource(metrics),
        version=Version(release, settings.node_name),
    )
    node = Node(
        roles=roles,
        supervisor=supervisor,
        loop=loop,
        server=server,
        operations=operations,
        status=status,
        log=log,
        hosts=(settings.http.host, settings.operations.host),
        grace_seconds=settings.shutdown.grace_seconds,
        exit_now=os._exit,
    )
    return node


def _prepare(adapters: Adapters, refuse: Callable[[str], None]) -> None:
    """Prepare the database; what waiting cannot mend ends the node."""
    try:
        adapters.prepare_database()
    except (MigrationError, SchemaOutdatedError, UnsafeServerError) as error:
        refuse(str(error))
        raise DatabaseUnavailableError(str(error)) from error


def _front_desk(
    settings: Settings,
    roles: Roles,
    replies: Replies,
    status: NodeStatus,
    metrics: Metrics,
) -> FrontDesk:
    return FrontDesk(
        intake=roles.order_intake,
        order_changer=roles.order_changer,
        order_reader=roles.order_reader,
        page_reader=roles.page_reader,
        replies=replies,
        status=status,
        telemetry=metrics,
        max_unpublished=settings.intake.max_unpublished,
    )


def _children(
    settings: Settings,
    roles: Roles,
    adapters: Adapters,
    prepare: Callable[[], None],
    replies: Replies,
    status: NodeStatus,
    metrics: Metrics,
) -> list[Child]:
    """List the actors in start order, the furthest downstream first."""
    payment, settlement = settings.payment, settings.settlement
    rule = PaymentRule(payment.limit, payment.limits)
    children = [
        _child(
            Notifier,
            roles.notifier,
            order_reader=roles.order_reader,
            status=status,
            telemetry=metrics,
        ),
        _child(
            SettlementWriter,
            roles.settlement_writer,
            make_store=adapters.settlement_store,
            producer=roles.event_producer,
            notifier=roles.notifier,
            sweeper=roles.sweeper,
            consumers=roles.consumers,
            upstream=(roles.payment_resolver, roles.event_producer),
            status=status,
            telemetry=metrics,
            max_batch_orders=settlement.max_batch_orders,
            pace=Pace(*_PACE_OF_SETTLEMENTS, clock=time.monotonic),
        ),
        _child(
            EventProducer,
            roles.event_producer,
            make_publisher=adapters.publisher,
            writer=roles.settlement_writer,
            sweeper=roles.sweeper,
            telemetry=metrics,
            max_in_flight=settings.kafka.max_in_flight,
            pace=Pace(*_PACE_OF_EVENTS, clock=time.monotonic),
        ),
        _child(
            PaymentResolver,
            roles.payment_resolver,
            make_store=adapters.settlement_store,
            rule=rule,
            writer=roles.settlement_writer,
            consumers=roles.consumers,
            status=status,
            telemetry=metrics,
            max_batch_orders=settlement.max_batch_orders,
        ),
        _child(
            OrderChanger,
            roles.order_changer,
            make_store=adapters.change_store,
            producer=roles.event_producer,
            notifier=roles.notifier,
            sweeper=roles.sweeper,
            replies=replies,
            status=status,
            telemetry=metrics,
        ),
        _child(
            OrderReader,
            roles.order_reader,
            make_store=adapters.read_store,
            replies=replies,
            status=status,
            max_waiters=settings.http.max_waiters,
        ),
        _child(
            PageReader,
            roles.page_reader,
            make_store=adapters.read_store,
            replies=replies,
        ),
        _child(
            Sweeper,
            roles.sweeper,
            make_store=adapters.sweep_store,
            producer=roles.event_producer,
            resolver=roles.payment_resolver,
            status=status,
            rules=_sweep_rules(settings),
        ),
    ]
    children.extend(
        _child(
            IntakeWriter,
            role,
            make_store=adapters.intake_store,
            prepare=prepare,
            intake=roles.order_intake,
            producer=roles.event_producer,
            sweeper=roles.sweeper,
            replies=replies,
            status=status,
            telemetry=metrics,
            max_batch_orders=settings.intake.max_batch_orders,
        )
        for role in roles.intake_writers.values()
    )
    children.append(
        _child(
            OrderIntake,
            roles.order_intake,
            writers=tuple(roles.intake_writers.values()),
            replies=replies,
            status=status,
            telemetry=metrics,
            pace=Pace(*_PACE_OF_ORDERS, clock=time.monotonic),
            max_batch_orders=settings.intake.max_batch_orders,
        )
    )
    children.extend(
        _child(
            OrderConsumer,
            role,
            make_source=partial(adapters.record_source, name),
            resolver=roles.payment_resolver,
            writer=roles.settlement_writer,
            sweeper=roles.sweeper,
            status=status,
            reports_lag=number == 0,
        )
        for number, (name, role) in enumerate(roles.consumers.items())
    )
    return children


def _child(
    actor: type[SupervisedActor[Any]], role: Role[Any], **arguments: object
) -> Child:
    return Child(role, partial(actor.start, role, **arguments))


def _watch(settings: Settings) -> Watch:
    supervisor = settings.supervisor
    return Watch(
        policy=RestartPolicy(supervisor.max_restarts, supervisor.window_seconds),
        hang_seconds=supervisor.hang_seconds,
        heartbeat_seconds=_LOOP_STALL_SECONDS,
    )


def _sweep_rules(settings: Settings) -> SweepRules:
    sweeper = settings.sweeper
    return SweepRules(
        interval_seconds=sweeper.interval_seconds,
        lease_seconds=sweeper.lease_seconds,
        abandoned_after_seconds=sweeper.abandoned_after_seconds,
        stuck_after_seconds=sweeper.stuck_after_seconds,
        max_stuck=sweeper.max_stuck_per_tick,
        max_unpublished=settings.intake.max_unpublished,
        key_retention_seconds=sweeper.key_retention_hours * _SECONDS_PER_HOUR,
    )
