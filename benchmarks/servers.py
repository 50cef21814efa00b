"""The PostgreSQL and the Kafka that serve every target of a run."""

import itertools
import logging
import shutil
import tempfile
import tomllib
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import psycopg
import structlog
from psycopg import sql

from benchmarks.machine import ROOT
from orders.devstack.stack import EmbeddedStack
from orders.messaging.client_logs import quieten_client_logs
from orders.messaging.topics import TopicPlan, ensure_topic
from orders.persistence.migrations import migrate

_PARTITIONS = 6


class Place(NamedTuple):
    """A database and a topic that nobody used before."""

    name: str
    database_url: str
    brokers: str
    topic: str

    def ask(self, statement: sql.SQL, *parameters: object) -> Sequence[object]:
        """Return the first row of a query."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(statement, parameters).fetchone() or ()

    def change(self, statement: sql.SQL, *parameters: object) -> None:
        """Run a statement that returns nothing."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(statement, parameters)


class Servers:
    """Durable servers in a folder of their own, removed at the end."""

    def __init__(self) -> None:
        # Not a private folder: PostgreSQL runs under an account of its own.
        self.directory = Path(tempfile.mkdtemp(prefix="orders-bench-"))
        self.directory.chmod(0o711)
        self._stack = EmbeddedStack(self.directory / "stack", progress=print)
        self._numbers = itertools.count(1)
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        quieten_client_logs()
        quiet = structlog.make_filtering_bound_logger(logging.WARNING)
        structlog.configure(wrapper_class=quiet)
        self._exits.callback(shutil.rmtree, self.directory, ignore_errors=True)
        self._exits.enter_context(self._stack)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exits.close()

    def versions(self) -> dict[str, str]:
        """Return the servers' versions."""
        with psycopg.connect(self._stack.database_url) as connection:
            number = connection.info.parameter_status("server_version") or ""
        return {"PostgreSQL": number, "Kafka": _kafka_version()}

    def fresh(self, name: str, *, schema: bool = False) -> Place:
        """Make a database and a topic; ``schema`` gives it the service's tables."""
        unique = f"{name.replace('-', '_')}_{next(self._numbers)}"
        self._administer(sql.SQL("create database {}"), unique)
        place = Place(
            unique,
            self._stack.postgres.url_for(unique),
            self._stack.bootstrap_servers,
            unique.replace("_", "-"),
        )
        if schema:
            migrate(place.database_url)
        ensure_topic(
            TopicPlan(place.topic, _PARTITIONS),
            bootstrap_servers=place.brokers,
            client_id="benchmarks",
        )
        return place

    def drop(self, place: Place) -> None:
        """Drop the database; the topic goes with the servers."""
        self._administer(sql.SQL("drop database if exists {} with (force)"), place.name)

    def _administer(self, statement: sql.SQL, name: str) -> None:
        with psycopg.connect(self._stack.database_url, autocommit=True) as connection:
            connection.execute(statement.format(sql.Identifier(name)))


def _kafka_version() -> str:
    """Return the version that the embedded broker is locked to."""
    lock = tomllib.loads((ROOT / "devstack" / "kafka.lock.toml").read_text("utf-8"))
    versions = {it["groupId"]: it["version"] for it in lock["dependencies"]}
    return str(versions["org.apache.kafka"])
