"""Lists of orders in a table of a million: right, and by an index alone."""

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from orders.devstack.postgres import EmbeddedPostgres
from orders.domain.listing import CLOCK_SLACK, OrderFilters, OrderPage
from orders.domain.order import OrderStatus, PaymentStatus
from orders.persistence.database import PostgresDatabase
from orders.persistence.listing import MAX_EXAMINED, OrderLists
from orders.persistence.migrations import migrate
from orders.persistence.session import Session
from orders.persistence.statements import Statement

pytestmark = pytest.mark.integration

MANY = 1_000_000
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(milliseconds=10)
SMALL_TENANT = 10_000  # every so manieth order is the small tenant's
USERS = 1_000
REFERENCES = 50_000
OPEN = 400_001  # the one order of the big tenant that is not settled, an old one
PAGE = 50

# What the small tenant, a user and a reference have lies all over the table.
FILL = sql.SQL("""
insert into orders (order_id, tenant_id, user_id, currency, total, items, reference,
                    status, payment_status, version, created_at, updated_at)
select (lpad(to_hex({begin} + n * 10), 12, '0') || '70008000'
        || lpad(to_hex(n), 12, '0'))::uuid,
       case when n % {small} = 0 then 'small' else 'default' end,
       1 + n % {users}, 'EUR', n, '[]', 'R-' || n % {references},
       case when n = {open} then 'PENDING' else 'PAID' end,
       case when n = {open} then 'PENDING' else 'SUCCESS' end,
       1, {origin}::timestamptz + n * {step}, {origin}::timestamptz + n * {step}
from generate_series(1, {many}) n""").format(
    origin=BEGIN,
    step=STEP,
    begin=int(BEGIN.timestamp() * 1000),
    small=SMALL_TENANT,
    users=USERS,
    references=REFERENCES,
    open=OPEN,
    many=MANY,
)


@pytest.fixture(scope="module")
def million(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a database with a million orders, one every 10 ms."""
    name = f"test_{uuid.uuid4().hex}"
    database = sql.Identifier(name)
    with psycopg.connect(postgres_server.url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(database))
        url = postgres_server.url_for(name)
        migrate(url)
        with psycopg.connect(url) as filling:
            fill(filling)
        yield url
        drop = sql.SQL("drop database {} with (force)")
        connection.execute(drop.format(database))


def fill(connection: psycopg.Connection) -> None:
    """Fill the table without what only costs time, then make its indexes anew."""
    connection.execute("set maintenance_work_mem = '256MB'")
    connection.execute("alter table orders set unlogged")
    connection.execute("alter table orders set (fillfactor = 100)")
    indexes = connection.execute(
        "select indexname, indexdef from pg_indexes"
        " where tablename = 'orders' and indexname <> 'orders_pkey'"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(sql.SQL("drop index {}").format(sql.Identifier(name)))
    connection.execute(FILL)
    for _, definition in indexes:
        connection.execute(definition.encode())
    connection.execute("analyze orders")


@pytest.fixture
def session(million: str) -> Iterator[Session]:
    """A session just as a reader has it."""
    database = PostgresDatabase(million, node_name="test", node_lease_seconds=30)
    store = database.read_store()
    yield store._session
    store.close()


@pytest.fixture
def lists(session: Session) -> OrderLists:
    return OrderLists(session)


class Explained(Session):
    """Has the server explain what it is asked, run as the prepared statement it is."""

    def __init__(self, session: Session) -> None:
        self._asked = session
        self.plans: list[dict[str, Any]] = []

    def read(
        self,
        statement: Statement,
        parameters: Sequence[object],
        make: Callable[..., Any],
    ) -> list[Any]:
        values = sql.SQL(", ").join(map(sql.Literal, parameters)).as_string()
        prepare = f"prepare {statement.name} as ".encode() + statement.text
        execute = f"explain (analyze, format json) execute {statement.name}({values})"
        self._asked.change(Statement("prepare", prepare), ())
        told = self._asked.read(Statement("explain", execute.encode()), (), _plan)
        self._asked.change(
            Statement("deallocate", f"deallocate {statement.name}".encode()), ()
        )
        self.plans += told
        return self._asked.read(statement, parameters, make)


def _plan(told: object) -> dict[str, Any]:
    [explained] = json.loads(told) if isinstance(told, str) else told  # type: ignore[misc]
    plan: dict[str, Any] = explained["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def order_number(order_id: str) -> int:
    return int(order_id[-12:], 16)


def numbers(page: OrderPage) -> list[int]:
    return [order_number(order.order_id) for order in page.orders]


def minute(number: int) -> datetime:
    return BEGIN + timedelta(minutes=number)


ALL_STATES = {"status": OrderStatus.PENDING, "payment_status": PaymentStatus.PENDING}
WINDOW = {"created_gte": minute(60), "created_lt": minute(61)}
# Lazy from end to end: nothing is sorted, nothing is gathered first.
WALK = ["Limit", "Subquery Scan", "Limit", "WindowAgg", "Index Scan"]
# The widened range of ids, and the page itself.
SLACK_ROWS = CLOCK_SLACK // STEP + PAGE


@pytest.mark.parametrize(
    ("tenant", "filters", "index", "most_examined"),
    [
        ("default", OrderFilters(), "orders_by_tenant", PAGE + 1),
        ("small", OrderFilters(), "orders_by_tenant", PAGE + 1),
        ("nobody", OrderFilters(), "orders_by_tenant", 0),
        ("default", OrderFilters(**ALL_STATES), "orders_by_tenant", MAX_EXAMINED),
        ("default", OrderFilters(**WINDOW), "orders_by_tenant", SLACK_ROWS + 1),
        (
            "default",
            OrderFilters(**WINDOW, **ALL_STATES),
            "orders_by_tenant",
            MAX_EXAMINED,
        ),
        ("default", OrderFilters(user_id=7), "orders_by_user", PAGE + 1),
        ("default", OrderFilters(user_id=7, **ALL_STATES), "orders_by_user", 1000),
        ("default", OrderFilters(user_id=7, **WINDOW), "orders_by_user", 18),
        ("default", OrderFilters(user_id=5_000), "orders_by_user", 0),
        ("default", OrderFilters(reference="R-77"), "orders_by_reference", 20),
        (
            "default",
            OrderFilters(reference="R-77", **ALL_STATES, **WINDOW),
            "orders_by_reference",
            1,
        ),
        ("default", OrderFilters(reference="none"), "orders_by_reference", 0),
    ],
)
@pytest.mark.parametrize("before", [None, "019b7a00-0000-7000-8000-000000000000"])
def test_a_page_is_read_from_an_index_and_its_rows_are_bounded(
    session: Session,
    tenant: str,
    filters: OrderFilters,
    index: str,
    most_examined: int,
    before: str | None,
) -> None:
    explained = Explained(session)

    OrderLists(explained).page(tenant, filters, before, PAGE)

    [plan] = explained.plans
    assert [node["Node Type"] for node in nodes(plan)] == WALK
    *_, scan = nodes(plan)
    assert (scan["Index Name"], scan["Scan Direction"]) == (index, "Backward")
    assert scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) <= most_examined


# A plan is kept until the table's statistics are made: it must not be one for a
# small table.
@pytest.mark.parametrize(
    "filters", [OrderFilters(), OrderFilters(user_id=7), OrderFilters(reference="R-7")]
)
def test_a_table_that_is_still_empty_is_read_in_the_same_way(
    database_url: str, filters: OrderFilters
) -> None:
    database = PostgresDatabase(database_url, node_name="test", node_lease_seconds=30)
    store = database.read_store()
    explained = Explained(store._session)

    OrderLists(explained).page("default", filters, None, PAGE)

    store.close()
    [plan] = explained.plans
    assert [node["Node Type"] for node in nodes(plan)] == WALK


def test_newest_orders_come_first(lists: OrderLists) -> None:
    page = lists.page("small", OrderFilters(), None, 5)

    assert numbers(page) == [1_000_000, 990_000, 980_000, 970_000, 960_000]


def test_pages_join_without_a_gap_or_a_repetition(lists: OrderLists) -> None:
    before, found = None, list[int]()

    for _ in range(15):
        page = lists.page("small", OrderFilters(), before, 7)
        found += numbers(page)
        before = page.next_before
        if before is None:
            break

    assert found == list(range(MANY, 0, -SMALL_TENANT))


@pytest.mark.parametrize("size", [99, 100])
def test_only_a_page_that_is_not_the_last_has_a_next_one(
    lists: OrderLists, size: int
) -> None:
    page = lists.page("small", OrderFilters(), None, size)

    assert (page.next_before is None) == (size == 100)


def test_an_order_far_behind_is_found_through_empty_pages(lists: OrderLists) -> None:
    filters = OrderFilters(status=OrderStatus.PENDING)
    before, found, pages = None, list[int](), 0

    while pages == 0 or before is not None:
        page = lists.page("default", filters, before, PAGE)
        found += numbers(page)
        before, pages = page.next_before, pages + 1
        assert pages <= MANY / MAX_EXAMINED + 1

    assert found == [OPEN]
    assert pages > 1


def test_the_last_order_examined_is_not_lost_where_it_matches(
    session: Session,
) -> None:
    few = OrderLists(session, max_examined=4)

    first = few.page("small", OrderFilters(), None, 10)
    second = few.page("small", OrderFilters(), first.next_before, 10)

    assert numbers(first) == [1_000_000, 990_000, 980_000, 970_000]
    assert numbers(second)[0] == 960_000


def test_time_bounds_are_exact(lists: OrderLists) -> None:
    filters = OrderFilters(
        user_id=8, created_gte=BEGIN + 1007 * STEP, created_lt=BEGIN + 4007 * STEP
    )

    page = lists.page("default", filters, None, PAGE)

    assert numbers(page) == [3007, 2007, 1007]


def test_an_order_whose_node_had_another_clock_is_found_by_its_time(
    lists: OrderLists, session: Session
) -> None:
    moment = BEGIN - timedelta(days=1)
    late, early = (
        f"{int((moment + shift).timestamp() * 1000):012x}" for shift in (SHIFT, -SHIFT)
    )
    for digits, user in ((late, 91_001), (early, 91_002)):
        session.change(
            Statement("one", ONE.encode()),
            (f"{digits[:8]}-{digits[8:]}-7000-8000-000000000001", user, moment),
        )

    pages = [
        lists.page(
            "default",
            OrderFilters(
                user_id=user,
                created_gte=moment,
                created_lt=moment + timedelta(milliseconds=1),
            ),
            None,
            PAGE,
        )
        for user in (91_001, 91_002)
    ]

    assert [len(page.orders) for page in pages] == [1, 1]


SHIFT = CLOCK_SLACK - timedelta(seconds=1)
ONE = """
insert into orders (order_id, tenant_id, user_id, currency, total, items,
                    status, payment_status, version, created_at, updated_at)
values ($1, 'default', $2, 'EUR', 1, '[]', 'PAID', 'SUCCESS', 1, $3, $3)
on conflict do nothing"""


def test_another_tenants_orders_are_never_listed(lists: OrderLists) -> None:
    everything = lists.page("nobody", OrderFilters(), None, PAGE)
    of_user = lists.page("nobody", OrderFilters(user_id=7), None, PAGE)
    of_reference = lists.page("nobody", OrderFilters(reference="R-77"), None, PAGE)

    assert everything == of_user == of_reference == OrderPage((), None)


def test_a_reference_is_matched_whole_and_by_letter_case(lists: OrderLists) -> None:
    found, none = (
        lists.page("default", OrderFilters(reference=reference), None, PAGE)
        for reference in ("R-77", "r-77")
    )

    assert len(found.orders) == 20
    assert none.orders == ()


def test_no_index_names_a_column_that_changes(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        named = connection.execute(
            "select a.attname from pg_index i"
            " join pg_attribute a on a.attrelid = i.indexrelid"
            " where i.indrelid = 'orders'::regclass"
        ).fetchall()
        conditions = connection.execute(
            "select pg_get_expr(indpred, indrelid) from pg_index"
            " where indrelid = 'orders'::regclass and indpred is not null"
        ).fetchall()

    assert {name for (name,) in named} == {
        "order_id",
        "tenant_id",
        "user_id",
        "reference",
        "created_at",
    }
    assert conditions == [("(reference IS NOT NULL)",)]
