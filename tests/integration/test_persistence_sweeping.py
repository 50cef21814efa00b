"""The sweeper finds everything that others left behind, and nothing twice."""

from collections.abc import Iterator
from decimal import Decimal

import psycopg
import pytest

from orders.actors.ports import SweepStore
from orders.domain.events import event_data
from orders.domain.identifiers import IdFactory
from orders.domain.intake import IdempotencyKey, NewOrder
from orders.domain.order import DEFAULT_TENANT, OrderLine, OrderRequest
from orders.domain.payment import PaymentRule
from orders.domain.records import DeadLetter, EventRef, OutboxState
from orders.domain.settlement import resolve
from orders.domain.transitions import Change, move
from orders.persistence.database import PostgresDatabase
from orders.persistence.identity import NodeIdentity
from orders.persistence.session import Session
from orders.persistence.sweeping import PostgresSweepStore

pytestmark = pytest.mark.integration

RULE = PaymentRule(Decimal(1000))
PENDING = move(None, Change.ACCEPTED)
STUCK_AFTER = 60.0
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

    assert other.sweeper.abandoned_outbox(60.0, 10) == []


def test_rows_of_a_released_node_are_abandoned(node: Node, other: Node) -> None:
    ids = node.store(2)

    node.sweeper.release()

    events = other.sweeper.abandoned_outbox(60.0, 10)
    assert [event.order_id for event in events] == sorted(ids)


def test_rows_of_an_unknown_node_are_abandoned(
    node: Node, other: Node, connection: psycopg.Connection
) -> None:
    [order_id] = node.store(1)
    connection.execute("delete from nodes")

    [event] = other.sweeper.abandoned_outbox(60.0, 10)

    assert event.order_id == order_id


def test_old_rows_of_a_living_node_are_abandoned(
    node: Node, other: Node, connection: psycopg.Connection
) -> None:
    ids = node.store(2)
    connection.execute(
        "update outbox set created_at = now() - interval '2 min' where order_id = %s",
        (ids[0],),
    )

    events = other.sweeper.abandoned_outbox(60.0, 10)

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

    steps = [node.sweeper.scan_unsettled(STUCK_AFTER, 3).scanned for _ in range(3)]

    assert steps == [3, 2, 0]


def test_a_young_unsettled_order_stops_the_scan(
    node: Node, connection: psycopg.Connection
) -> None:
    [done] = node.store(1)
    [waiting] = node.store(1)
    age(connection, waiting, 10)
    age(connection, done, 20)
    node.settle(done)

    first = node.sweeper.scan_unsettled(STUCK_AFTER, 10)
    second = node.sweeper.scan_unsettled(STUCK_AFTER, 10)

    assert (first.scanned, second.scanned) == (1, 0)
    assert 10 <= second.oldest_unsettled_age_seconds < 20


def test_an_order_that_stopped_the_scan_is_passed_once_settled(node: Node) -> None:
    ids = node.store(2)
    node.sweeper.scan_unsettled(STUCK_AFTER, 10)

    node.settle(*ids)

    assert node.sweeper.scan_unsettled(STUCK_AFTER, 10).scanned == 2


def test_an_old_unsettled_order_is_noted_as_stuck_and_passed(
    node: Node, connection: psycopg.Connection
) -> None:
    [stuck] = node.store(1)
    age(connection, stuck, 100)

    step = node.sweeper.scan_unsettled(STUCK_AFTER, 10)

    assert step.scanned == 1
    assert node.sweeper.due_stuck(10, 30) == [stuck]


def test_the_oldest_age_includes_stuck_orders(
    node: Node, connection: psycopg.Connection
) -> None:
    [stuck] = node.store(1)
    age(connection, stuck, 100)
    node.sweeper.scan_unsettled(STUCK_AFTER, 10)

    oldest = node.sweeper.scan_unsettled(STUCK_AFTER, 10).oldest_unsettled_age_seconds

    assert 100 <= oldest < 110


def test_stuck_orders_that_settled_have_no_age(
    node: Node, connection: psycopg.Connection
) -> None:
    [stuck] = node.store(1)
    age(connection, stuck, 100)
    node.sweeper.scan_unsettled(STUCK_AFTER, 10)

    node.settle(stuck)

    assert node.sweeper.scan_unsettled(STUCK_AFTER, 10) == (0, 0.0)


def test_the_scan_waits_for_a_running_transaction(
    node: Node, database_url: str, connection: psycopg.Connection
) -> None:
    with psycopg.connect(database_url) as running:
        running.execute(  # its rows will carry this transaction's time
            "insert into orders select gen_random_uuid(), 'default', 7, 'EUR', 1, '[]',"
            " null, null, 'PENDING', 'PENDING', 1, now(), now()"
        )
        node.settle(*node.store(1))  # younger, committed first
        blocked = node.sweeper.scan_unsettled(0.0, 10)
    released = node.sweeper.scan_unsettled(0.0, 10)

    assert (blocked.scanned, released.scanned) == (0, 2)


def test_the_scan_goes_on_where_another_node_stopped(node: Node, other: Node) -> None:
    node.settle(*node.store(2))
    node.sweeper.scan_unsettled(STUCK_AFTER, 10)
    node.settle(*node.store(1))

    assert other.sweeper.scan_unsettled(STUCK_AFTER, 10).scanned == 1


def test_the_scan_keeps_behind_the_present(database_url: str, node: Node) -> None:
    node.settle(*node.store(1))
    database = PostgresDatabase(database_url, node_name="n", node_lease_seconds=30)
    careful = database.sweep_store()

    step = careful.scan_unsettled(STUCK_AFTER, 10)

    careful.close()
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
    node.sweeper.due_stuck(10, 30)

    assert node.sweeper.due_stuck(10, 30) == []


def test_the_backoff_of_a_stuck_order_doubles_up_to_an_hour(
    node: Node, connection: psycopg.Connection
) -> None:
    _stuck(node, connection, 1)

    pauses = []
    for _ in range(9):
        node.sweeper.due_stuck(10, 30)
        pauses += connection.execute(
            "update stuck_orders set next_attempt_at = now()"
            " returning round(extract(epoch from old.next_attempt_at - now()))::int"
        ).fetchall()

    assert [pause for (pause,) in pauses] == [
        30, 60, 120, 240, 480, 960, 1920, 3600, 3600,
    ]  # fmt: skip


def test_stuck_orders_come_in_portions(
    node: Node, connection: psycopg.Connection
) -> None:
    ids = _stuck(node, connection, 3)

    portions = [node.sweeper.due_stuck(2, 30) for _ in range(3)]

    assert [len(portion) for portion in portions] == [2, 1, 0]
    assert sorted(portions[0] + portions[1]) == sorted(ids)


def test_a_stuck_order_that_settled_is_forgotten(
    node: Node, connection: psycopg.Connection
) -> None:
    done, waiting = _stuck(node, connection, 2)
    node.settle(done)

    due = node.sweeper.due_stuck(10, 30)

    left = connection.execute("select order_id::text from stuck_orders").fetchall()
    assert due == [waiting]
    assert left == [(waiting,)]


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
