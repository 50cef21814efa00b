"""Each decision is written once, whole, and in the same transaction."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from typing import cast

import psycopg
import pytest

from orders.actors.ports import ReadStore, SettlementStore
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.events import event_data
from orders.domain.identifiers import IdFactory
from orders.domain.intake import NewOrder
from orders.domain.order import DEFAULT_TENANT, OrderLine, OrderRequest, OrderStatus
from orders.domain.payment import AMOUNT_LIMIT, PaymentRule
from orders.domain.records import DeadLetter, EventRef
from orders.domain.settlement import Settlement, resolve
from orders.domain.transitions import Change, move
from orders.persistence.database import PostgresDatabase
from orders.persistence.reading import PostgresReadStore
from orders.persistence.settlement import HELD_SECONDS, PostgresSettlementStore

pytestmark = pytest.mark.integration

PAID, DECLINED = 99_00, 1000_00
RULE = PaymentRule(Decimal(1000))
PENDING = move(None, Change.ACCEPTED)
new_id = IdFactory()


def new_order(total: int = PAID, user_id: int = 7) -> NewOrder:
    order_id = new_id()
    return NewOrder(
        order_id,
        DEFAULT_TENANT,
        OrderRequest(user_id, "EUR", total, (OrderLine(3, 1, total),)),
        event_data(order_id, DEFAULT_TENANT, user_id, total, "EUR", PENDING, 1),
    )


class Orders:
    """Stores orders and decides about them."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._intake = database.intake_store()
        self.settlements = database.settlement_store()
        self.reader = database.read_store()

    def store(self, *orders: NewOrder) -> list[str]:
        self._intake.store(orders)
        return [order.order_id for order in orders]

    def decide(self, order_ids: Sequence[str]) -> list[Settlement]:
        open_orders, _ = self.settlements.read_open(order_ids)
        return [resolve(order, RULE) for order in open_orders]

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


@pytest.fixture
def store(orders: Orders) -> PostgresSettlementStore:
    return orders.settlements


@pytest.fixture
def reader(orders: Orders) -> PostgresReadStore:
    return orders.reader


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def count(connection: psycopg.Connection, table: str) -> int:
    [(rows,)] = connection.execute(f"select count(*) from {table}".encode()).fetchall()  # noqa: S608 - names of tables in this file
    return cast("int", rows)


def test_the_stores_are_what_the_actors_ask_for(
    store: SettlementStore, reader: ReadStore
) -> None:
    assert store.read_open([]) == ([], 0)
    assert reader.read_orders([]) == {}


@pytest.mark.parametrize(
    ("total", "status"), [(PAID, OrderStatus.PAID), (DECLINED, OrderStatus.FAILED)]
)
def test_a_settled_order_has_the_decided_state(
    orders: Orders, store: PostgresSettlementStore, total: int, status: OrderStatus
) -> None:
    ids = orders.store(new_order(total))

    store.settle(orders.decide(ids))

    assert orders.status(ids[0]) == (status, 2)


def test_a_settlement_is_told_in_the_history(
    orders: Orders, store: PostgresSettlementStore, reader: PostgresReadStore
) -> None:
    ids = orders.store(new_order(DECLINED))
    [settlement] = orders.decide(ids)

    settled = store.settle([settlement])

    history = reader.read_history(DEFAULT_TENANT, ids[0])
    assert history is not None
    assert [(entry.version, entry.actor) for entry in history] == [
        (1, "order-intake"),
        (2, "payment-resolver"),
    ]
    assert history[1].data == settlement.event_data
    assert history[1].reason == AMOUNT_LIMIT
    assert history[1].occurred_at == settled.occurred_at


def test_a_settlement_waits_in_the_outbox(
    database: PostgresDatabase, orders: Orders, store: PostgresSettlementStore
) -> None:
    ids = orders.store(new_order())
    [settlement] = orders.decide(ids)

    settled = store.settle([settlement])

    sweeper = database.sweep_store()
    events = sweeper.own_outbox(EventRef(ids[0], 1), 0.0, 10)
    sweeper.close()
    assert events == [settlement.event(settled.occurred_at)]


def test_a_settlement_tells_the_customer(
    orders: Orders, store: PostgresSettlementStore, reader: PostgresReadStore
) -> None:
    [settlement] = orders.decide(orders.store(new_order()))

    settled = store.settle([settlement])

    told = reader.read_notifications(DEFAULT_TENANT, 7, 10)
    assert told == ((settlement.notice, settled.occurred_at),)


def test_winners_come_in_the_order_given(
    orders: Orders, store: PostgresSettlementStore
) -> None:
    ids = orders.store(*(new_order(total) for total in (PAID, DECLINED) * 5))
    settlements = tuple(orders.decide(ids)[::-1])

    assert store.settle(settlements).won == settlements


def test_a_settlement_of_an_order_that_moved_on_changes_nothing(
    orders: Orders, store: PostgresSettlementStore, connection: psycopg.Connection
) -> None:
    settlements = orders.decide(orders.store(new_order()))
    store.settle(settlements)

    late = store.settle(settlements)

    assert (late.won, late.refused) == ((), ())
    assert [count(connection, t) for t in ("order_events", "notifications")] == [2, 1]


@pytest.mark.parametrize(
    "moved_on",
    ["version = 3", "status = 'PROCESSING'", "payment_status = 'UNKNOWN'"],
)
def test_a_settlement_compares_state_and_version(
    orders: Orders,
    store: PostgresSettlementStore,
    connection: psycopg.Connection,
    moved_on: str,
) -> None:
    settlements = orders.decide(orders.store(new_order()))
    connection.execute(f"update orders set {moved_on}".encode())  # noqa: S608 - literals above

    assert store.settle(settlements).won == ()


def test_a_settlement_given_twice_wins_once(
    orders: Orders, store: PostgresSettlementStore
) -> None:
    [settlement] = orders.decide(orders.store(new_order()))

    settled = store.settle([settlement, settlement])

    assert (settled.won, settled.refused) == ((settlement,), ())


def test_nodes_that_settle_the_same_orders_share_the_wins(
    database: PostgresDatabase, orders: Orders
) -> None:
    settlements = orders.decide(orders.store(*(new_order() for _ in range(300))))

    def settle_as_a_node(_: int) -> list[str]:
        store = database.settlement_store()
        won = store.settle(settlements).won
        store.close()
        return [settlement.order.order_id for settlement in won]

    with ThreadPoolExecutor(4) as pool:
        wins = [won for part in pool.map(settle_as_a_node, range(4)) for won in part]

    assert sorted(wins) == sorted(s.order.order_id for s in settlements)


def test_status_and_notification_are_one_transaction(
    orders: Orders, store: PostgresSettlementStore, connection: psycopg.Connection
) -> None:
    ids = orders.store(new_order())
    settlements = orders.decide(ids)
    connection.execute("drop table notifications")

    with pytest.raises(DatabaseUnavailableError) as caught:
        store.settle(settlements)

    assert not caught.value.outcome_unknown
    assert orders.status(ids[0]) == (OrderStatus.PENDING, 1)


def test_a_settlement_at_fault_is_refused_alone(
    orders: Orders, store: PostgresSettlementStore
) -> None:
    good, bad, fine = orders.decide(orders.store(*(new_order() for _ in range(3))))
    bad = bad._replace(reason="\x00")

    settled = store.settle([good, bad, fine])

    assert set(settled.won) == {good, fine}
    assert settled.refused == (bad,)
    assert orders.status(bad.order.order_id) == (OrderStatus.PENDING, 1)


def test_a_row_locked_for_a_moment_is_waited_for(
    orders: Orders, store: PostgresSettlementStore, connection: psycopg.Connection
) -> None:
    settlements = orders.decide(orders.store(new_order()))

    with ThreadPoolExecutor(1) as pool:
        with connection.transaction():
            connection.execute("select from orders for update")
            answer = pool.submit(store.settle, settlements)
            _wait_for_a_waiter(connection)
        settled = answer.result(5)

    assert len(settled.won) == 1


@contextmanager
def held(url: str, table: str, order_id: str) -> Iterator[None]:
    """Be a stranger who locks an order's row and goes for lunch."""
    with psycopg.connect(url) as stranger:
        query = f"select from {table} where order_id = %s for update"
        stranger.execute(query.encode(), [order_id])
        yield


def test_an_order_that_others_hold_is_left_out(
    database_url: str, orders: Orders, store: PostgresSettlementStore
) -> None:
    first, second, third = orders.decide(
        orders.store(new_order(), new_order(DECLINED), new_order())
    )

    with held(database_url, "orders", second.order.order_id):
        settled = store.settle([first, second, third])

    assert (settled.won, settled.held, settled.refused) == (
        (first, third),
        (second,),
        (),
    )
    assert store.settle([second]).won == (second,)


def test_an_order_that_others_hold_is_left_out_beside_one_at_fault(
    database_url: str, orders: Orders, store: PostgresSettlementStore
) -> None:
    good, bad, busy = orders.decide(orders.store(*(new_order() for _ in range(3))))
    bad = bad._replace(reason="\x00")

    with held(database_url, "orders", busy.order.order_id):
        settled = store.settle([good, bad, busy])

    assert (settled.won, settled.refused, settled.held) == ((good,), (bad,), (busy,))


def test_an_order_that_others_hold_is_looked_at_again_soon(
    database_url: str,
    orders: Orders,
    store: PostgresSettlementStore,
    connection: psycopg.Connection,
) -> None:
    settlements = orders.decide(orders.store(new_order(), new_order()))
    known = settlements[0].order.order_id
    connection.execute(
        "insert into stuck_orders values (%s, now(), now(), 7, now() + '1 hour')",
        [known],
    )

    with psycopg.connect(database_url) as stranger:
        stranger.execute("select from orders for update")
        store.settle(settlements)

    looked_at = connection.execute(
        "select order_id::text, attempts,"
        "       extract(epoch from next_attempt_at - now())::float8"
        " from stuck_orders order by attempts"
    ).fetchall()
    assert [(i, n) for i, n, _ in looked_at] == [
        (settlements[1].order.order_id, 0),
        (known, 7),
    ]
    assert all(HELD_SECONDS - 5 < seconds <= HELD_SECONDS for *_, seconds in looked_at)


def test_an_order_is_left_out_though_its_note_is_held_too(
    database_url: str,
    orders: Orders,
    store: PostgresSettlementStore,
    connection: psycopg.Connection,
) -> None:
    busy, free = orders.decide(orders.store(new_order(), new_order()))
    order_id = busy.order.order_id
    connection.execute(
        "insert into stuck_orders values (%s, now(), now(), 7, now() + '1 hour')",
        [order_id],
    )

    with (
        held(database_url, "orders", order_id),
        held(database_url, "stuck_orders", order_id),
    ):
        settled = store.settle([busy, free])

    assert (settled.won, settled.held) == ((free,), (busy,))


def test_published_events_leave_the_outbox_beside_one_that_others_hold(
    database_url: str,
    orders: Orders,
    store: PostgresSettlementStore,
    connection: psycopg.Connection,
) -> None:
    busy, *others = orders.store(*(new_order() for _ in range(3)))

    with held(database_url, "outbox", busy):
        store.forget_published([EventRef(i, 1) for i in (busy, *others)])

    left = connection.execute("select order_id::text from outbox").fetchall()
    assert left == [(busy,)]


def test_a_locked_table_delays_a_settlement_for_seconds_at_most(
    database_url: str, orders: Orders, store: PostgresSettlementStore
) -> None:
    settlements = orders.decide(orders.store(new_order()))
    began = time.monotonic()

    with psycopg.connect(database_url) as stranger:
        stranger.execute("lock table orders in share mode")
        with pytest.raises(DatabaseUnavailableError) as caught:
            store.settle(settlements)

    assert not caught.value.server_is_away
    assert time.monotonic() - began < 3
    assert store.settle(settlements).won == tuple(settlements)


def _wait_for_a_waiter(connection: psycopg.Connection) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if connection.execute("select from pg_locks where not granted").fetchall():
            return
    pytest.fail("nobody waits for the row")


def test_settling_a_fresh_table_keeps_its_updates_heap_only(
    orders: Orders, store: PostgresSettlementStore, connection: psycopg.Connection
) -> None:
    for _ in range(10):
        ids = orders.store(*(new_order() for _ in range(200)))
        store.settle(orders.decide(ids))
    orders.close()  # a session that ends reports its counts

    updated = hot = 0
    deadline = time.monotonic() + 10
    while updated < 2000 and time.monotonic() < deadline:
        [(updated, hot)] = connection.execute(
            "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables"
            " where relname = 'orders'"
        ).fetchall()
    assert updated == 2000
    assert hot > 0.9 * updated


def test_only_unsettled_orders_are_open(
    orders: Orders, store: PostgresSettlementStore
) -> None:
    done, waiting = orders.store(new_order(), new_order())
    store.settle(orders.decide([done]))

    open_orders, unknown = store.read_open([done, waiting])

    assert [order.order_id for order in open_orders] == [waiting]
    assert unknown == 0


def test_ids_that_exist_nowhere_are_counted(
    orders: Orders, store: PostgresSettlementStore
) -> None:
    ids = orders.store(new_order(), new_order())
    store.settle(orders.decide(ids[:1]))

    _, unknown = store.read_open([*ids, new_id(), new_id()])

    assert unknown == 2


def test_an_open_order_has_what_a_decision_needs(
    orders: Orders, store: PostgresSettlementStore, reader: PostgresReadStore
) -> None:
    order = new_order()
    orders.store(order)

    [open_order], _ = store.read_open([order.order_id])

    created_at = reader.read_orders([order.order_id])[order.order_id].created_at
    assert open_order == (
        order.order_id, DEFAULT_TENANT, 7, "EUR", PAID, PENDING, 1, created_at, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("waits", "status"),
    [("50 seconds", OrderStatus.PAID), ("70 seconds", OrderStatus.EXPIRED)],
)
def test_an_order_that_waits_for_too_long_expires(
    database: PostgresDatabase,
    orders: Orders,
    connection: psycopg.Connection,
    waits: str,
    status: OrderStatus,
) -> None:
    ids = orders.store(new_order())
    connection.execute("update orders set updated_at = now() - %s::interval", [waits])
    store = database.settlement_store(expire_after_seconds=60.0)
    found, _ = store.read_open(ids)

    [settled] = store.settle([resolve(order, RULE) for order in found]).won
    store.close()

    assert orders.status(ids[0]) == (status, 2)
    notices = connection.execute("select message from notifications").fetchall()
    assert [settled.notice is not None and settled.notice.message] == [
        message for (message,) in notices
    ]


def test_no_order_expires_unless_that_is_wanted(
    orders: Orders, store: PostgresSettlementStore, connection: psycopg.Connection
) -> None:
    ids = orders.store(new_order())
    connection.execute("update orders set updated_at = now() - interval '9 years'")

    store.settle(orders.decide(ids))

    assert orders.status(ids[0]) == (OrderStatus.PAID, 2)


def test_published_events_leave_the_outbox(
    orders: Orders, store: PostgresSettlementStore, connection: psycopg.Connection
) -> None:
    ids = orders.store(new_order(), new_order())
    store.settle(orders.decide(ids))

    store.forget_published([EventRef(ids[0], 1), EventRef(ids[1], 2)])

    left = connection.execute("select order_id::text, version from outbox").fetchall()
    assert set(left) == {(ids[0], 2), (ids[1], 1)}


def letter(offset: int = 0, value: bytes | None = b"\x00\xff") -> DeadLetter:
    headers = (("ce_id", b"\xfe"), ("ce_\x00\ud800", None))
    return DeadLetter("orders", 1, offset, b"\x00key", headers, value, "bad")


def test_a_dead_letter_keeps_its_bytes(
    store: PostgresSettlementStore, connection: psycopg.Connection
) -> None:
    store.bury([letter()])

    rows = connection.execute(
        "select topic, partition, record_offset, key, value, reason from dead_letters"
    ).fetchall()
    assert rows == [("orders", 1, 0, b"\x00key", b"\x00\xff", "bad")]


def test_a_dead_letter_that_comes_again_is_kept_once(
    store: PostgresSettlementStore, connection: psycopg.Connection
) -> None:
    store.bury([letter(1), letter(2)])

    store.bury([letter(2), letter(3)])

    assert count(connection, "dead_letters") == 3


def test_a_letter_of_a_topic_made_anew_is_another_letter(
    store: PostgresSettlementStore, connection: psycopg.Connection
) -> None:
    store.bury([letter(1, b"before")])

    store.bury([letter(1, b"after")])

    assert count(connection, "dead_letters") == 2


def test_an_unknown_order_has_no_history(
    orders: Orders, reader: PostgresReadStore
) -> None:
    orders.store(new_order())

    assert reader.read_history(DEFAULT_TENANT, new_id()) is None


def test_another_tenants_order_has_no_history(
    orders: Orders, reader: PostgresReadStore
) -> None:
    [order_id] = orders.store(new_order())

    assert reader.read_history("other", order_id) is None


def test_only_orders_that_exist_are_read(
    orders: Orders, reader: PostgresReadStore
) -> None:
    ids = orders.store(new_order(), new_order())

    assert set(reader.read_orders([*ids, new_id()])) == set(ids)


def test_notifications_come_newest_first_and_limited(
    orders: Orders, store: PostgresSettlementStore, reader: PostgresReadStore
) -> None:
    ids = orders.store(*(new_order() for _ in range(3)), new_order(user_id=8))
    for order_id in ids:
        store.settle(orders.decide([order_id]))

    told = reader.read_notifications(DEFAULT_TENANT, 7, 2)

    assert [notification.notice.order_id for notification in told] == [ids[2], ids[1]]


def test_notifications_of_another_tenant_are_not_shown(
    orders: Orders, store: PostgresSettlementStore, reader: PostgresReadStore
) -> None:
    store.settle(orders.decide(orders.store(new_order())))

    assert reader.read_notifications("other", 7, 10) == ()
