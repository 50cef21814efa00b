"""Puts a node together: adapters, roles, actors, HTTP, operations.

Nothing here connects or starts a thread; ``Node.run`` does.
"""

import os
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

from orders.actors.front_desk import FrontDesk
from orders.actors.messages import Replies
from orders.actors.node_status import NodeStatus
from orders.actors.restart import RestartPolicy
from orders.actors.supervisor import Supervisor, Watch
from orders.cli.access import keyed_access
from orders.cli.adapters import Adapters
from orders.cli.children import Parts, children_of
from orders.cli.descriptors import room_for_clients
from orders.cli.health import MetricsSource, health_of, publish_gauges
from orders.cli.node import Node
from orders.cli.roles import Roles, make_roles
from orders.config.logs import get_logger
from orders.config.settings import Settings
from orders.contract.documents import DOCUMENTS
from orders.domain.errors import DatabaseUnavailableError
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
from orders.persistence.failures import UnsuitableServerError
from orders.persistence.migrations import MigrationError

_LOOP_STALL_SECONDS = 10.0


def compose(
    settings: Settings,
    database_url: str,
    bootstrap_servers: str,
    *,
    log_lines_dropped: Callable[[], int] = lambda: 0,
) -> Node:
    """Return a node that is ready to run.

    Raises:
        OSError: an address to listen on is taken, or too few files may be open.
    """
    node: Node
    log = get_logger("orders").bind()
    http = settings.http
    clients = room_for_clients(http.max_connections, settings.kafka.consumers, log)
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
    parts = Parts(settings, roles, adapters, prepare, loop, status, metrics)
    children = children_of(parts)
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
            max_connections=clients.served,
            refusal_room=clients.refused,
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
    publish_gauges(
        *(metrics, status, roles, server, dispatcher),
        log_lines_dropped=log_lines_dropped,
        clock=time.monotonic,
    )
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
        delay_seconds=settings.shutdown.delay_seconds,
        exit_now=os._exit,
    )
    return node


def _prepare(adapters: Adapters, refuse: Callable[[str], None]) -> None:
    """Prepare the database; what waiting cannot mend ends the node."""
    try:
        adapters.prepare_database()
    except (
        MigrationError,
        SchemaOutdatedError,
        UnsafeServerError,
        UnsuitableServerError,
    ) as error:
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
        detail_reader=roles.detail_reader,
        page_reader=roles.page_reader,
        replies=replies,
        status=status,
        telemetry=metrics,
        max_unpublished=settings.intake.max_unpublished,
        max_batch_orders=settings.intake.max_batch_orders,
    )


def _watch(settings: Settings) -> Watch:
    supervisor = settings.supervisor
    return Watch(
        policy=RestartPolicy(supervisor.max_restarts, supervisor.window_seconds),
        hang_seconds=supervisor.hang_seconds,
        heartbeat_seconds=_LOOP_STALL_SECONDS,
    )
