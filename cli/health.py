"""What a node says about itself: probes, gauges and the operator's numbers."""

import math
from collections.abc import Callable, Mapping
from functools import partial

from orders.actors.node_status import NodeStatus
from orders.actors.ports import Clock
from orders.actors.supervisor import Supervisor
from orders.cli.roles import Roles
from orders.http.dispatcher import GreenletDispatcher
from orders.http.health import Check, CheckState, HealthChecks
from orders.http.key_ring import KeyRing
from orders.http.loop import EventLoop
from orders.http.server import OrderServer
from orders.observability import gauges
from orders.observability.metrics import Metrics
from orders.observability.status import StatusReader

_STALL_SECONDS = 10.0
_HIGH_WATER = 0.9
_COMMIT_SECONDS = 3.0
"""A commit that takes longer, with none that ends meanwhile, waits for a standby."""


class MetricsSource:
    """Gives the operations listener its numbers."""

    def __init__(self, metrics: Metrics) -> None:
        self.exposition = metrics.exposition
        self._status = StatusReader(metrics.registry)

    def status(self) -> Mapping[str, object]:
        """Return the numbers of the operator's page."""
        return dict(self._status.read())


def health_of(
    status: NodeStatus,
    roles: Roles,
    supervisor: Supervisor,
    loop: EventLoop,
    clock: Clock,
    ring: KeyRing | None = None,
) -> HealthChecks:
    """Return the probes of a node; ``ring`` where it asks for API keys."""
    database = partial(_database, status, clock)
    keys = {} if ring is None else {"api_keys": partial(_keys, ring)}
    return HealthChecks(
        live={
            "supervisor": lambda: _fresh("supervisor", supervisor.last_step, clock),
            "http_loop": lambda: _fresh("http_loop", loop.heartbeat, clock),
        },
        ready={
            "database": database,
            "kafka": partial(_broker, status),
            "intake": partial(_intake, roles),
            "draining": partial(_draining, status),
            **keys,
        },
        started={"database": database},
    )


def _fresh(name: str, seen: float | None, clock: Clock) -> Check:
    if seen is None:
        return Check(name, CheckState.FAILED, "not running")
    silent = clock() - seen
    if silent > _STALL_SECONDS:
        return Check(name, CheckState.FAILED, f"silent for {silent:.0f} s")
    return Check(name, CheckState.OK)


def _database(status: NodeStatus, clock: Clock) -> Check:
    if not status.database_available:
        return Check("database", CheckState.FAILED, status.database_error)
    stalled = status.stalled_seconds(clock())
    if stalled > _COMMIT_SECONDS:
        text = f"no commit has ended for {stalled:.0f} s"
        return Check("database", CheckState.FAILED, text)
    return Check("database", CheckState.OK)


def _broker(status: NodeStatus) -> Check:
    if not status.broker_available:
        waiting = f"{status.broker_error}; events wait in the outbox"
        return Check("kafka", CheckState.DEGRADED, waiting)
    if status.unwritable_partitions:
        some = ", ".join(str(number) for number in sorted(status.unwritable_partitions))
        return Check(
            "kafka", CheckState.DEGRADED, f"does not write to partition {some}"
        )
    return Check("kafka", CheckState.OK)


def _intake(roles: Roles) -> Check:
    lane = roles.order_intake.lane
    if lane.depth >= lane.capacity * _HIGH_WATER:
        return Check("intake", CheckState.FAILED, f"{lane.depth} orders wait")
    return Check("intake", CheckState.OK)


def _keys(ring: KeyRing) -> Check:
    if ring.is_fresh():
        return Check("api_keys", CheckState.OK, f"{len(ring)} keys")
    return Check("api_keys", CheckState.FAILED, "not read lately")


def _draining(status: NodeStatus) -> Check:
    if status.leaving or status.draining:
        return Check("draining", CheckState.FAILED, "the node is stopping")
    return Check("draining", CheckState.OK)


def publish_gauges(
    metrics: Metrics,
    status: NodeStatus,
    roles: Roles,
    server: OrderServer,
    dispatcher: GreenletDispatcher,
    log_lines_dropped: Callable[[], int],
    clock: Clock,
) -> None:
    """Register what is read at each scrape; ``clock`` is the actors'."""
    readers: dict[gauges.Gauge, gauges.Reader] = {
        gauges.UNSETTLED_OLDEST_AGE_SECONDS: lambda: (
            status.unsettled_oldest_age_seconds
        ),
        gauges.UNSETTLED_OLDEST_AGE_STALE_SECONDS: partial(
            _stale_seconds, status, clock
        ),
        gauges.SEARCH_BEHIND_SECONDS: lambda: status.search_behind_seconds,
        gauges.OUTBOX_PENDING: lambda: status.unpublished,
        gauges.OUTBOX_OLDEST_AGE_SECONDS: lambda: status.outbox_oldest_age_seconds,
        gauges.UNWRITABLE_PARTITIONS: lambda: len(status.unwritable_partitions),
        gauges.CONSUMER_LAG: lambda: {
            (str(partition),): behind
            for partition, behind in status.partition_lag.items()
        },
        gauges.MAILBOX_DEPTH: lambda: {(r.name,): r.lane.depth for r in roles},
        gauges.DB_CONNECTED: lambda: {("intake",): float(status.database_available)},
        gauges.DEAD_LETTERS: lambda: status.dead_letters,
        gauges.PARKED_REQUESTS: lambda: dispatcher.parked,
        gauges.HTTP_CONNECTIONS: lambda: server.connections,
        gauges.LOG_LINES_DROPPED: log_lines_dropped,
    }
    for gauge, reader in readers.items():
        metrics.register_gauge(gauge, reader)


def _stale_seconds(status: NodeStatus, clock: Clock) -> float:
    """Return for how long the age of the oldest order has not been read; for ever,
    where it never was.
    """
    known_at = status.unsettled_known_at
    return math.inf if known_at is None else max(0.0, clock() - known_at)
