"""Accepted orders are stored once, whatever comes with them and whoever races."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import cast

import psycopg
import pytest

from orders.actors.ports import IntakeStore
from orders.domain.events import event_data, event_type
from orders.domain.identifiers import IdFactory
from orders.domain.intake import (
    IdempotencyKey,
    KeyBusy,
    KeyReused,
    NewOrder,
    Replayed,
    RowRefused,
    Stored,
)
from orders.domain.order import DEFAULT_TENANT, OrderLine, OrderRequest, OrderStatus
from orders.domain.payment import Decision
from orders.domain.settlement import settle
from orders.domain.transitions import Change, move
from orders.persistence.database import PostgresDatabase
from orders.persistence.failures import ContentionError
from orders.persistence.held_orders import ID_TAKEN
from orders.persistence.identity import NodeIdentity
from orders.persistence.intake import PostgresIntakeStore
from orders.persistence.session import Session
from orders.persistence.statements import Statement

pytestmark = pytest.mark.integration

ROUTE = "POST /v1/orders"
PENDING = move(None, Change.ACCEPTED)
new_id = IdFactory()


def new_order(
    key: str | None = None,
    *,
    fingerprint: bytes = b"same",
    total: int = 9980,
    reference: str | None = None,
    metadata: str | None = None,
) -> NewOrder:
    order_id = new_id()
    lines = (OrderLine(3, 2, total - 1), OrderLine(4, 1, 1))
    return NewOrder(
        order_id,
        DEFAULT_TENANT,
        OrderRequest(7, "EUR", total, lines, reference, metadata),
        event_data(order_id, DEFAULT_TENANT, 7, total, "EUR", PENDING, 1),
        None if key is None else IdempotencyKey(ROUTE, key, fingerprint),
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )


@pytest.fixture
def database(database_url: str) -> PostgresDatabase:
    return PostgresDatabase(database_url, node_name="test", node_lease_seconds=30)


@pytest.fixture
def store(database: PostgresDatabase) -> Iterator[PostgresIntakeStore]:
    store = database.intake_store()
    yield store
    store.close()


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def count(connection: psycopg.Connection, table: str) -> int:
    [(rows,)] = connection.execute(f"select count(*) from {table}".encode()).fetchall()  # noqa: S608 - names of tables in this file
    return cast("int", rows)


def test_the_store_is_what_the_actors_ask_for(store: IntakeStore) -> None:
    store.probe()


def test_a_stored_order_reads_back_as_it_was_given(
    database: PostgresDatabase, store: PostgresIntakeStore
) -> None:
    order = new_order(reference='it\'s "7" \\ ü €', metadata='{"b": 1,  "a":[1.50]}')

    [outcome] = store.store([order])

    reader = database.read_store()
    there = reader.read_orders([order.order_id])[order.order_id]
    reader.close()
    assert isinstance(outcome, Stored)
    assert there == (
        order.order_id,
        DEFAULT_TENANT,
        order.request,
        *PENDING,
        1,
        outcome.created_at,
        outcome.created_at,
        None,
    )


def test_a_stored_order_has_its_first_event_and_an_outbox_row(
    database: PostgresDatabase, store: PostgresIntakeStore
) -> None:
    order = new_order()

    [outcome] = store.store([order])

    sweeper = database.sweep_store()
    [event] = sweeper.own_outbox(None, 0.0, 10)
    sweeper.close()
    assert isinstance(outcome, Stored)
    assert event == (
        order.order_id,
        1,
        event_type(Change.ACCEPTED),
        order.event_data,
        outcome.created_at,
        order.traceparent,
    )


def test_a_key_used_again_answers_with_the_order_as_it_now_is(
    database: PostgresDatabase, store: PostgresIntakeStore
) -> None:
    first = new_order("k")
    store.store([first])
    settlements = database.settlement_store()
    [open_order], _ = settlements.read_open([first.order_id])
    settlements.settle([settle(open_order, Decision(Change.APPROVED, None))])
    settlements.close()

    [outcome] = store.store([new_order("k")])

    assert isinstance(outcome, Replayed)
    assert outcome.order.order_id == first.order_id
    assert outcome.order.status is OrderStatus.PAID


def test_a_key_used_again_stores_nothing(
    store: PostgresIntakeStore, connection: psycopg.Connection
) -> None:
    store.store([new_order("k")])

    store.store([new_order("k")])

    assert [count(connection, t) for t in ("orders", "order_events", "outbox")] == [
        1
    ] * 3


def test_a_key_with_another_body_is_refused(store: PostgresIntakeStore) -> None:
    store.store([new_order("k", fingerprint=b"one")])

    [outcome] = store.store([new_order("k", fingerprint=b"two")])

    assert outcome == KeyReused()


def test_the_same_key_of_two_tenants_is_two_keys(store: PostgresIntakeStore) -> None:
    theirs = new_order("k")._replace(tenant_id="other")

    outcomes = store.store([new_order("k"), theirs])

    assert [type(outcome) for outcome in outcomes] == [Stored, Stored]


def test_a_key_twice_in_one_batch_is_one_order(store: PostgresIntakeStore) -> None:
    one, two = new_order("k"), new_order("k")

    outcomes = store.store([one, new_order(), two])

    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "Replayed",
        "Stored",
        "Stored",
    ]


def test_losers_of_a_key_get_the_winners_order(database: PostgresDatabase) -> None:
    keys = [f"k{n}" for n in range(20)]

    def request(seed: int) -> list[tuple[str, str]]:
        shuffled = keys if seed % 2 else keys[::-1]
        store = database.intake_store()
        batch = [new_order(key) for key in shuffled] + [new_order()]
        outcomes = store.store(batch)
        store.close()
        return [
            (
                key,
                outcome.order.order_id
                if isinstance(outcome, Replayed)
                else order.order_id,
            )
            for key, order, outcome in zip(shuffled, batch, outcomes, strict=False)
            if isinstance(outcome, Stored | Replayed)
        ]

    with ThreadPoolExecutor(4) as pool:
        answers = [answer for part in pool.map(request, range(8)) for answer in part]

    assert len(answers) == 8 * len(keys)
    assert len(set(answers)) == len(keys)


def test_a_loser_that_waited_for_the_winner_gets_the_winners_order(
    database_url: str,
    connection: psycopg.Connection,
    wait_until: Callable[[Callable[[], bool], float], None],
) -> None:
    first, second = new_order("k"), new_order("k")
    winning = Session(database_url, application_name="winner")
    patient = Session(database_url, application_name="loser")
    winner = PostgresIntakeStore(winning, NodeIdentity("one", lease_seconds=30))
    loser = PostgresIntakeStore(patient, NodeIdentity("two", lease_seconds=30))
    for store in (winner, loser):
        store.store([new_order()])  # registers its node

    with ThreadPoolExecutor(1) as pool:
        with winning.transaction():
            winner.store([first])
            waiting = pool.submit(loser.store, [second])
            wait_until(lambda: lock_waits(connection) == 1, 10.0)
        [outcome] = waiting.result(10.0)

    winner.close()
    loser.close()
    assert isinstance(outcome, Replayed)
    assert outcome.order.order_id == first.order_id


def lock_waits(connection: psycopg.Connection) -> int:
    [(waits,)] = connection.execute(
        "select count(*) from pg_stat_activity "
        "where datname = current_database() and wait_event_type = 'Lock'"
    ).fetchall()
    return cast("int", waits)


def test_keys_in_any_order_make_no_deadlock(
    database_url: str, connection: psycopg.Connection
) -> None:
    keys = [f"k{n}" for n in range(200)]
    settings = {"lock_timeout": "10s"}  # time for the deadlock detector

    def request(seed: int) -> list[str]:
        session = Session(database_url, application_name="test", settings=settings)
        store = PostgresIntakeStore(session, NodeIdentity("test", lease_seconds=30))
        rounds = ([new_order(f"{r}{k}") for k in keys] for r in range(5))
        batches = [batch if seed % 2 else batch[::-1] for batch in rounds]
        outcomes = [type(o).__name__ for batch in batches for o in store.store(batch)]
        store.close()
        return outcomes

    with ThreadPoolExecutor(4) as pool:
        answers = [answer for part in pool.map(request, range(4)) for answer in part]

    [(deadlocks,)] = connection.execute(
        "select deadlocks from pg_stat_database where datname = current_database()"
    ).fetchall()
    assert answers.count("Stored") == 5 * len(keys)
    assert deadlocks == 0


def test_racing_bodies_of_one_key_have_one_winner(database: PostgresDatabase) -> None:
    def request(body: int) -> list[str]:
        store = database.intake_store()
        batch = [new_order(f"k{n}", fingerprint=bytes([body])) for n in range(30)]
        outcomes = store.store(batch)
        store.close()
        return [type(outcome).__name__ for outcome in outcomes]

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(request, range(2)))

    pairs = {tuple(sorted(pair)) for pair in zip(*answers, strict=True)}
    assert pairs == {("KeyReused", "Stored")}


@pytest.mark.parametrize(
    "poison",
    [
        new_order(reference="a\x00b"),
        new_order(reference="a\ud800b"),
        new_order(total=2**63),
        new_order(metadata="{"),
        new_order("k", total=2**63),
    ],
    ids=["NUL", "lone surrogate", "too large", "no JSON", "keyed"],
)
def test_a_row_at_fault_is_refused_alone(
    store: PostgresIntakeStore, poison: NewOrder
) -> None:
    batch = [new_order(), new_order("a"), poison, new_order(), new_order("b")]

    outcomes = store.store(batch)

    assert [type(o) for o in outcomes] == [Stored, Stored, RowRefused, Stored, Stored]


def test_a_refused_row_does_not_burn_its_key(store: PostgresIntakeStore) -> None:
    store.store([new_order("k", reference="a\x00b")])

    [outcome] = store.store([new_order("k", reference="fixed", fingerprint=b"fixed")])

    assert isinstance(outcome, Stored)


def test_a_key_held_elsewhere_is_busy_and_holds_up_nobody_else(
    store: PostgresIntakeStore, connection: psycopg.Connection
) -> None:
    batch = [new_order(), new_order("free"), new_order("held"), new_order()]
    store.probe()
    with held(connection, "held"):
        outcomes = store.store(batch)

    assert [type(o) for o in outcomes] == [Stored, Stored, KeyBusy, Stored]


def test_orders_are_told_of_before_a_held_key_is_looked_for(
    store: PostgresIntakeStore, connection: psycopg.Connection
) -> None:
    batch = [*(new_order(f"k{n}") for n in range(30)), new_order("held"), new_order()]
    times: list[tuple[float, int]] = []
    store.store([new_order()])
    with held(connection, "held"):
        began = time.monotonic()
        outcomes = store.store(
            batch, lambda part: times.append((time.monotonic() - began, len(part)))
        )

    unkeyed_seconds, first = times[0]
    assert first == 1
    assert unkeyed_seconds < times[-1][0]
    assert [type(o) for o in outcomes].count(Stored) == len(batch) - 1


def test_suspected_keys_are_waited_for_more_briefly(
    store: PostgresIntakeStore, connection: psycopg.Connection
) -> None:
    store.store([new_order()])
    took = {}
    with held(connection, "held"):
        for suspected in (False, True):
            began = time.monotonic()
            outcome = store.store([new_order("held")], suspected=suspected)
            took[suspected] = time.monotonic() - began
            assert outcome == [KeyBusy()]

    assert took[False] >= 0.05
    assert took[True] < took[False]


def test_many_held_keys_are_left_for_later_within_a_bound(
    store: PostgresIntakeStore, connection: psycopg.Connection
) -> None:
    batch = [new_order(f"k{n}") for n in range(500)]
    store.store([new_order()])
    with held(connection, *(f"k{n}" for n in range(0, 500, 2))):
        began = time.monotonic()
        outcomes = store.store(batch)
        took = time.monotonic() - began

    assert {type(o) for o in outcomes} <= {Stored, KeyBusy}
    assert sum(isinstance(o, KeyBusy) for o in outcomes) >= 250
    assert took < 3.0


def test_the_wait_for_a_key_is_over_with_its_statement(
    store: PostgresIntakeStore,
) -> None:
    store.store([new_order("k")])

    show = Statement("show", b"show lock_timeout")
    assert store._session.read(show, (), str) == ["200ms"]


@contextmanager
def held(connection: psycopg.Connection, *keys: str) -> Iterator[None]:
    """Have a stranger hold ``keys`` in an open transaction."""
    with connection.transaction():
        for key in keys:
            connection.execute(
                "insert into idempotency_keys values (%s, %s, %s, %s, 'x', now())",
                (DEFAULT_TENANT, ROUTE, key, new_id()),
            )
        yield


def test_a_key_whose_first_request_failed_is_free(
    store: PostgresIntakeStore, connection: psycopg.Connection
) -> None:
    with ThreadPoolExecutor(1) as pool, connection.transaction(force_rollback=True):
        connection.execute(
            "insert into idempotency_keys values (%s, %s, 'k', %s, 'x', now())",
            (DEFAULT_TENANT, ROUTE, new_id()),
        )
        answer = pool.submit(store.store, [new_order("k")])
        _wait_for_a_waiter(connection)
    [outcome] = answer.result(5)

    assert isinstance(outcome, Stored)


def _wait_for_a_waiter(connection: psycopg.Connection) -> None:
    for _ in range(1000):
        waiting = connection.execute(
            "select from pg_locks where not granted"
        ).fetchall()
        if waiting:
            return
    pytest.fail("nobody waits for the key")


def test_an_order_stored_before_is_replayed_when_tried_again(
    store: PostgresIntakeStore,
) -> None:
    keyed, unkeyed, fresh = new_order("k"), new_order(), new_order()
    store.store([keyed, unkeyed])

    outcomes = store.store([keyed, unkeyed, fresh])

    assert [type(o) for o in outcomes] == [Replayed, Replayed, Stored]


def test_an_order_tried_again_is_not_published_again(
    database: PostgresDatabase,
    store: PostgresIntakeStore,
    connection: psycopg.Connection,
) -> None:
    order = new_order()
    store.store([order])
    connection.execute("delete from outbox")

    store.store([order])

    assert count(connection, "outbox") == 0


def test_an_id_of_another_order_is_refused(store: PostgresIntakeStore) -> None:
    there = new_order()
    store.store([there])
    clash = there._replace(request=there.request._replace(total=1))

    [outcome] = store.store([clash])

    assert outcome == RowRefused(ID_TAKEN)


@pytest.mark.parametrize("mode", ["share", "access exclusive"])
@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("orders", None),
        ("outbox", None),
        ("orders", "k"),
        ("outbox", "k"),
        ("idempotency_keys", "k"),
    ],
)
def test_a_locked_table_is_contention_and_nothing_is_stored(
    store: PostgresIntakeStore,
    connection: psycopg.Connection,
    key: str | None,
    mode: str,
    table: str,
) -> None:
    store.probe()
    store.store([new_order(key and "warm")])
    with connection.transaction():
        connection.execute(f"lock table {table} in {mode} mode".encode())
        with pytest.raises(ContentionError) as caught:
            store.store([new_order(key)])

    assert not caught.value.outcome_unknown
    assert not caught.value.server_is_away
