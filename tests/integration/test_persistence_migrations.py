"""The schema is brought up to date once, whoever asks, and history is guarded."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

from orders.domain.order import OrderStatus, PaymentStatus
from orders.persistence import migrations
from orders.persistence.database import PostgresDatabase, SchemaOutdatedError
from orders.persistence.migrations import (
    MigrationError,
    known_migrations,
    migrate,
    missing,
    pending,
)
from orders.persistence.session import Session

pytestmark = pytest.mark.integration

ALL = [migration.name for migration in known_migrations()]


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def test_an_empty_database_gets_every_migration_in_order(
    empty_database_url: str,
) -> None:
    applied = migrate(empty_database_url)

    assert applied == ALL == sorted(ALL)


def test_a_second_run_has_nothing_to_do(database_url: str) -> None:
    assert migrate(database_url) == []


def test_nodes_that_migrate_at_once_apply_each_migration_once(
    empty_database_url: str,
) -> None:
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(migrate, [empty_database_url] * 4))

    assert sorted(name for run in runs for name in run) == ALL


def test_a_changed_migration_is_an_error(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "update schema_migrations set checksum = 'other' where name = %s", (ALL[0],)
        )

    with pytest.raises(MigrationError, match=re.escape(ALL[0])):
        migrate(database_url)


def test_a_failing_migration_leaves_nothing_of_itself(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = migrations.Migration("0001_x.sql", b"create table x (); select 1/0;")
    monkeypatch.setattr(migrations, "known_migrations", lambda: [broken])

    with pytest.raises(MigrationError, match="division by zero"):
        migrate(empty_database_url)

    with psycopg.connect(empty_database_url) as connection:
        [left] = connection.execute("select to_regclass('x')").fetchall()
    assert left == (None,)


def test_an_empty_database_lacks_everything(empty_database_url: str) -> None:
    assert pending(empty_database_url) == ALL


def test_a_migrated_database_is_current(database_url: str) -> None:
    session = Session(database_url, application_name="test")

    current = not missing(session)

    session.close()
    assert current


def test_a_node_refuses_an_old_schema(empty_database_url: str) -> None:
    database = PostgresDatabase(
        empty_database_url, node_name="test", node_lease_seconds=30
    )

    with pytest.raises(SchemaOutdatedError, match=re.escape(ALL[-1])):
        database.check()


@pytest.mark.parametrize(
    ("constraint", "states"),
    [
        ("orders_status_known", OrderStatus),
        ("orders_payment_status_known", PaymentStatus),
    ],
)
def test_the_database_knows_exactly_the_states_of_the_domain(
    connection: psycopg.Connection,
    constraint: str,
    states: type[OrderStatus] | type[PaymentStatus],
) -> None:
    [(text,)] = connection.execute(
        "select pg_get_constraintdef(oid) from pg_constraint where conname = %s",
        (constraint,),
    ).fetchall()

    assert set(re.findall(r"'([A-Z_]+)'", text)) == {state.value for state in states}


@pytest.mark.parametrize(
    "change",
    [
        "update order_events set reason = 'x'",
        "delete from order_events",
        "truncate order_events",
        "update refunds set amount_minor = 1",
        "delete from refunds",
        "truncate refunds",
    ],
)
def test_history_and_refunds_cannot_be_changed(
    connection: psycopg.Connection, change: str
) -> None:
    with pytest.raises(psycopg.IntegrityError, match="append-only"):
        connection.execute(change.encode())


@pytest.mark.parametrize("table", ["order_events", "refunds"])
def test_the_app_role_may_add_history_and_refunds_and_not_change_them(
    connection: psycopg.Connection, database_url: str, table: str
) -> None:
    connection.execute(
        "do $$ begin if not exists (select from pg_roles where rolname = 'orders_app')"
        " then create role orders_app; end if; end $$"
    )

    migrate(database_url)

    rights = connection.execute(
        "select privilege_type from information_schema.role_table_grants"
        " where grantee = 'orders_app' and table_name = %s",
        (table,),
    ).fetchall()
    connection.execute("drop owned by orders_app")
    connection.execute("drop role orders_app")
    assert {right for (right,) in rights} == {"SELECT", "INSERT"}


def test_every_schema_file_is_shipped() -> None:
    folder = Path(migrations.__file__).parent / "schema"

    assert sorted(file.name for file in folder.glob("0*.sql")) == ALL


@pytest.fixture
def app_url(database_url: str, connection: psycopg.Connection) -> Iterator[str]:
    """The same database for a role that may serve, and not change the schema."""
    connection.execute("create role may_serve login")
    connection.execute("grant select on all tables in schema public to may_serve")
    yield conninfo.make_conninfo(database_url, user="may_serve")
    connection.execute("drop owned by may_serve")
    connection.execute("drop role may_serve")


def test_a_role_without_ddl_finds_that_nothing_is_to_be_done(app_url: str) -> None:
    assert migrate(app_url) == []


def test_a_role_without_ddl_is_told_what_to_do_where_something_is_missing(
    app_url: str, connection: psycopg.Connection
) -> None:
    connection.execute("delete from schema_migrations where name = %s", (ALL[-1],))

    with pytest.raises(MigrationError, match="ORDERS_DATABASE__MIGRATE_AT_START") as e:
        migrate(app_url)

    assert ALL[-1] in str(e.value)


def test_a_role_without_ddl_is_told_what_to_do_in_an_empty_database(
    empty_database_url: str,
) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("create role may_look login")
        try:
            url = conninfo.make_conninfo(empty_database_url, user="may_look")
            with pytest.raises(MigrationError, match="MIGRATE_AT_START"):
                migrate(url)
        finally:
            connection.execute("drop role may_look")
