"""The limits of the settings are those that PostgreSQL and libpq keep."""

from collections.abc import Iterator
from typing import cast
from unittest.mock import Mock

import psycopg
import pytest
from psycopg import conninfo

from orders.cli.adapters import Adapters, connections_of, session_limits_of
from orders.config.settings import Settings, load_settings
from orders.persistence.bounded import BoundedConnection
from orders.persistence.connection import SessionLimits, connect
from orders.persistence.database import PostgresDatabase
from orders.persistence.durability import UnsafeServerError
from orders.persistence.failures import UnsuitableServerError
from orders.persistence.reading import PostgresReadStore
from orders.persistence.session import Session
from orders.persistence.statements import Statement

pytestmark = pytest.mark.integration

GIVEN = {
    "ORDERS_DATABASE__CONNECT_TIMEOUT_SECONDS": "7",
    "ORDERS_DATABASE__STATEMENT_TIMEOUT_SECONDS": "4.5",
    "ORDERS_DATABASE__LOCK_TIMEOUT_MS": "1250",
    "ORDERS_DATABASE__IDLE_IN_TRANSACTION_TIMEOUT_SECONDS": "17",
    "ORDERS_DATABASE__TCP_USER_TIMEOUT_SECONDS": "3.5",
}


@pytest.fixture
def settings(empty_database_url: str) -> Settings:
    return load_settings(
        {
            "ORDERS_DATABASE__URL": empty_database_url,
            "ORDERS_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9092",
            **GIVEN,
        }
    )


@pytest.fixture
def limits(settings: Settings) -> SessionLimits:
    return session_limits_of(settings.database)


@pytest.fixture
def connection(
    empty_database_url: str, limits: SessionLimits
) -> Iterator[BoundedConnection]:
    with connect(
        empty_database_url,
        application_name="test",
        settings={},
        limits=limits,
        call_timeout_seconds=5.0,
    ) as connection:
        yield connection


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("statement_timeout", "4500ms"),
        ("lock_timeout", "1250ms"),
        ("idle_in_transaction_session_timeout", "17s"),
    ],
)
def test_the_server_keeps_the_limits(
    connection: BoundedConnection, name: str, value: str
) -> None:
    [shown] = connection.execute(f"show {name}".encode()).fetchall()

    assert shown == (value,)


def test_libpq_keeps_the_limits(connection: BoundedConnection) -> None:
    parameters = connection.info.get_parameters()

    assert parameters["connect_timeout"] == "7"
    assert parameters["tcp_user_timeout"] == "3500"


def test_the_url_has_the_last_word(
    empty_database_url: str, limits: SessionLimits
) -> None:
    url = conninfo.make_conninfo(empty_database_url, connect_timeout="9")

    with connect(
        url,
        application_name="test",
        settings={},
        limits=limits,
        call_timeout_seconds=5.0,
    ) as connection:
        parameters = connection.info.get_parameters()

    assert parameters["connect_timeout"] == "9"


def shown(session: Session, name: str) -> str:
    statement = Statement("show", f"show {name}".encode())
    [value] = session.read(statement, (), str)
    session.close()
    return value


def test_the_stores_of_a_node_keep_the_limits_of_its_settings(
    empty_database_url: str, settings: Settings
) -> None:
    adapters = Adapters(settings, empty_database_url, "127.0.0.1:9092", Mock())
    store = cast("PostgresReadStore", adapters.read_store())

    value = shown(store._session, "statement_timeout")

    assert value == "4500ms"


def test_the_intake_waits_for_keys_no_longer_than_its_own_limit(
    empty_database_url: str, limits: SessionLimits
) -> None:
    database = PostgresDatabase(
        empty_database_url, node_name="test", node_lease_seconds=30, limits=limits
    )

    session = database.intake_store()._session

    assert shown(session, "lock_timeout") == "200ms"


def test_a_call_waits_longer_than_the_server_does(
    empty_database_url: str, limits: SessionLimits
) -> None:
    session = Session(empty_database_url, application_name="test", limits=limits)

    shown(session, "timezone")

    assert session._call_timeout_seconds == limits.statement + 3.0


@pytest.fixture
def careless_url(database_url: str) -> str:
    """A database whose sessions confirm a COMMIT before it is on disk."""
    return conninfo.make_conninfo(database_url, options="-c synchronous_commit=off")


def test_a_careless_server_is_refused(careless_url: str) -> None:
    database = PostgresDatabase(careless_url, node_name="test", node_lease_seconds=30)

    with pytest.raises(UnsafeServerError, match="synchronous_commit"):
        database.check()


def test_a_careless_server_is_taken_where_that_is_wanted(careless_url: str) -> None:
    database = PostgresDatabase(
        careless_url, node_name="test", node_lease_seconds=30, require_durability=False
    )

    database.check()


def test_a_node_is_told_whether_durability_is_required(
    careless_url: str, settings: Settings
) -> None:
    database = settings.database.model_copy(update={"require_durability": False})
    lenient = settings.model_copy(update={"database": database})

    Adapters(lenient, careless_url, "127.0.0.1:9092", Mock()).prepare_database()


@pytest.mark.parametrize("whose", ["role", "database"])
def test_a_server_without_room_for_a_node_is_refused(
    database_url: str, whose: str
) -> None:
    """Superusers know no limits of a role, so another one signs in."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        name = connection.info.dbname if whose == "database" else "few"
        connection.execute("create role few login")
        try:
            connection.execute(f"alter {whose} {name} connection limit 3".encode())
            url = conninfo.make_conninfo(database_url, user="few")
            database = PostgresDatabase(
                url, node_name="test", node_lease_seconds=30, connections=4
            )
            with pytest.raises(UnsuitableServerError, match=r"4 connections.* 3"):
                database.check()
        finally:
            connection.execute("drop role few")


def test_each_writer_counts_as_a_connection(settings: Settings) -> None:
    more = settings.model_copy(
        update={"intake": settings.intake.model_copy(update={"writers": 4})}
    )

    assert connections_of(more) == connections_of(settings) + 2
