"""What callers are told when PostgreSQL goes away, freezes or refuses, and after."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from orders.devstack.postgres import EmbeddedPostgres
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.events import event_data
from orders.domain.identifiers import IdFactory
from orders.domain.intake import NewOrder, Replayed, Stored
from orders.domain.order import DEFAULT_TENANT, OrderLine, OrderRequest
from orders.domain.transitions import Change, move
from orders.persistence.database import PostgresDatabase
from orders.persistence.durability import UnsafeServerError, check_durability
from orders.persistence.identity import NodeIdentity
from orders.persistence.intake import PostgresIntakeStore
from orders.persistence.session import Session
from orders.persistence.statements import Statement

pytestmark = pytest.mark.integration

PENDING = move(None, Change.ACCEPTED)
BACKEND = Statement("backend", b"select pg_backend_pid()")
SLEEP = Statement("sleep", b"select 1 from pg_sleep(30)")
BE_READ_ONLY = Statement("be_read_only", b"set default_transaction_read_only = on")
new_id = IdFactory()


def new_order() -> NewOrder:
    order_id = new_id()
    request = OrderRequest(7, "EUR", 100, (OrderLine(3, 1, 100),))
    data = event_data(order_id, DEFAULT_TENANT, 7, 100, "EUR", PENDING, 1)
    return NewOrder(order_id, DEFAULT_TENANT, request, data)


class CuttingRelay:
    """Passes bytes to PostgreSQL and back; can lose the next reply and hang up."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cuts_next_reply = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed at the end
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for pump in (self._requests, self._replies):
                    thread = threading.Thread(target=pump, args=(client, server))
                    self._threads.append(thread)
                    thread.start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError), server:
            while data := client.recv(65536):
                server.sendall(data)

    def _replies(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError), client:
            while (data := server.recv(65536)) and not self.cuts_next_reply.is_set():
                client.sendall(data)
            self.cuts_next_reply.clear()
            client.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def relay(database_url: str) -> Iterator[CuttingRelay]:
    parts = urlsplit(database_url)
    assert parts.hostname
    assert parts.port
    relay = CuttingRelay(parts.hostname, parts.port)
    yield relay
    relay.close()


@pytest.fixture
def relayed_url(database_url: str, relay: CuttingRelay) -> str:
    parts = urlsplit(database_url)
    address = parts.netloc.rsplit(":", 1)[0]
    return urlunsplit(parts._replace(netloc=f"{address}:{relay.port}"))


@pytest.fixture
def store(database_url: str) -> Iterator[PostgresIntakeStore]:
    database = PostgresDatabase(database_url, node_name="test", node_lease_seconds=30)
    store = database.intake_store()
    yield store
    store.close()


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    session = Session(database_url, application_name="test")
    yield session
    session.close()


def failure(call: Callable[[], object]) -> DatabaseUnavailableError:
    with pytest.raises(DatabaseUnavailableError) as caught:
        call()
    return caught.value


def test_a_lost_reply_to_a_commit_leaves_the_outcome_unknown(
    relay: CuttingRelay, relayed_url: str
) -> None:
    store = PostgresDatabase(
        relayed_url, node_name="test", node_lease_seconds=30
    ).intake_store()
    store.store([new_order()])
    relay.cuts_next_reply.set()

    error = failure(lambda: store.store([new_order()]))

    store.close()
    assert error.outcome_unknown


def test_trying_again_after_a_lost_reply_stores_nothing_twice(
    relay: CuttingRelay, relayed_url: str
) -> None:
    store = PostgresDatabase(
        relayed_url, node_name="test", node_lease_seconds=30
    ).intake_store()
    store.store([new_order()])
    order = new_order()
    relay.cuts_next_reply.set()
    failure(lambda: store.store([order]))

    [outcome] = store.store([order])

    store.close()
    assert isinstance(outcome, Replayed)


def test_a_killed_backend_leaves_the_outcome_unknown(
    session: Session, database_url: str
) -> None:
    [pid] = session.read(BACKEND, (), int)

    with ThreadPoolExecutor(1) as pool, psycopg.connect(database_url) as connection:
        answer = pool.submit(failure, lambda: session.write(SLEEP, (), int))
        _wait_until_active(connection, pid)
        connection.execute("select pg_terminate_backend(%s)", (pid,))
        error = answer.result(5)

    assert error.outcome_unknown


def _wait_until_active(connection: psycopg.Connection, pid: int) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with connection.transaction():
            rows = connection.execute(
                "select from pg_stat_activity where pid = %s and query ~ 'sleep'"
                " and state = 'active'",
                (pid,),
            ).fetchall()
        if rows:
            return
    pytest.fail("the statement does not run")


def test_a_read_whose_backend_is_killed_changed_nothing(
    session: Session, database_url: str
) -> None:
    [pid] = session.read(BACKEND, (), int)

    with ThreadPoolExecutor(1) as pool, psycopg.connect(database_url) as connection:
        answer = pool.submit(failure, lambda: session.read(SLEEP, (), int))
        _wait_until_active(connection, pid)
        connection.execute("select pg_terminate_backend(%s)", (pid,))
        error = answer.result(5)

    assert not error.outcome_unknown


def test_a_connection_that_died_while_idle_is_replaced_unnoticed(
    store: PostgresIntakeStore, database_url: str
) -> None:
    store.store([new_order()])
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where application_name = 'orders intake'"
            " and datname = current_database()"
        )

    [outcome] = store.store([new_order()])

    assert isinstance(outcome, Stored)


def test_a_connection_lost_in_a_transaction_is_not_replaced_in_it(
    session: Session, database_url: str
) -> None:
    def lose_it() -> None:
        with session.transaction():
            [pid] = session.read(BACKEND, (), int)
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute("select pg_terminate_backend(%s, 5000)", (pid,))
            session.read(BACKEND, (), int)

    error = failure(lose_it)

    assert not error.outcome_unknown
    assert session.read(BACKEND, (), int)


def test_nothing_is_stored_while_the_server_is_down(
    store: PostgresIntakeStore, postgres_server: EmbeddedPostgres
) -> None:
    store.store([new_order()])
    postgres_server.stop()

    began = time.monotonic()
    error = failure(lambda: store.store([new_order()]))
    took = time.monotonic() - began
    postgres_server.start()

    assert not error.outcome_unknown
    assert took < 2


def test_the_next_call_after_a_restart_stores(
    store: PostgresIntakeStore, postgres_server: EmbeddedPostgres
) -> None:
    store.store([new_order()])
    postgres_server.stop()
    failure(store.probe)
    postgres_server.start()

    [outcome] = store.store([new_order()])

    assert isinstance(outcome, Stored)


def test_a_frozen_server_does_not_hold_a_call(database_url: str) -> None:
    session = Session(database_url, application_name="test", call_timeout_seconds=0.5)
    [pid] = session.read(BACKEND, (), int)
    os.kill(pid, signal.SIGSTOP)

    began = time.monotonic()
    try:
        error = failure(lambda: session.write(BACKEND, (), int))
    finally:
        os.kill(pid, signal.SIGCONT)
    took = time.monotonic() - began

    assert took < 2
    assert error.outcome_unknown


def test_a_statement_past_its_time_has_a_known_outcome(database_url: str) -> None:
    settings = {"statement_timeout": "50ms"}
    session = Session(database_url, application_name="test", settings=settings)

    error = failure(lambda: session.write(SLEEP, (), int))

    session.close()
    assert not error.outcome_unknown


def test_a_server_turned_read_only_stores_nothing(
    session: Session, database_url: str
) -> None:
    store = PostgresIntakeStore(session, NodeIdentity("test", lease_seconds=30))
    store.store([new_order()])
    session.change(BE_READ_ONLY, ())

    error = failure(lambda: store.store([new_order()]))

    assert not error.outcome_unknown
    assert "25006" in str(error)


def test_a_read_only_server_is_left_for_another(
    session: Session, database_url: str
) -> None:
    store = PostgresIntakeStore(session, NodeIdentity("test", lease_seconds=30))
    store.store([new_order()])
    session.change(BE_READ_ONLY, ())
    failure(lambda: store.store([new_order()]))

    [outcome] = store.store([new_order()])

    assert isinstance(outcome, Stored)


def test_a_probe_finds_a_read_only_server(session: Session) -> None:
    store = PostgresIntakeStore(session, NodeIdentity("test", lease_seconds=30))
    session.change(BE_READ_ONLY, ())

    error = failure(store.probe)

    assert "read-only" in str(error)


def test_a_session_goes_to_no_server_that_is_read_only(
    session: Session, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "do $$ begin execute format('alter database %I set"
            " default_transaction_read_only = on', current_database()); end $$"
        )

    error = failure(lambda: session.read(BACKEND, (), int))

    assert "read-only" in str(error)


def test_too_many_connections_is_an_outage(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "do $$ begin execute format('alter database %I connection limit 0',"
            " current_database());"
            " drop role if exists crowd; create role crowd login; end $$"
        )
        parts = urlsplit(database_url)
        crowd = parts._replace(netloc=f"crowd@{parts.hostname}:{parts.port}")
        session = Session(urlunsplit(crowd), application_name="test")

        error = failure(lambda: session.read(BACKEND, (), int))

        connection.execute("drop role crowd")
    assert "too many connections" in str(error)


def test_a_durable_server_passes(session: Session) -> None:
    check_durability(session)


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_a_server_that_may_lose_what_it_confirmed_is_refused(
    session: Session, database_url: str, name: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"alter system set {name} = off".encode())
        connection.execute("select pg_reload_conf()")
        try:
            refused = _refused_within(session, 5)
        finally:
            connection.execute(f"alter system reset {name}".encode())
            connection.execute("select pg_reload_conf()")

    assert name in refused


def _refused_within(session: Session, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            check_durability(session)
        except UnsafeServerError as error:
            return str(error)
    return "accepted"


def test_a_session_without_synchronous_commit_is_refused(database_url: str) -> None:
    settings = {"synchronous_commit": "off"}
    session = Session(database_url, application_name="test", settings=settings)

    with pytest.raises(UnsafeServerError, match="synchronous_commit"):
        check_durability(session)

    session.close()
