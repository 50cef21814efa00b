"""A real PgBouncer: session pooling works, transaction pooling is refused."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from orders.devstack import accounts, ports
from orders.devstack.postgres import USER
from orders.devstack.progress import silent
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.events import event_data
from orders.domain.identifiers import IdFactory
from orders.domain.intake import NewOrder, Stored
from orders.domain.order import DEFAULT_TENANT, OrderLine, OrderRequest
from orders.domain.transitions import Change, move
from orders.persistence.database import PostgresDatabase
from orders.persistence.failures import UnsuitableServerError
from orders.persistence.migrations import MigrationError, migrate
from orders.persistence.session import Session
from orders.persistence.statements import Statement

pytestmark = [pytest.mark.more, pytest.mark.integration]

Pooled = Callable[[str], str]
PENDING = move(None, Change.ACCEPTED)
new_id = IdFactory()
CONFIGURATION = """\
[databases]
* = host=127.0.0.1 port={server_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = {mode}
default_pool_size = 20
"""


@pytest.fixture
def pooled(
    database_url: str,
    server_directory: Path,
    program: Callable[[str, str], str],
    wait_until: Callable[[Callable[[], bool], float], None],
) -> Iterator[Pooled]:
    """Gives the database's URL through a PgBouncer of a pool mode."""
    pgbouncer = program("pgbouncer", "apt-get install pgbouncer")
    running: list[subprocess.Popen[bytes]] = []
    parts = urlsplit(database_url)

    def start(mode: str) -> str:
        port = ports.choose_free()
        users = server_directory / "users.txt"
        users.write_text(f'"{USER}" ""\n')
        file = server_directory / "pgbouncer.ini"
        file.write_text(
            CONFIGURATION.format(
                server_port=parts.port, port=port, users=users, mode=mode
            )
        )
        account = accounts.for_postgres(silent) if os.geteuid() == 0 else None
        running.append(
            subprocess.Popen(
                [pgbouncer, "-q", str(file)],
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        )
        place = parts.netloc.rsplit(":", 1)[0]
        url = urlunsplit(parts._replace(netloc=f"{place}:{port}"))
        wait_until(lambda: _answers(url), 10.0)
        return url

    yield start
    for process in running:
        process.terminate()
        process.wait(10.0)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def new_order() -> NewOrder:
    order_id = new_id()
    request = OrderRequest(7, "EUR", 100, (OrderLine(3, 1, 100),))
    data = event_data(order_id, DEFAULT_TENANT, 7, 100, "EUR", PENDING, 1)
    return NewOrder(order_id, DEFAULT_TENANT, request, data)


def database_of(url: str) -> PostgresDatabase:
    return PostgresDatabase(url, node_name="test", node_lease_seconds=30)


def test_session_pooling_takes_orders(pooled: Pooled) -> None:
    database = database_of(pooled("session"))
    database.check()
    store = database.intake_store()

    outcomes = store.store([new_order(), new_order()])

    store.close()
    assert [type(outcome) for outcome in outcomes] == [Stored, Stored]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("statement_timeout", "5s"),
        ("lock_timeout", "200ms"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("search_path", "public"),
        ("plan_cache_mode", "force_generic_plan"),
    ],
)
def test_session_pooling_keeps_the_sessions_limits(
    pooled: Pooled, name: str, value: str
) -> None:
    store = database_of(pooled("session")).intake_store()

    shown = store._session.read(Statement("show", f"show {name}".encode()), (), str)

    store.close()
    assert shown == [value]


def test_session_pooling_migrates(pooled: Pooled) -> None:
    assert migrate(pooled("session")) == []


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_shared_connections_are_refused_at_start(pooled: Pooled, mode: str) -> None:
    with pytest.raises(UnsuitableServerError, match="pool mode"):
        database_of(pooled(mode)).check()


def test_a_migration_over_shared_connections_is_refused(pooled: Pooled) -> None:
    with pytest.raises(MigrationError, match="PostgreSQL directly"):
        migrate(pooled("transaction"))


def test_a_statement_that_another_client_prepared_is_told_as_what_it_is(
    pooled: Pooled,
) -> None:
    url = pooled("transaction")
    statement = Statement("one", b"select 1")
    one, other = (Session(url, application_name="test") for _ in range(2))
    one.read(statement, (), int)

    with pytest.raises(DatabaseUnavailableError, match="pool mode"):
        other.read(statement, (), int)

    one.close()
    other.close()
