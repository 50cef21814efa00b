"""PostgreSQL and Kafka for many batches, with proxies in front of each node.

    node 1 --> proxy --> PostgreSQL        clients --> (proxy -->) node 1
    node 1 --> proxy --> Kafka listener N1

Each node has a Kafka listener of its own, so that one node alone can be cut off; where
a row needs three brokers, each of them has one for each node.
"""

import contextlib
import signal
from collections.abc import Iterable
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
from orders.devstack.kafka_settings import BrokerPlace
from orders.devstack.postgres import EmbeddedPostgres

MAX_CONNECTIONS = 60
"""Of PostgreSQL: so few that a fault can use them all up."""


@dataclass(frozen=True, slots=True)
class Gates:
    """The ways of one node, each through a proxy, and its own ports."""

    postgres: FaultProxy
    kafka: tuple[FaultProxy, ...]
    """One for each broker."""
    http: FaultProxy
    http_port: int
    operations_port: int
    bootstrap_servers: str
    """Kafka's brokers, as the node is told of them."""

    def open(self) -> None:
        """Pass everything on again."""
        for proxy in (self.postgres, *self.kafka, self.http):
            proxy.disarm()
            proxy.set_rules(PASS)


class ChaosStack:
    """The servers and proxies of one run; owned by one thread.

    Args:
        directory: for the servers' data; durable settings, fsync included.
        nodes: how many nodes there will be.
        brokers: how many Kafka has; the first is its controller.

    Attributes:
        kafka: the first broker.
        brokers: all of them.

    """

    def __init__(self, directory: Path, nodes: int, brokers: int = 1) -> None:
        self._directory = directory
        self._count = nodes
        self._exits = contextlib.ExitStack()
        self.gates: tuple[Gates, ...] = ()
        self.postgres = EmbeddedPostgres(directory / "postgres")
        self._listeners = [f"N{number + 1}" for number in range(nodes)]
        self.kafka = EmbeddedKafka(
            directory / "kafka",
            listeners=_listeners(self._listeners),
            place=BrokerPlace(1, brokers),
        )
        self.brokers = (
            self.kafka,
            *(self._further_broker(n, brokers) for n in range(2, brokers + 1)),
        )

    def bootstrap_servers(self) -> str:
        """Return where the harness itself reaches Kafka, past every proxy.

        Of several brokers those that answer now: a client that tries a frozen one
        first spends all its time on it.
        """
        if len(self.brokers) == 1:
            return self.kafka.bootstrap_servers
        serving = [it for it in self.brokers if it.is_serving()]
        return ",".join(it.bootstrap_servers for it in serving or self.brokers)

    def start(self) -> None:
        """Start the servers side by side, then the proxies.

        Raises:
            DevstackError: a server did not start.

        """
        self._directory.mkdir(parents=True, exist_ok=True)
        self._directory.chmod(0o711)  # the account of PostgreSQL passes through
        for broker in self.brokers:
            self._exits.callback(broker.stop)
        self._exits.callback(self.postgres.stop)
        with ThreadPoolExecutor(2, "chaos stack") as threads:
            starts = [
                threads.submit(self._start_postgres),
                threads.submit(self._start_kafka),
            ]
        for start in starts:
            start.result()
        self.gates = tuple(self._gates(name) for name in self._listeners)

    def stop(self) -> None:
        """Stop everything; harmless when it is not running."""
        self._exits.close()

    def bring_back(self) -> None:
        """Have all servers run, after they were killed, stopped or frozen."""
        for server in (self.postgres, *self.brokers):
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

    def _start_kafka(self) -> None:
        for broker in self.brokers:
            broker.start()

    def _further_broker(self, number: int, brokers: int) -> EmbeddedKafka:
        return EmbeddedKafka(
            self._directory / f"kafka-{number}",
            listeners=_listeners(self._listeners),
            place=BrokerPlace(number, brokers),
            controller=self.kafka,
        )

    def _gates(self, name: str) -> Gates:
        ways = [broker.listeners[name] for broker in self.brokers]
        http_port = ports.choose_free()
        return Gates(
            bootstrap_servers=",".join(f"{ports.LOOPBACK}:{port}" for _, port in ways),
            postgres=self._exits.enter_context(FaultProxy(self.postgres.port)),
            kafka=tuple(
                self._exits.enter_context(FaultProxy(listens, advertised))
                for listens, advertised in ways
            ),
            http=self._exits.enter_context(FaultProxy(http_port)),
            http_port=http_port,
            operations_port=ports.choose_free(),
        )


def _listeners(names: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Choose, for each node, where a broker listens and where its proxy does."""
    return {name: (ports.choose_free(), ports.choose_free()) for name in names}
