"""The life of one node: start, serve, drain, stop."""

import gc
import threading
import time
from collections.abc import Callable
from functools import partial

from orders.actors.node_status import NodeStatus
from orders.actors.ports import Log
from orders.actors.supervisor import Supervisor
from orders.cli.roles import Roles
from orders.cli.target import local_url, origin
from orders.config.exit_codes import DRAINED, ESCALATED, START_FAILED
from orders.http.loop import EventLoop
from orders.http.operations import OperationsServer
from orders.http.server import OrderServer

_ESCALATION_DRAIN_SECONDS = 1.0
_ESCALATION_LIMIT_SECONDS = 10.0
_STOP_SECONDS = 5.0
_JOIN_SECONDS = 10.0
_COLLECT_AFTER_OBJECTS = 20_000


class Node:
    """Owns the order of things; ``run`` returns the exit code of the process."""

    def __init__(
        self,
        *,
        roles: Roles,
        supervisor: Supervisor,
        loop: EventLoop,
        server: OrderServer,
        operations: OperationsServer,
        status: NodeStatus,
        log: Log,
        hosts: tuple[str, str],
        grace_seconds: float,
        delay_seconds: float,
        exit_now: Callable[[int], None],
    ) -> None:
        self._roles = roles
        self._supervisor = supervisor
        self._loop = loop
        self._server = server
        self._operations = operations
        self._status = status
        self._log = log
        self._hosts = hosts
        self._grace_seconds = grace_seconds
        self._delay_seconds = delay_seconds
        self._ways_out = [self._delay, self._drain] if delay_seconds else [self._drain]
        self._exit_now = exit_now
        self._exit_code = DRAINED
        self._deadline: float | None = None

    def run(self, on_ready: Callable[[str, str], None] | None = None) -> int:
        """Serve until told to stop; on the main thread, which becomes the HTTP loop.

        ``on_ready`` is told where this machine reaches the API and the operations port.
        """
        self._server.bind()
        self._operations.start()
        self._supervisor.start()
        _calm_collector()
        api_host, operations_host = self._hosts
        api = origin(api_host, self._server.port)
        operations = origin(operations_host, self._operations.port)
        self._log.info("node.started", api=api, operations=operations)
        if on_ready is not None:
            reached = (
                local_url(api_host, self._server.port),
                local_url(operations_host, self._operations.port),
            )
            self._announce_later(partial(on_ready, *reached))
        unanswered = self._serve()
        self._leave()
        if unanswered:
            self._log.warning("http.unanswered", count=unanswered)
        return self._exit_code

    def _serve(self) -> int:
        """Run the loop to its end; return how many requests it left unanswered."""
        try:
            return self._server.run()
        except BaseException:  # noqa: BLE001 - the process ends of it
            # Whatever it was, the lanes are emptied as well as may be, and the exit
            # code says that this was no drain.
            self._exit_code = ESCALATED
            self._log.critical("process.crashed", exc_info=True)
            return 0

    def stop_soon(self, reason: str) -> bool:
        """Begin to leave in the loop's next turn; safe in a signal handler.

        Called once more in the delay, it begins the drain. False where that has begun
        already: nothing is left to bring forward.
        """
        try:
            way = self._ways_out.pop(0)  # in one step: a signal may come in between two
        except IndexError:
            return False
        self._loop.call(partial(way, reason))
        return True

    def _delay(self, reason: str) -> None:
        """Say that the node is leaving, and go on: who routes here has to see it."""
        self._status.leaving = True
        now = time.monotonic()
        self._deadline = self._deadline or now + self._grace_seconds
        self._log.info("node.leaving", reason=reason, seconds=self._delay_seconds)
        self._server.close_answered()
        self._loop.at(now + self._delay_seconds, partial(self._hurry, reason))

    def _hurry(self, reason: str) -> None:
        """The delay is over, unless a second signal ended it before."""
        self.stop_soon(reason)

    def _drain(self, reason: str) -> None:
        self._status.draining = True
        now = time.monotonic()
        self._deadline = self._deadline or now + self._grace_seconds
        self._log.info("node.draining", reason=reason)
        # Waiting clients get the present state now rather than at their deadline.
        self._roles.order_reader.drain()
        self._server.drain((self._deadline - now) / 2)

    def refuse(self, reason: str) -> None:
        """Leave because the start can never succeed; from any thread."""
        if self._exit_code == START_FAILED:
            return
        self._exit_code = START_FAILED
        self._log.error("node.refused", reason=reason)
        self._server.drain(_ESCALATION_DRAIN_SECONDS)

    def escalate(self, reason: str) -> None:
        """Leave with a code that says so; from the supervisor's thread."""
        self._exit_code = ESCALATED
        self._status.draining = True
        self._deadline = time.monotonic() + _ESCALATION_DRAIN_SECONDS
        self._log.error("node.escalated", reason=reason)
        # Whatever hangs, and be it the main thread, the process ends.
        last_resort = threading.Timer(
            _ESCALATION_LIMIT_SECONDS, self._exit_now, (ESCALATED,)
        )
        last_resort.daemon = True
        last_resort.start()
        self._server.drain(_ESCALATION_DRAIN_SECONDS)

    def _announce_later(self, announce: Callable[[], None]) -> None:
        """Announce once orders are settled promptly: the consumers have joined."""
        give_up = time.monotonic() + _JOIN_SECONDS
        waiting = [announce]

        def look() -> None:
            status = self._status
            joined = all(
                status.lag_by_consumer.get(name) for name in self._roles.consumers
            )
            serves = status.database_available and joined
            if waiting and (serves or time.monotonic() > give_up):
                waiting.pop()()

        self._loop.on_tick(look)

    def _obstacle(self) -> str | None:
        """Return what keeps the work at hand from being finished, if anything."""
        if not self._status.database_available:
            return "PostgreSQL is away"
        if not self._status.broker_available:
            return "Kafka is away"
        if self._status.unwritable_partitions:
            return "Kafka does not write to some partitions"
        return None

    def _leave(self) -> None:
        """Empty the lanes in the order of the stream, then stop every actor."""
        self._status.draining = True
        deadline = self._deadline or time.monotonic() + self._grace_seconds
        roles = self._roles
        unfinished = self._supervisor.drain(
            (
                roles.sweeper,
                roles.order_intake,
                *roles.intake_writers.values(),
                roles.order_changer,
                *roles.consumers.values(),
                roles.payment_resolver,
                roles.settlement_writer,
                roles.event_producer,
                roles.settlement_writer,  # again: it forgets what was just confirmed
                roles.notifier,
            ),
            deadline,
            obstacle=self._obstacle,
        )
        late = self._supervisor.stop(max(deadline, time.monotonic() + _STOP_SECONDS))
        self._operations.stop()
        self._log.info(
            "node.stopped",
            unfinished=unfinished,  # safe in PostgreSQL, taken up by other nodes
            not_stopped=late,
            exit_code=self._exit_code,
        )


def _calm_collector() -> None:
    """Collect cycles less often, and never look again at what lives for ever.

    By default every 700 new objects start a collection that walks over all parked
    requests: a tenth of the loop's time at 3,000 orders a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER_OBJECTS, 20, 20)
