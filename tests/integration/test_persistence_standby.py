"""A synchronous standby that is away: commits do not end, and none is taken for one."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import psycopg
import pytest

from orders.devstack.postgres import EmbeddedPostgres
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.events import event_data
from orders.domain.identifiers import IdFactory
from orders.domain.intake import IdempotencyKey, NewOrder, Replayed, Stored
from orders.domain.order import DEFAULT_TENANT, OrderLine, OrderRequest
from orders.domain.transitions import Change, move
from orders.persistence.identity import NodeIdentity
from orders.persistence.intake import PostgresIntakeStore
from orders.persistence.session import Session

pytestmark = pytest.mark.integration

PENDING = move(None, Change.ACCEPTED)
new_id = IdFactory()
WaitUntil = Callable[[Callable[[], bool], float], None]


def new_order(key: str) -> NewOrder:
    order_id = new_id()
    return NewOrder(
        order_id,
        DEFAULT_TENANT,
        OrderRequest(7, "EUR", 100, (OrderLine(3, 1, 100),)),
        event_data(order_id, DEFAULT_TENANT, 7, 100, "EUR", PENDING, 1),
        IdempotencyKey("POST /v1/orders", key, b"print"),
    )


class Standby:
    """The only synchronous standby, which exists in the server's settings alone."""

    def __init__(self, url: str) -> None:
        # What waits for the standby cannot bring it back.
        self._admin = psycopg.connect(
            url, autocommit=True, options="-c synchronous_commit=local"
        )

    def go(self) -> None:
        self._admin.execute("alter system set synchronous_standby_names = 'absent'")
        self._admin.execute("select pg_reload_conf()")
        for _ in range(1000):
            [(names,)] = self._admin.execute("show synchronous_standby_names")
            if names == "absent":
                return
        pytest.fail("the server does not reload its settings")

    def come_back(self) -> None:
        self._admin.execute("alter system reset synchronous_standby_names")
        self._admin.execute("select pg_reload_conf()")

    def waiting(self) -> list[int]:
        rows = self._admin.execute(
            "select pid from pg_stat_activity where wait_event = 'SyncRep'"
            " and datname = current_database()"
        ).fetchall()
        return [pid for (pid,) in rows]

    def cancel_waits(self) -> None:
        for pid in self.waiting():
            self._admin.execute("select pg_cancel_backend(%s)", (pid,))

    def close(self) -> None:
        self._admin.close()


@pytest.fixture
def standby(postgres_server: EmbeddedPostgres, database_url: str) -> Iterator[Standby]:
    standby = Standby(database_url)
    yield standby
    standby.come_back()
    standby.close()


@pytest.fixture
def make_store(database_url: str) -> Iterator[Callable[[], PostgresIntakeStore]]:
    made: list[PostgresIntakeStore] = []

    def make() -> PostgresIntakeStore:
        session = Session(
            database_url, application_name="test", call_timeout_seconds=0.5
        )
        store = PostgresIntakeStore(session, NodeIdentity("test", lease_seconds=30))
        store.store([new_order(f"warm {new_id()}")])
        made.append(store)
        return store

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(make_store: Callable[[], PostgresIntakeStore]) -> PostgresIntakeStore:
    return make_store()


def failure(call: Callable[[], object]) -> DatabaseUnavailableError:
    with pytest.raises(DatabaseUnavailableError) as caught:
        call()
    return caught.value


def test_a_commit_that_does_not_end_has_an_unknown_outcome(
    store: PostgresIntakeStore, standby: Standby
) -> None:
    standby.go()

    error = failure(lambda: store.store([new_order("k")]))

    assert error.outcome_unknown


def test_a_probe_notices_that_commits_do_not_end(
    store: PostgresIntakeStore, standby: Standby
) -> None:
    standby.go()

    first, second = failure(store.probe), failure(store.probe)

    assert "standby" not in str(first)
    assert "standby" in str(second)


def test_waits_for_the_standby_do_not_pile_up(
    store: PostgresIntakeStore, standby: Standby
) -> None:
    standby.go()

    for number in range(5):
        failure(partial(store.store, [new_order(str(number))]))
        failure(store.probe)

    assert len(standby.waiting()) == 1


def test_what_waited_is_found_once_the_standby_is_back(
    store: PostgresIntakeStore, standby: Standby, wait_until: WaitUntil
) -> None:
    order = new_order("k")
    standby.go()
    failure(lambda: store.store([order]))
    standby.come_back()
    wait_until(lambda: not standby.waiting(), 5.0)

    [outcome] = store.store([order])

    assert isinstance(outcome, Replayed)
    assert outcome.order.order_id == order.order_id


def test_a_wait_that_was_cancelled_is_no_success(
    database_url: str, standby: Standby, wait_until: WaitUntil
) -> None:
    """PostgreSQL answers such a commit as any other, with a warning."""
    store = PostgresIntakeStore(
        Session(database_url, application_name="test", call_timeout_seconds=20.0),
        NodeIdentity("test", lease_seconds=30),
    )
    store.store([new_order("warm")])
    standby.go()
    found: list[DatabaseUnavailableError] = []
    waiter = threading.Thread(
        target=lambda: found.append(failure(lambda: store.store([new_order("k")])))
    )
    waiter.start()
    wait_until(lambda: bool(standby.waiting()), 5.0)

    standby.cancel_waits()
    waiter.join(10.0)

    standby.come_back()
    store.close()
    assert found[0].outcome_unknown
    assert "cancelled" in str(found[0])


def test_a_repetition_is_not_answered_from_what_the_standby_may_lack(
    make_store: Callable[[], PostgresIntakeStore],
    standby: Standby,
    wait_until: WaitUntil,
) -> None:
    one, other = make_store(), make_store()
    standby.go()
    failure(lambda: one.store([new_order("k")]))
    standby.cancel_waits()
    wait_until(lambda: not standby.waiting(), 5.0)

    error = failure(lambda: other.store([new_order("k")]))

    assert error.outcome_unknown


def test_a_statements_time_limit_does_not_end_the_wait_for_the_standby(
    database_url: str, standby: Standby
) -> None:
    """It would be committed on this server alone, and look like a success."""
    session = Session(
        database_url,
        application_name="test",
        settings={"statement_timeout": "100ms", "lock_timeout": "100ms"},
        call_timeout_seconds=1.0,
    )
    store = PostgresIntakeStore(session, NodeIdentity("test", lease_seconds=30))
    store.store([new_order("warm")])
    standby.go()
    began = time.monotonic()

    error = failure(lambda: store.store([new_order("k")]))

    assert error.outcome_unknown
    assert time.monotonic() - began >= 1.0
    assert len(standby.waiting()) == 1


def test_orders_are_stored_again_once_the_standby_is_back(
    store: PostgresIntakeStore, standby: Standby, wait_until: WaitUntil
) -> None:
    standby.go()
    failure(store.probe)
    standby.come_back()
    wait_until(lambda: not standby.waiting(), 5.0)

    [outcome] = store.store([new_order("k")])

    assert isinstance(outcome, Stored)
