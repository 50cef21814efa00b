"""The sweeper finds everything that others left behind, and nothing twice."""

import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal

import psycopg
import pytest
from psycopg import conninfo

from orders.actors.ports import SweepStore
from orders.domain.events import event_data
from orders.domain.identifiers import IdFactory
from orders.domain.intake import IdempotencyKey, NewOrder
from orders.domain.order import DEFAULT_TENANT, OrderLine, OrderRequest
from orders.domain.payment import PaymentRule
from orders.domain.records import DeadLetter, EventRef, OutboxState, ScanResult
from orders.domain.settlement import resolve
from orders.domain.transitions import Change, move
from orders.persistence import sweeping
from orders.persistence.database import PostgresDatabase
from orders.persistence.identity import NodeIdentity
from orders.persistence.session import Session
from orders.persistence.sweeping import PostgresSweepStore

pytestmark = pytest.mark.integration

RULE = PaymentRule(Decimal(1000))
PENDING = move(None, Change.ACCEPTED)
STUCK_AFTER = 60.0
WaitUntil = Callable[[Callable[[], bool], float], None]
new_id = IdFactory()


class Node:
    """One node: stores orders, settles them, sweeps without a delay."""

    def __init__(self, url: str) -> None:
        database = PostgresDatabase(url, node_name="node", node_lease_seconds=30)
        self.intake = database.intake_store()
        self.settlements = database.settlement_store()
        identity = database._identity
        session = Session(url, application_name="sweeper")
        self.sweeper = PostgresSweepStore(session, identity, scan_delay_seconds=0.0)

    def store(self, count: int, key: IdempotencyKey | None = None) -> list[str]:
        orders = [_new_order(key) for _ in range(count)]
        self.intake.store(orders)
        return [order.order_id for order in orders]

    def settle(self, *order_ids: str) -> None:
        open_orders, _ = self.settlements.read_open(order_ids)
        self.settlements.settle([resolve(order, RULE) for order in open_orders])

    def close(self) -> None:
        for store in (self.intake, self.settlements, self.sweeper):
            store.close()


def _new_order(key: IdempotencyKey | None) -> NewOrder:
    order_id = new_id()
    request = OrderRequest(7, "EUR", 100, (OrderLine(3, 1, 100),))
    data = event_data(order_id, DEFAULT_TENANT, 7, 100, "EUR", PENDING, 1)
    return NewOrder(order_id, DEFAULT_TENANT, request, data, key)


@pytest.fixture
def node(database_url: str) -> Iterator[Node]:
    node = Node(database_url)
    yield node
    node.close()


@pytest.fixture
def other(database_url: str) -> Iterator[Node]:
    node = Node(database_url)
    yield node
    node.close()


@pytest.fixture
def sweeper(node: Node) -> PostgresSweepStore:
    return node.sweeper


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def age(connection: psycopg.Connection, order_id: str, seconds: float) -> None:
    connection.execute(
        "update orders set created_at = created_at - make_interval(secs => %s)"
        " where order_id = %s",
        (seconds, order_id),
    )


def scan(node: Node, stuck_after: float = STUCK_AFTER, limit: int = 10) -> ScanResult:
    step = node.sweeper.scan_unsettled(stuck_after, limit)
    assert step is not None
    return step


def due(
    node: Node, limit: int = 10, older_than: float = 0.0, backoff: float = 30
) -> list[str]:
    found = node.sweeper.due_stuck(limit, older_than, backoff)
    return [order.order_id for order in found]


def known_age(node: Node) -> float:
    seconds = node.sweeper.oldest_unsettled_age()
    assert seconds is not None
    return seconds


def test_the_store_is_what_the_actors_ask_for(sweeper: SweepStore) -> None:
    sweeper.renew_node(30)


# --- nodes and leases ----------------------------------------------------------


def test_every_start_is_a_new_node(node: Node, other: Node) -> None:
    node.sweeper.renew_node(30)
    other.sweeper.renew_node(30)

    ids = {n.sweeper._identity.registered_id for n in (node, other)}
    assert len(ids) == 2
    assert None not in ids


def test_the_stores_of_a_process_are_one_node(database_url: str) -> None:
    identity = NodeIdentity("node", lease_seconds=30)
    sessions = [Session(database_url, application_name="test") for _ in range(2)]

    ids = {identity.node_id(session) for session in sessions}

    for session in sessions:
        session.close()
    assert len(ids) == 1


def test_a_node_that_the_database_forgot_registers_anew(
    sweeper: PostgresSweepStore, connection: psycopg.Connection
) -> None:
    sweeper.renew_node(30)
    connection.execute("delete from nodes")

    sweeper.renew_node(30)

    rows = connection.execute("select node_id from nodes").fetchall()
    assert rows == [(sweeper._identity.registered_id,)]


def test_nodes_gone_for_a_day_are_forgotten_unless_they_left_events(
    node: Node, other: Node, connection: psycopg.Connection
) -> None:
    node.store(1)
    other.sweeper.renew_node(30)
    connection.execute("update nodes set lease_until = now() - interval '2 days'")

    third = Node(connection.info.dsn)
    third.sweeper.renew_node(30)

    left = {row for (row,) in connection.execute("select node_id from nodes")}
    expected = {n.sweeper._identity.registered_id for n in (node, third)}
    third.close()
    assert left == expected


def test_a_lease_has_one_holder(node: Node, other: Node) -> None:
    assert node.sweeper.hold_lease("sweep", 30)

    assert not other.sweeper.hold_lease("sweep", 30)


def test_a_holder_extends_its_lease(sweeper: PostgresSweepStore) -> None:
    sweeper.hold_lease("sweep", 30)

    assert sweeper.hold_lease("sweep", 30)


def test_a_lapsed_lease_is_free(node: Node, other: Node) -> None:
    node.sweeper.hold_lease("sweep", 0)

    assert other.sweeper.hold_lease("sweep", 30)


def test_a_released_lease_is_free(node: Node, other: Node) -> None:
    node.sweeper.hold_lease("sweep", 30)

    node.sweeper.release()

    assert other.sweeper.hold_lease("sweep", 30)


# --- outbox --------------------------------------------------------------------


def test_own_rows_come_in_order_behind_a_place(node: Node) -> None:
    ids = sorted(node.store(3))

    events = node.sweeper.own_outbox(EventRef(ids[0], 1), 0.0, 10)

    assert [event.order_id for event in events] == ids[1:]


def test_own_rows_are_not_those_of_another_node(node: Node, other: Node) -> None:
    node.store(1)

    assert other.sweeper.own_outbox(None, 0.0, 10) == []


def test_young_rows_are_left_to_their_producer(node: Node) -> None:
    node.store(1)

    assert node.sweeper.own_outbox(None, 5.0, 10) == []


def test_rows_of_a_living_node_are_not_abandoned(node: Node, other: Node) -> None:
    node.store(1)

    assert other.sweeper.abandoned_outbox(None, 60.0, 10) == []


def test_rows_of_a_released_node_are_abandoned(node: Node, other: Node) -> None:
    ids = node.store(2)

    node.sweeper.release()

    events = other.sweeper.abandoned_outbox(None, 60.0, 10)
    assert [event.order_id for event in events] == sorted(ids)


def test_rows_of_an_unknown_node_are_abandoned(
    node: Node, other: Node, connection: psycopg.Connection
) -> None:
    [order_id] = node.store(1)
    connection.execute("delete from nodes")

    [event] = other.sweeper.abandoned_outbox(None, 60.0, 10)

    assert event.order_id == order_id


def test_old_rows_of_a_living_node_are_abandoned(
    node: Node, other: Node, connection: psycopg.Connection
) -> None:
    ids = node.store(2)
    connection.execute(
        "update outbox set created_at = now() - interval '2 min' where order_id = %s",
        (ids[0],),
    )

    events = other.sweeper.abandoned_outbox(None, 60.0, 10)

    assert [event.order_id for event in events] == ids[:1]


def test_the_state_of_the_outbox_counts_and_ages(
    node: Node, connection: psycopg.Connection
) -> None:
    node.store(3)
    connection.execute("update outbox set created_at = now() - interval '100 s'")

    state = node.sweeper.outbox_state(10)

    assert state.pending == 3
    assert 100 <= state.oldest_age_seconds < 110


def test_the_state_of_the_outbox_counts_up_to_a_limit(node: Node) -> None:
    node.store(3)

    assert node.sweeper.outbox_state(2).pending == 2


def test_an_empty_outbox_has_no_age(node: Node) -> None:
    assert node.sweeper.outbox_state(2) == OutboxState(0, 0.0)


# --- stuck orders ----------------------------------------------------------------


def test_settled_orders_are_left_behind(node: Node) -> None:
    node.settle(*node.store(5))

    steps = [scan(node, limit=3).scanned for _ in range(3)]

    assert steps == [3, 2, 0]


def test_a_young_unsettled_order_stops_the_scan(
    node: Node, connection: psycopg.Connection
) -> None:
    [done] = node.store(1)
    [waiting] = node.store(1)
    age(connection, waiting, 10)
    age(connection, done, 20)
    node.settle(done)

    first, second = scan(node), scan(node)

    assert (first.scanned, second.scanned) == (1, 0)
    assert 10 <= known_age(node) < 20


def test_an_order_that_stopped_the_scan_is_passed_once_settled(node: Node) -> None:
    ids = node.store(2)
    node.sweeper.scan_unsettled(STUCK_AFTER, 10)

    node.settle(*ids)

    assert scan(node).scanned == 2


def test_an_old_unsettled_order_is_noted_as_stuck_and_passed(
    node: Node, connection: psycopg.Connection
) -> None:
    [stuck] = node.store(1)
    age(connection, stuck, 100)

    step = scan(node)

    assert step.scanned == 1
    assert due(node) == [stuck]


def test_the_oldest_age_includes_stuck_orders(
    node: Node, connection: psycopg.Connection
) -> None:
    [stuck] = node.store(1)
    age(connection, stuck, 100)
    scan(node)

    assert 100 <= known_age(node) < 110


def test_stuck_orders_that_settled_have_no_age(
    node: Node, connection: psycopg.Connection
) -> None:
    [stuck] = node.store(1)
    age(connection, stuck, 100)
    node.sweeper.scan_unsettled(STUCK_AFTER, 10)

    node.settle(stuck)

    assert node.sweeper.oldest_unsettled_age() == 0.0


def test_the_scan_waits_for_a_running_transaction(
    node: Node, database_url: str, connection: psycopg.Connection
) -> None:
    with psycopg.connect(database_url) as running:
        running.execute(  # its rows will carry this transaction's time
            "insert into orders select gen_random_uuid(), 'default', 7, 'EUR', 1, '[]',"
            " null, null, 'PENDING', 'PENDING', 1, now(), now()"
        )
        node.settle(*node.store(1))  # younger, committed first
        blocked = scan(node, 0.0)
    released = scan(node, 0.0)

    assert (blocked.scanned, released.scanned) == (0, 2)


def test_an_open_transaction_of_a_reader_holds_nothing_up(
    node: Node, database_url: str
) -> None:
    with psycopg.connect(database_url) as reader:
        reader.execute("select count(*) from orders")
        node.settle(*node.store(1))

        assert scan(node).scanned == 1


def test_an_open_transaction_in_another_database_holds_nothing_up(
    node: Node, database_url: str
) -> None:
    elsewhere = conninfo.make_conninfo(database_url, dbname="postgres")
    with closing(psycopg.connect(elsewhere)) as stranger:  # rolls back in the end
        stranger.execute("create table orders (order_id int)")
        stranger.execute("insert into orders values (1)")
        node.settle(*node.store(1))

        assert scan(node).scanned == 1


def test_a_writer_that_waits_for_the_table_holds_the_search_back(
    node: Node, database_url: str, wait_until: WaitUntil
) -> None:
    locker, writer = (psycopg.connect(database_url) for _ in range(2))
    node.settle(*node.store(1))
    with locker, writer, ThreadPoolExecutor() as pool:
        writer.execute("select now()")  # the time that its rows will carry
        locker.execute("lock table orders in share mode")
        waiting = pool.submit(writer.execute, "update orders set version = version")
        wait_until(
            lambda: bool(
                locker.execute("select from pg_locks where not granted").fetchall()
            ),
            5.0,
        )
        step = scan(node)
        locker.rollback()
        waiting.result()
        [(open_for,)] = writer.execute(
            "select extract(epoch from clock_timestamp() - now())::float"
        ).fetchall()

    assert 0 < step.behind_seconds < open_for


def test_the_search_goes_round_a_transaction_that_stays_open_and_comes_back(
    node: Node,
    database_url: str,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweeping, "WRITER_HOLDS_SECONDS", 0.0)
    with psycopg.connect(database_url) as running:
        running.execute(
            "insert into orders select gen_random_uuid(), 'default', 7, 'EUR', 1, '[]',"
            " null, null, 'PENDING', 'PENDING', 1, now(), now()"
        )
        node.settle(*node.store(1))  # younger, committed first
        gone_round = [scan(node, 0.0).scanned for _ in range(2)]
    came_back = scan(node, 0.0)
    [(stuck,)] = connection.execute("select count(*) from stuck_orders").fetchall()

    assert (gone_round, came_back.scanned, stuck) == ([1, 0], 2, 1)
    assert scan(node, 0.0).scanned == 0


def test_a_node_that_may_not_see_since_when_others_write_is_a_minute_behind(
    node: Node, database_url: str, connection: psycopg.Connection
) -> None:
    connection.execute("drop role if exists orders_other")
    connection.execute("create role orders_other login")
    connection.execute("grant all on all tables in schema public to orders_other")
    with psycopg.connect(database_url) as running:
        running.execute("update orders set version = version where false")
        url = conninfo.make_conninfo(database_url, user="orders_other")
        with closing(Node(url)) as blind:
            step = scan(blind)
    connection.execute("drop owned by orders_other")
    connection.execute("drop role orders_other")

    assert 60 <= step.behind_seconds < 61


def test_the_search_is_one_nodes_at_a_time(
    node: Node, connection: psycopg.Connection
) -> None:
    with connection.transaction():
        connection.execute("select from sweep_marks for update")

        assert node.sweeper.scan_unsettled(STUCK_AFTER, 10) is None


def test_the_oldest_age_is_known_ahead_of_the_search(
    node: Node, connection: psycopg.Connection
) -> None:
    done, waiting = node.store(2)
    node.settle(done)
    age(connection, done, 50)
    age(connection, waiting, 40)

    assert 40 <= known_age(node) < 50


def test_the_scan_goes_on_where_another_node_stopped(node: Node, other: Node) -> None:
    node.settle(*node.store(2))
    node.sweeper.scan_unsettled(STUCK_AFTER, 10)
    node.settle(*node.store(1))

    assert scan(other).scanned == 1


def test_the_scan_keeps_behind_the_present(database_url: str, node: Node) -> None:
    node.settle(*node.store(1))
    database = PostgresDatabase(database_url, node_name="n", node_lease_seconds=30)
    careful = database.sweep_store()

    step = careful.scan_unsettled(STUCK_AFTER, 10)

    careful.close()
    assert step is not None
    assert step.scanned == 0


def _stuck(node: Node, connection: psycopg.Connection, count: int) -> list[str]:
    ids = node.store(count)
    for order_id in ids:
        age(connection, order_id, 100)
    node.sweeper.scan_unsettled(STUCK_AFTER, count)
    return ids


def test_a_stuck_order_is_put_off_once_returned(
    node: Node, connection: psycopg.Connection
) -> None:
    _stuck(node, connection, 1)
    due(node)

    assert due(node) == []


def test_the_backoff_of_a_stuck_order_doubles_up_to_half_a_minute(
    node: Node, connection: psycopg.Connection
) -> None:
    _stuck(node, connection, 1)

    pauses = []
    for _ in range(9):
        due(node, backoff=2)
        pauses += connection.execute(
            "update stuck_orders set next_attempt_at = now()"
            " returning round(extract(epoch from old.next_attempt_at - now()))::int"
        ).fetchall()

    assert [pause for (pause,) in pauses] == [
        2, 4, 8, 16, 30, 30, 30, 30, 30,
    ]  # fmt: skip


def test_stuck_orders_come_in_portions(
    node: Node, connection: psycopg.Connection
) -> None:
    ids = _stuck(node, connection, 3)

    portions = [due(node, limit=2) for _ in range(3)]

    assert [len(portion) for portion in portions] == [2, 1, 0]
    assert sorted(portions[0] + portions[1]) == sorted(ids)


def test_a_stuck_order_that_settled_is_forgotten(
    node: Node, connection: psycopg.Connection
) -> None:
    done, waiting = _stuck(node, connection, 2)
    node.settle(done)

    forgotten = node.sweeper.forget_settled(10)

    left = connection.execute("select order_id::text from stuck_orders").fetchall()
    assert forgotten == 1
    assert left == [(waiting,)]


def test_settled_orders_are_passed_without_counting(
    node: Node, connection: psycopg.Connection
) -> None:
    *done, waiting = _stuck(node, connection, 5)
    node.settle(*done)

    assert due(node, limit=1) == [waiting]


def test_a_stuck_order_is_taken_by_one_node(
    node: Node, other: Node, connection: psycopg.Connection
) -> None:
    [first, second] = _stuck(node, connection, 2)
    with connection.transaction():
        connection.execute(
            "select from stuck_orders where order_id = %s for update", (first,)
        )

        assert due(other) == [second]


def test_an_order_is_left_alone_until_it_is_old_enough(
    node: Node, connection: psycopg.Connection
) -> None:
    _stuck(node, connection, 1)

    assert due(node, older_than=120.0) == []


def test_an_excused_order_waits_for_its_age_without_counting_a_try(
    node: Node, connection: psycopg.Connection
) -> None:
    [order_id] = _stuck(node, connection, 1)
    due(node)

    node.sweeper.excuse_stuck([order_id], 160.0)

    [(left, attempts)] = connection.execute(
        "select extract(epoch from next_attempt_at - now())::float, attempts"
        " from stuck_orders"
    ).fetchall()
    assert 50 < left < 61
    assert attempts == 0


def test_an_age_behind_too_many_settled_orders_is_not_known(
    node: Node, connection: psycopg.Connection
) -> None:
    connection.execute(
        "insert into stuck_orders select gen_random_uuid(), now() - '1 d'::interval,"
        " now(), 0, now() from generate_series(1, 20000)"
    )

    assert node.sweeper.oldest_unsettled_age() is None


def test_a_million_settled_orders_hold_no_stuck_one_up(
    node: Node, connection: psycopg.Connection
) -> None:
    connection.execute(
        "insert into stuck_orders select gen_random_uuid(), now() - '1 d'::interval,"
        " now() - '1 h'::interval, 0, now() - '1 h'::interval"
        " from generate_series(1, 1000000)"
    )
    [order_id] = _stuck(node, connection, 1)
    began = time.monotonic()
    slowest, found = 0.0, []

    while not found:
        step_began = time.monotonic()
        cleared = node.sweeper.forget_settled(5000) < 2500
        found = due(node) if cleared else []
        slowest = max(slowest, time.monotonic() - step_began)
    took = time.monotonic() - began

    sys.stdout.write(f"found after {took:.1f} s; slowest step {slowest:.3f} s\n")
    assert found == [order_id]
    assert took < 60


# --- housekeeping ------------------------------------------------------------------


def test_old_keys_are_deleted_in_portions(
    node: Node, connection: psycopg.Connection
) -> None:
    for name in "abc":
        node.store(1, IdempotencyKey("route", name, b"x"))
    connection.execute(
        "update idempotency_keys set created_at = now() - '2 d'::interval"
    )
    node.store(1, IdempotencyKey("route", "young", b"x"))

    deleted = [node.sweeper.delete_expired_keys(86400, 2) for _ in range(3)]

    left = connection.execute("select key from idempotency_keys").fetchall()
    assert deleted == [2, 1, 0]
    assert left == [("young",)]


def test_dead_letters_are_counted_up_to_a_limit(node: Node) -> None:
    letters = [DeadLetter("t", 0, n, None, (), None, "bad") for n in range(3)]
    node.settlements.bury(letters)

    counts = [node.sweeper.dead_letter_count(limit) for limit in (2, 10)]

    assert counts == [2, 3]
