"""One PostgreSQL and one Kafka for many batches, with proxies in front of each node.

    node 1 --> proxy --> PostgreSQL        clients --> (proxy -->) node 1
    node 1 --> proxy --> Kafka listener N1

Each node has a Kafka listener of its own, so that one node alone can be cut off.
"""

import contextlib
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from orders.chaos.database import alter_system
from orders.chaos.proxy import FaultProxy
from orders.chaos.proxy_rules import PASS
from orders.devstack import ports
from orders.devstack.kafka import EmbeddedKafka
from orders.devstack.postgres import EmbeddedPostgres

MAX_CONNECTIONS = 60
"""Of PostgreSQL: so few that a fault can use them all up."""


@dataclass(frozen=True, slots=True)
class Gates:
    """The ways of one node, each through a proxy, and its own ports."""

    postgres: FaultProxy
    kafka: FaultProxy
    http: FaultProxy
    http_port: int
    operations_port: int

    def open(self) -> None:
        """Pass everything on again."""
        for proxy in (self.postgres, self.kafka, self.http):
            proxy.disarm()
            proxy.set_rules(PASS)


class ChaosStack:
    """The servers and proxies of one run; owned by one thread.

    Args:
        directory: for the servers' data; durable settings, fsync included.
        nodes: how many nodes there will be.

    """

    def __init__(self, directory: Path, nodes: int) -> None:
        self._directory = directory
        self._count = nodes
        self._exits = contextlib.ExitStack()
        self.gates: tuple[Gates, ...] = ()
        self.postgres = EmbeddedPostgres(directory / "postgres")
        self._listeners = {
            f"N{number + 1}": (ports.choose_free(), ports.choose_free())
            for number in range(nodes)
        }
        self.kafka = EmbeddedKafka(directory / "kafka", listeners=self._listeners)

    def start(self) -> None:
        """Start the servers side by side, then the proxies.

        Raises:
            DevstackError: a server did not start.

        """
        self._directory.mkdir(parents=True, exist_ok=True)
        self._directory.chmod(0o711)  # the account of PostgreSQL passes through
        self._exits.callback(self.kafka.stop)
        self._exits.callback(self.postgres.stop)
        with ThreadPoolExecutor(2, "chaos stack") as threads:
            starts = [
                threads.submit(self._start_postgres),
                threads.submit(self.kafka.start),
            ]
        for start in starts:
            start.result()
        self.gates = tuple(self._gates(pair) for pair in self._listeners.values())

    def stop(self) -> None:
        """Stop everything; harmless when it is not running."""
        self._exits.close()

    def bring_back(self) -> None:
        """Have both servers run, after they were killed, stopped or frozen."""
        for server in (self.postgres, self.kafka):
            server.start()
            server.kill(signal.SIGCONT)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _start_postgres(self) -> None:
        self.postgres.start()
        alter_system(self.postgres.url, f"max_connections = {MAX_CONNECTIONS}")
        self.postgres.stop()
        self.postgres.start()

    def _gates(self, kafka: tuple[int, int]) -> Gates:
        listens, advertised = kafka
        http_port = ports.choose_free()
        return Gates(
            postgres=self._exits.enter_context(FaultProxy(self.postgres.port)),
            kafka=self._exits.enter_context(FaultProxy(listens, advertised)),
            http=self._exits.enter_context(FaultProxy(http_port)),
            http_port=http_port,
            operations_port=ports.choose_free(),
        )
