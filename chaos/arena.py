"""One batch: a fresh database and topic, the nodes, and the load on them."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from orders.chaos.database import count_left, drop_database, make_database
from orders.chaos.load_process import LoadPlan, LoadProcess
from orders.chaos.load_stats import LoadStats
from orders.chaos.node import ChaosNode, NodeFailedError
from orders.chaos.releases import THIS, Release
from orders.chaos.stack import ChaosStack
from orders.devstack.deadline import wait_until
from orders.devstack.ports import LOOPBACK
from orders.domain.audit import AuditedRecord, RecordPlace
from orders.domain.errors import DatabaseUnavailableError
from orders.verification.journal import Operation, read_journal

_WARM_ORDERS = 100
_WARM_SECONDS = 30.0
_FLOW_SECONDS = 20.0
GRACE_SECONDS = 20.0
"""The time a node may take to drain: the default of its setting."""
_CLOSE_SECONDS = 10.0
_FLOOD_NUMBERS = 10_000
"""More than a load has clients: each keeps its number to itself."""


class Arena:
    """The nodes and the load of one batch, for faults to act on. One thread.

    Attributes:
        stack: the servers and proxies.
        nodes: the nodes; they run unless a fault says otherwise.
        load: the load, while it runs.
        database: the name of the batch's database.
        topic: the name of the batch's topic; its group is ``<topic>-group``.
        forged: records of the topic that name orders and that the harness wrote.
        earlier: what the topic held before the harness destroyed it.
        forgotten: ids of orders that the harness made PostgreSQL forget.

    """

    def __init__(
        self,
        stack: ChaosStack,
        name: str,
        directory: Path,
        load: LoadPlan,
        settings: Mapping[str, str],
        release: Release = THIS,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.stack = stack
        self.database = name
        self.topic = name.replace("_", "-")
        self.group = f"{self.topic}-group"
        self.directory = directory
        self._plan = load
        self.nodes = tuple(
            ChaosNode(
                f"node-{number}",
                gates,
                {
                    "ORDERS_DATABASE__URL": self._url_through(gates.postgres.port),
                    "ORDERS_KAFKA__TOPIC": self.topic,
                    "ORDERS_KAFKA__GROUP": self.group,
                    **settings,
                },
                directory / f"node-{number}.log",
                release,
            )
            for number, gates in enumerate(stack.gates, 1)
        )
        self.load: LoadProcess
        self._others: list[LoadProcess] = []
        self.forged: set[RecordPlace] = set()
        self.earlier: list[AuditedRecord] = []
        self.forgotten: set[str] = set()

    @property
    def database_url(self) -> str:
        """The batch's database, past every proxy."""
        return self.stack.postgres.url_for(self.database)

    def operations(self) -> Iterator[Operation]:
        """Yield what the clients saw, of earlier loads and floods too, as far as they
        have written it. Orders that PostgreSQL was made to forget are left out.
        """
        for load in (self.load, *self._others):
            for operation in read_journal(load.journal):
                if operation.order_id not in self.forgotten:
                    yield operation

    def start_flood(self, clients: int, rate: float) -> LoadProcess:
        """Start more clients beside the load; whoever asks for them ends them."""
        flood = self._further_load(clients, rate)
        self._others.append(flood)
        return flood

    def renew_load(self) -> None:
        """Put new clients in place of the load, which has ended."""
        fresh = self._further_load(self._plan.clients, self._plan.rate)
        self._others.append(self.load)
        self.load = fresh

    def _further_load(self, clients: int, rate: float) -> LoadProcess:
        number = len(self._others) + 1
        directory = self.directory / f"load-{number}"
        directory.mkdir()
        plan = replace(
            self._plan,
            run=f"{self._plan.run}-{number}",
            first_client=number * _FLOOD_NUMBERS,
            clients=clients,
            rate=rate,
        )
        return LoadProcess(plan, directory)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start everything and wait until orders flow; end all of it at the end."""
        make_database(self.stack.postgres.url, self.database)
        try:
            self.start_nodes()
            self.load = LoadProcess(self._plan, self.directory)
            try:
                self.await_flow(_WARM_SECONDS, orders=_WARM_ORDERS)
                yield
            finally:
                for load in (self.load, *self._others):
                    load.end()
        finally:
            for node in self.nodes:
                node.end()

    def await_flow(self, seconds: float = _FLOW_SECONDS, orders: int = 20) -> None:
        """Wait until every node has accepted an order, and ``orders`` more all in all.

        Raises:
            NodeFailedError: that does not come to pass.

        """
        began, before = time.monotonic(), self.load.stats.acknowledged

        def flows(stats: LoadStats) -> bool:
            some = stats.acknowledged - before >= orders
            return some and min(stats.ok_since, default=0) >= began

        if not self.load.await_stats(flows, seconds):
            raise NodeFailedError(f"no orders flow: {self.load.stats}")

    def bring_back(self, node: ChaosNode) -> float:
        """Start a node that has ended; return the seconds until it was ready."""
        began = time.monotonic()
        node.start()
        node.wait_ready()
        return time.monotonic() - began

    def await_settled(self, deadline: float) -> bool:
        """Wait until nothing is left to do; ``deadline`` is monotonic."""

        def is_done() -> bool:
            try:
                return count_left(self.database_url).nothing
            except DatabaseUnavailableError:
                return False

        return wait_until(is_done, max(0.0, deadline - time.monotonic()))

    def deaths(self) -> Iterator[str]:
        """Yield which nodes ended by themselves, each once."""
        for node in self.nodes:
            death = node.take_death()
            if death is not None:
                yield death

    def put_down(self, node: ChaosNode) -> Iterator[str]:
        """Tell a node to stop, where it runs; yield what was wrong with its end."""
        yield from self.deaths()
        if node.is_running:
            node.terminate()
            problem = stop_problem(node)
            if problem is not None:
                yield problem

    def start_nodes(self) -> None:
        """Start all nodes, and wait until each is ready.

        Raises:
            NodeFailedError: one is not.

        """
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait_ready()

    def stop_nodes(self) -> Iterator[str]:
        """Tell all nodes to stop; yield what was wrong with how they did."""
        yield from self.deaths()
        running = [node for node in self.nodes if node.is_running]
        for node in running:
            node.terminate()
        for node in running:
            problem = stop_problem(node)
            if problem is not None:
                yield problem

    def drop(self) -> None:
        """Drop the database."""
        drop_database(self.stack.postgres.url, self.database)

    def _url_through(self, port: int) -> str:
        direct = self.database_url
        return direct.replace(
            f"{LOOPBACK}:{self.stack.postgres.port}", f"{LOOPBACK}:{port}"
        )


def stop_problem(node: ChaosNode) -> str | None:
    """Wait until a node that was told to stop has; say what was wrong with it."""
    began = time.monotonic()
    try:
        code = node.wait_exit(GRACE_SECONDS + _CLOSE_SECONDS)
    except NodeFailedError as error:
        node.end()
        return str(error)
    took = time.monotonic() - began
    if code:
        return f"{node.name} ended with {code} after SIGTERM, not with 0"
    if took > GRACE_SECONDS:
        return f"{node.name} took {took:.1f} s to stop"
    return None
