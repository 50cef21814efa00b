"""A change that a client asks for is made once, whole, and against nobody."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from typing import cast

import psycopg
import pytest

from orders.actors.ports import ChangeStore
from orders.domain.changing import (
    Action,
    Changed,
    MoveRefused,
    OrderAbsent,
    OrderChange,
    VersionDiffers,
)
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.events import event_data
from orders.domain.identifiers import IdFactory
from orders.domain.intake import (
    IdempotencyKey,
    KeyBusy,
    KeyReused,
    NewOrder,
    Replayed,
)
from orders.domain.order import DEFAULT_TENANT, OrderLine, OrderRequest, OrderStatus
from orders.domain.payment import PaymentRule
from orders.domain.settlement import resolve
from orders.domain.transitions import Change, move
from orders.persistence import changing
from orders.persistence.changing import PostgresChangeStore
from orders.persistence.database import PostgresDatabase

pytestmark = pytest.mark.integration

PAID, DECLINED = 99_00, 1000_00
LOW, HIGH = PaymentRule(Decimal(1000)), PaymentRule(Decimal(5000))
PENDING = move(None, Change.ACCEPTED)
CANCEL, RETRY = Action.CANCEL, Action.RETRY_PAYMENT
WATCH_AFTER_SECONDS = 40.0
new_id = IdFactory()


def new_order(total: int = PAID) -> NewOrder:
    order_id = new_id()
    return NewOrder(
        order_id,
        DEFAULT_TENANT,
        OrderRequest(7, "EUR", total, (OrderLine(3, 1, total),)),
        event_data(order_id, DEFAULT_TENANT, 7, total, "EUR", PENDING, 1),
    )


def key(name: str, fingerprint: bytes = b"f") -> IdempotencyKey:
    return IdempotencyKey("POST /v1/orders/{order_id}/cancel", name, fingerprint)


def wish(order_id: str, action: Action = CANCEL, **fields: object) -> OrderChange:
    change = OrderChange(order_id, DEFAULT_TENANT, action, "client")
    return change._replace(**fields)


class Orders:
    """Stores orders and settles them."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._intake = database.intake_store()
        self.settlements = database.settlement_store()
        self.reader = database.read_store()

    def store(self, total: int = PAID, count: int = 1) -> list[str]:
        orders = [new_order(total) for _ in range(count)]
        self._intake.store(orders)
        return [order.order_id for order in orders]

    def settle(self, order_ids: Sequence[str], rule: PaymentRule = LOW) -> int:
        """Settle what is open; return how many this won."""
        found, _ = self.settlements.read_open(order_ids)
        return len(self.settlements.settle([resolve(o, rule) for o in found]).won)

    def failed(self) -> str:
        [order_id] = self.store(DECLINED)
        self.settle([order_id])
        return order_id

    def status(self, order_id: str) -> tuple[OrderStatus, int]:
        order = self.reader.read_orders([order_id])[order_id]
        return order.status, order.version

    def close(self) -> None:
        for store in (self._intake, self.settlements, self.reader):
            store.close()


@pytest.fixture
def database(database_url: str) -> PostgresDatabase:
    return PostgresDatabase(database_url, node_name="test", node_lease_seconds=30)


@pytest.fixture
def orders(database: PostgresDatabase) -> Iterator[Orders]:
    orders = Orders(database)
    yield orders
    orders.close()


def change_store(
    database: PostgresDatabase, max_attempts: int = 3
) -> PostgresChangeStore:
    return database.change_store(
        max_attempts=max_attempts,
        watch_after_seconds=WATCH_AFTER_SECONDS,
        patience_seconds=1.0,
    )


@pytest.fixture
def store(database: PostgresDatabase) -> Iterator[PostgresChangeStore]:
    store = change_store(database)
    yield store
    store.close()


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def rows(connection: psycopg.Connection, query: str) -> list[tuple[object, ...]]:
    return connection.execute(query.encode()).fetchall()


def count(connection: psycopg.Connection, table: str) -> int:
    [(found,)] = rows(connection, f"select count(*) from {table}")  # noqa: S608 - names of tables in this file
    return cast("int", found)


def test_the_store_is_what_the_changer_asks_for(store: ChangeStore) -> None:
    assert store.change(wish(new_id())) == OrderAbsent()


def test_a_pending_order_is_cancelled(
    orders: Orders, store: PostgresChangeStore
) -> None:
    [order_id] = orders.store()

    changed = store.change(wish(order_id))

    assert isinstance(changed, Changed)
    assert changed.order == orders.reader.read_orders([order_id])[order_id]
    assert orders.status(order_id) == (OrderStatus.CANCELLED, 2)


def test_the_history_says_who_and_why(
    orders: Orders, store: PostgresChangeStore
) -> None:
    [order_id] = orders.store()
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"

    changed = store.change(
        wish(order_id, reason="wrong size 'ü", actor="ann", traceparent=trace)
    )

    history = orders.reader.read_history(DEFAULT_TENANT, order_id)
    assert history is not None
    assert isinstance(changed, Changed)
    assert (history[1].actor, history[1].reason) == ("ann", "wrong size 'ü")
    [event] = changed.events
    assert history[1].data == event.data
    assert history[1].type == event.type == "orders.order.cancelled.v1"
    assert event.traceparent == trace


def test_a_cancellation_is_told_once_and_waits_to_be_published(
    orders: Orders, store: PostgresChangeStore, connection: psycopg.Connection
) -> None:
    [order_id] = orders.store()

    store.change(wish(order_id))

    told = rows(connection, "select version, user_id, message from notifications")
    assert told == [(2, 7, f"Your order {order_id} was cancelled")]
    assert rows(connection, "select version from outbox order by 1") == [(1,), (2,)]


def test_a_cancelled_order_is_not_open(
    orders: Orders, store: PostgresChangeStore
) -> None:
    [order_id] = orders.store()
    store.change(wish(order_id))

    assert orders.settlements.read_open([order_id]) == ([], 0)


def test_another_tenants_order_is_absent(
    orders: Orders, store: PostgresChangeStore
) -> None:
    [order_id] = orders.store()

    outcome = store.change(wish(order_id, tenant_id="stranger"))

    assert outcome == OrderAbsent()
    assert orders.status(order_id) == (OrderStatus.PENDING, 1)


def test_a_paid_order_is_not_cancelled(
    orders: Orders, store: PostgresChangeStore, connection: psycopg.Connection
) -> None:
    ids = orders.store()
    orders.settle(ids)

    outcome = store.change(wish(ids[0], key=key("k")))

    assert isinstance(outcome, MoveRefused)
    assert outcome.order.status is OrderStatus.PAID
    assert outcome.allowed == (Action.REFUND,)
    assert count(connection, "idempotency_keys") == 0


def test_another_version_is_told_before_an_illegal_move(
    orders: Orders, store: PostgresChangeStore
) -> None:
    ids = orders.store()
    orders.settle(ids)

    outcome = store.change(wish(ids[0], required_version=1))

    assert isinstance(outcome, VersionDiffers)
    assert outcome.order.version == 2


def test_a_failed_payment_is_tried_again_by_the_rule_of_the_day(
    orders: Orders, store: PostgresChangeStore
) -> None:
    order_id = orders.failed()

    store.change(wish(order_id, RETRY))
    reopened = orders.status(order_id)
    orders.settle([order_id], HIGH)

    assert reopened == (OrderStatus.PENDING, 3)
    assert orders.status(order_id) == (OrderStatus.PAID, 4)


def test_a_payment_is_tried_as_often_as_it_may_be_and_no_more(
    orders: Orders, store: PostgresChangeStore
) -> None:
    order_id = orders.failed()
    for _ in range(2):
        assert isinstance(store.change(wish(order_id, RETRY)), Changed)
        orders.settle([order_id])

    outcome = store.change(wish(order_id, RETRY))

    assert isinstance(outcome, MoveRefused)
    assert outcome.attempts_used_up
    assert outcome.allowed == ()
    assert orders.status(order_id) == (OrderStatus.FAILED, 6)


def test_the_sweeper_finds_a_reopened_order_whose_event_is_lost(
    orders: Orders,
    store: PostgresChangeStore,
    database: PostgresDatabase,
    connection: psycopg.Connection,
) -> None:
    order_id = orders.failed()
    sweeper = database.sweep_store()

    store.change(wish(order_id, RETRY))

    before = sweeper.due_stuck(10, 0.0, 1.0)
    connection.execute(
        "update stuck_orders"
        " set next_attempt_at = next_attempt_at - make_interval(secs => %s)",
        (WATCH_AFTER_SECONDS,),
    )
    assert before == []
    found = [it.order_id for it in sweeper.due_stuck(10, 0.0, 1.0)]
    assert found == [order_id]
    sweeper.close()


def test_a_key_answers_with_the_order_as_it_now_is(
    orders: Orders, store: PostgresChangeStore, connection: psycopg.Connection
) -> None:
    order_id = orders.failed()
    first = store.change(wish(order_id, RETRY, key=key("k"), required_version=2))
    orders.settle([order_id], HIGH)

    again = store.change(wish(order_id, RETRY, key=key("k"), required_version=2))

    assert isinstance(first, Changed)
    assert isinstance(again, Replayed)
    assert (again.order.status, again.order.version) == (OrderStatus.PAID, 4)
    assert count(connection, "order_events") == 4


def test_a_key_does_not_serve_two_requests(
    orders: Orders, store: PostgresChangeStore
) -> None:
    first, second = orders.store(count=2)
    store.change(wish(first, key=key("k", b"one")))

    outcome = store.change(wish(second, key=key("k", b"other")))

    assert outcome == KeyReused()
    assert orders.status(second) == (OrderStatus.PENDING, 1)


def test_a_key_belongs_to_its_tenant(
    orders: Orders, store: PostgresChangeStore
) -> None:
    [order_id] = orders.store()
    store.change(wish(order_id, key=key("k")))

    outcome = store.change(wish(order_id, tenant_id="stranger", key=key("k")))

    assert outcome == OrderAbsent()


def test_a_request_that_meets_its_twin_in_flight_is_told_so_in_the_end(
    orders: Orders, store: PostgresChangeStore, database_url: str
) -> None:
    [order_id] = orders.store()
    with psycopg.connect(database_url) as twin:
        twin.execute(
            "insert into idempotency_keys values (%s, %s, 'k', %s, 'f', now())",
            (DEFAULT_TENANT, key("k").route, order_id),
        )

        outcome = store.change(wish(order_id, key=key("k")))

    assert outcome == KeyBusy()
    assert orders.status(order_id) == (OrderStatus.PENDING, 1)


def test_a_locked_table_of_keys_is_no_key_in_use(
    orders: Orders, store: PostgresChangeStore, database_url: str
) -> None:
    [order_id] = orders.store()
    with psycopg.connect(database_url) as other:
        other.execute("lock table idempotency_keys in share mode")

        with pytest.raises(DatabaseUnavailableError) as caught:
            store.change(wish(order_id, key=key("k")))

    assert not caught.value.server_is_away


def test_an_order_that_others_keep_locked_is_given_up_and_left_alone(
    orders: Orders, store: PostgresChangeStore, database_url: str
) -> None:
    [order_id] = orders.store()
    with psycopg.connect(database_url) as other:
        other.execute("select from orders for update")

        with pytest.raises(DatabaseUnavailableError) as caught:
            store.change(wish(order_id))

    assert not caught.value.outcome_unknown
    assert not caught.value.server_is_away
    assert orders.status(order_id) == (OrderStatus.PENDING, 1)


def test_a_change_of_an_order_that_others_hold_costs_the_next_one_little(
    orders: Orders, database: PostgresDatabase, database_url: str
) -> None:
    held, free = orders.store(count=2)
    with (
        psycopg.connect(database_url) as other,
        closing(
            database.change_store(
                max_attempts=3, watch_after_seconds=WATCH_AFTER_SECONDS
            )
        ) as store,
    ):
        other.execute("select from orders where order_id = %s for update", [held])
        began = time.monotonic()
        for _ in range(100):
            with pytest.raises(DatabaseUnavailableError):
                store.change(wish(held))
        outcome = store.change(wish(free))

    assert isinstance(outcome, Changed)
    assert time.monotonic() - began < 5


def test_an_order_that_is_settled_under_our_eyes_is_decided_about_anew(
    orders: Orders,
    store: PostgresChangeStore,
    database_url: str,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [order_id] = orders.store()
    with psycopg.connect(database_url) as settling:
        settling.execute(
            "update orders set status = 'PAID', payment_status = 'SUCCESS', version = 2"
        )
        monkeypatch.setattr(changing, "_pause", settling.commit)
        outcome = store.change(wish(order_id))

    assert isinstance(outcome, MoveRefused)
    assert outcome.order.status is OrderStatus.PAID
    assert count(connection, "order_events") == 1


def test_one_of_many_with_the_same_key_changes_the_order(
    orders: Orders, database: PostgresDatabase, connection: psycopg.Connection
) -> None:
    order_id = orders.failed()
    start = threading.Barrier(8)

    def ask(_: int) -> object:
        store = change_store(database)
        start.wait(10)
        try:
            return store.change(wish(order_id, RETRY, key=key("k")))
        finally:
            store.close()

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(ask, range(8)))

    kinds = sorted(type(outcome).__name__ for outcome in outcomes)
    assert kinds == ["Changed"] + 7 * ["Replayed"]
    assert count(connection, "order_events") == 3


def test_an_order_that_is_cancelled_while_it_is_settled_ends_in_one_of_both(
    orders: Orders, database: PostgresDatabase, connection: psycopg.Connection
) -> None:
    ids = orders.store(count=200)
    found, _ = orders.settlements.read_open(ids)
    decided = [resolve(order, LOW) for order in found]
    start = threading.Barrier(2)

    def cancel_all() -> list[object]:
        store = change_store(database)
        store.change(wish(new_id()))  # so that it is connected
        start.wait(10)
        try:
            return [store.change(wish(order_id)) for order_id in ids]
        finally:
            store.close()

    with ThreadPoolExecutor(1) as pool:
        cancelling = pool.submit(cancel_all)
        start.wait(10)
        won = 0
        # From the end, so that the two meet in the middle.
        for place in range(190, -1, -10):
            batch = decided[place : place + 10]
            won += len(orders.settlements.settle(batch).won)
        outcomes = cancelling.result(60)

    cancelled = sum(isinstance(outcome, Changed) for outcome in outcomes)
    by_status = dict(rows(connection, "select status, count(*) from orders group by 1"))
    told = "select order_id, version from notifications group by 1, 2"
    assert cancelled + won == 200
    assert 0 < cancelled < 200
    assert by_status == {"CANCELLED": cancelled, "PAID": won}
    assert len(rows(connection, told)) == count(connection, "notifications") == 200
    assert count(connection, "order_events") == 400
    assert {type(outcome) for outcome in outcomes} == {Changed, MoveRefused}
