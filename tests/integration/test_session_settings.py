"""What databases, roles and URLs set otherwise changes nothing, or is refused."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import conninfo, sql

from orders.devstack.postgres import EmbeddedPostgres
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.events import event_data
from orders.domain.identifiers import IdFactory
from orders.domain.intake import IdempotencyKey, NewOrder, Replayed, Stored
from orders.domain.order import DEFAULT_TENANT, OrderLine, OrderRequest, OrderStatus
from orders.domain.payment import Decision
from orders.domain.settlement import settle
from orders.domain.transitions import Change, move
from orders.persistence.database import PostgresDatabase
from orders.persistence.failures import UnsuitableServerError
from orders.persistence.migrations import migrate
from orders.persistence.session import Session
from orders.persistence.session_settings import RELIED_ON
from orders.persistence.statements import Statement

pytestmark = pytest.mark.integration

PENDING = move(None, Change.ACCEPTED)
PID = Statement("pid", b"select pg_backend_pid()")
new_id = IdFactory()

OTHERWISE = {
    "datestyle": "German",
    "intervalstyle": "sql_standard",
    "timezone": "Asia/Kathmandu",
    "bytea_output": "escape",
    "extra_float_digits": "-5",
    "search_path": "elsewhere",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "row_security": "off",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "client_min_messages": "error",
    "client_encoding": "LATIN1",
    "transaction_timeout": "200ms",
    "idle_session_timeout": "200ms",
    "statement_timeout": "700ms",
    "lock_timeout": "5",
    "enable_indexscan": "off",
    "enable_nestloop": "off",
    "plan_cache_mode": "force_custom_plan",
}


def test_every_setting_that_is_relied_on_is_tried() -> None:
    assert RELIED_ON.keys() <= OTHERWISE.keys()


def new_order(key: str) -> NewOrder:
    order_id = new_id()
    return NewOrder(
        order_id,
        DEFAULT_TENANT,
        OrderRequest(
            7, "EUR", 100, (OrderLine(3, 1, 100),), "Größe \\ 'x' €", '{"a":1}'
        ),
        event_data(order_id, DEFAULT_TENANT, 7, 100, "EUR", PENDING, 1),
        IdempotencyKey("POST /v1/orders", key, b"\x00\x80print"),
    )


def run_an_order_through(url: str) -> None:
    """Store, repeat, settle and read one; fail where anything reads otherwise."""
    database = PostgresDatabase(url, node_name="test", node_lease_seconds=30)
    database.check()
    store, reader = database.intake_store(), database.read_store()
    settlement, sweeper = database.settlement_store(), database.sweep_store()
    order = new_order("k")
    try:
        [stored] = store.store([order])
        [repeated] = store.store([new_order("k")])
        [event] = sweeper.own_outbox(None, 0.0, 10)
        [found], _ = settlement.read_open([order.order_id])
        settlement.settle([settle(found, Decision(Change.APPROVED, None))])
        paid = reader.read_orders([order.order_id])[order.order_id]
        history = reader.read_history(DEFAULT_TENANT, order.order_id)
    finally:
        for opened in (store, reader, settlement, sweeper):
            opened.close()
    assert isinstance(stored, Stored)
    assert isinstance(repeated, Replayed)
    assert repeated.order.order_id == order.order_id
    assert event[4] == stored.created_at == paid.created_at
    assert paid.request == order.request
    assert paid.status is OrderStatus.PAID
    assert history is not None
    assert [entry.version for entry in history] == [1, 2]


def test_what_the_database_sets_otherwise_changes_nothing(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for name in OTHERWISE:
            _set(connection, "database", connection.info.dbname, name)

    run_an_order_through(database_url)


def test_what_a_role_sets_otherwise_changes_nothing(database_url: str) -> None:
    """All at once, as a member of ``orders_app`` that may do nothing but serve."""
    role = f"app_{uuid.uuid4().hex}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        _make_app_role(connection)
        migrate(database_url)
        connection.execute(
            sql.SQL("create role {} login in role orders_app").format(
                sql.Identifier(role)
            )
        )
        for name in OTHERWISE:
            _set(connection, "role", role, name)
        try:
            run_an_order_through(conninfo.make_conninfo(database_url, user=role))
        finally:
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


def _make_app_role(connection: psycopg.Connection) -> None:
    connection.execute(
        "do $$ begin create role orders_app;"
        " exception when duplicate_object then null; end $$"
    )


def _set(connection: psycopg.Connection, kind: str, whose: str, name: str) -> None:
    connection.execute(
        sql.SQL("alter {} {} set {} = {}").format(
            sql.SQL(kind),
            sql.Identifier(whose),
            sql.Identifier(name),
            sql.Literal(OTHERWISE[name]),
        )
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PGDATESTYLE", "SQL, DMY"),
        ("PGTZ", "America/Caracas"),
        ("PGCLIENTENCODING", "LATIN1"),
        ("PGOPTIONS", "-c default_transaction_isolation=serializable"),
    ],
)
def test_what_libpq_takes_from_the_environment_is_kept_or_refused(
    database_url: str, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    if variable == "PGOPTIONS":
        with pytest.raises(UnsuitableServerError, match="isolation"):
            run_an_order_through(database_url)
    else:
        run_an_order_through(database_url)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ("-c search_path=elsewhere", "search_path"),
        ("-csearch_path=elsewhere,public", "search_path"),
        ("--search-path=elsewhere", "search_path"),
        (r"-c DateStyle=SQL,\ DMY", "datestyle"),
        ("-c timezone=Asia/Tokyo", "timezone"),
        ("-B 17", "-c name=value"),
        ("-c no_such_setting=1", "no_such_setting"),
    ],
)
def test_options_that_cannot_work_are_refused(
    empty_database_url: str, options: str, named: str
) -> None:
    url = conninfo.make_conninfo(empty_database_url, options=options)
    session = Session(url, application_name="test")

    with pytest.raises(UnsuitableServerError, match=named):
        session.read(PID, (), int)


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        ("-c statement_timeout=2s", "statement_timeout", "2s"),
        ("-c lock_timeout=77ms -c search_path=public", "lock_timeout", "77ms"),
        (r"-c application_name=two\ words", "application_name", "two words"),
    ],
)
def test_other_options_of_the_url_have_the_last_word(
    empty_database_url: str, options: str, name: str, value: str
) -> None:
    url = conninfo.make_conninfo(empty_database_url, options=options)
    session = Session(url, application_name="test")

    [shown] = session.read(Statement("show", f"show {name}".encode()), (), str)

    session.close()
    assert shown == value


@pytest.mark.parametrize("name", ["transaction_timeout", "idle_session_timeout"])
def test_limits_that_are_not_ours_are_lifted(
    empty_database_url: str, name: str
) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        _set(connection, "database", connection.info.dbname, name)
    session = Session(empty_database_url, application_name="test")

    [shown] = session.read(Statement("show", f"show {name}".encode()), (), str)

    session.close()
    assert shown == "0"


@pytest.fixture
def latin_url(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    name = f"latin_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        identifier = sql.Identifier(name)
        connection.execute(
            sql.SQL("create database {} encoding LATIN1 template template0").format(
                identifier
            )
        )
        yield postgres_server.url_for(name)
        connection.execute(sql.SQL("drop database {} with (force)").format(identifier))


def test_a_database_of_another_encoding_is_refused(latin_url: str) -> None:
    database = PostgresDatabase(latin_url, node_name="test", node_lease_seconds=30)

    with pytest.raises(UnsuitableServerError, match="LATIN1"):
        database.check()


def test_a_database_that_runs_no_triggers_is_refused(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("alter database {} set session_replication_role = replica").format(
                sql.Identifier(connection.info.dbname)
            )
        )
    database = PostgresDatabase(
        empty_database_url, node_name="test", node_lease_seconds=30
    )

    with pytest.raises(UnsuitableServerError, match="session_replication_role"):
        database.check()


def test_an_address_that_libpq_cannot_read_is_not_repeated(
    empty_database_url: str,
) -> None:
    session = Session("postgresql://u:S3cretZ%zz@h/d", application_name="test")

    with pytest.raises(DatabaseUnavailableError) as caught:
        session.read(PID, (), int)

    assert "S3cret" not in str(caught.value)
    assert "S3cret" not in repr(caught.value.__cause__)
