"""The embedded servers and small tools that tests share.

Servers start with the first test that asks for them and live for the session.
"""

import gc
import shutil
import signal
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql

from orders.devstack.deadline import wait_until as _wait_until
from orders.devstack.kafka import EmbeddedKafka
from orders.devstack.kafka_settings import ACLS, SCRAM
from orders.devstack.ports import choose_free
from orders.devstack.postgres import EmbeddedPostgres

WaitUntil = Callable[[Callable[[], bool], float], None]

# A busy machine must not fail a property: no time limit for one example.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")
# `make check` looks for counterexamples briefly, `make test` looks again for longer.
settings.register_profile(
    "quick", parent=settings.get_profile("patient"), max_examples=15
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add how hard schemathesis looks: few examples here, as many as wanted by hand."""
    parser.addoption(
        "--openapi-examples",
        type=int,
        default=10,
        help="schemathesis: examples of each operation and chains of requests",
    )
    parser.addoption("--openapi-seed", type=int, default=1, help="schemathesis: seed")


def pytest_configure(config: pytest.Config) -> None:
    """Forgive kafka-python a call that Python 3.11 and 3.12 alone deprecate."""
    config.addinivalue_line(
        "filterwarnings",
        "ignore:(read|open)_text is deprecated:DeprecationWarning",
    )
    _let_children_be_interrupted()


def _let_children_be_interrupted() -> None:
    """Keep children from inheriting that a background job ignores Ctrl-C.

    A handler is not inherited, an ignored signal is (execve(2)); ours does nothing,
    so that the tests themselves go on ignoring it.
    """
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def pytest_collection_finish() -> None:
    """Spare the collector what lives for the whole session: a third of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session")
def server_directory() -> Iterator[Path]:
    """A folder for servers' data that the PostgreSQL account can pass through.

    Not under ``tmp_path``: pytest closes that to other accounts.
    """
    directory = Path(tempfile.mkdtemp(prefix="orders-test-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def postgres_server(server_directory: Path) -> Iterator[EmbeddedPostgres]:
    """The PostgreSQL of this session; a test that kills it starts it again."""
    with EmbeddedPostgres(server_directory / "postgres") as server:
        yield server


@pytest.fixture(scope="session")
def kafka_server(server_directory: Path) -> Iterator[EmbeddedKafka]:
    """The Kafka of this session; a test that kills it starts it again.

    Who comes by its main listener may do everything, by the other what ACLs allow.
    """
    port = choose_free()
    with EmbeddedKafka(
        server_directory / "kafka",
        listeners={"SASL_PLAINTEXT": (port, port)},
        settings={**ACLS, **SCRAM},
    ) as server:
        yield server


@pytest.fixture
def empty_database_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a new database without tables, dropped after the test."""
    name = f"test_{uuid.uuid4().hex}"
    _administer(postgres_server, "CREATE DATABASE {}", name)
    yield postgres_server.url_for(name)
    _administer(postgres_server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


@pytest.fixture
def database_url(empty_database_url: str) -> str:
    """The URL of a new database with the current schema, dropped after the test."""
    # Imported here: tests without a database do not need the persistence room.
    from orders.persistence.migrations import migrate  # noqa: PLC0415

    migrate(empty_database_url)
    return empty_database_url


@pytest.fixture
def topic() -> str:
    """The name of a topic that nobody uses and that does not exist yet."""
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def wait_until() -> WaitUntil:
    """A function that waits for a condition and fails the test at its deadline."""

    def wait(condition: Callable[[], bool], seconds: float) -> None:
        if not _wait_until(condition, seconds):
            pytest.fail(f"not true within {seconds} s: {condition}")

    return wait


def _administer(server: EmbeddedPostgres, statement: str, name: str) -> None:
    server.start()  # a test may have left it killed
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
