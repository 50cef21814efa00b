"""All that is stored, order by order, in one view."""

from collections.abc import Iterator

import psycopg
import pytest

from orders.domain.audit import RecordPlace
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.records import EventRef
from orders.persistence.audit import PostgresOrderAudit, order_audit

pytestmark = pytest.mark.integration

MANY = 5_000
TOPIC = "orders"
STORE = """
    insert into orders
    select id, 'default', 7, 'EUR', 9980, '[]', null, null, 'PAID', 'SUCCESS', 2,
           now(), now()
    from ids"""
TELL = """
    insert into order_events
    select id, version, 'type', 'text ' || version, now(), 'x', null, null
    from ids cross join generate_series(1, 2) version"""
NOTE = """
    insert into notifications
    select id, 2, 'inbox', 'default', 7, 'paid', now() from ids"""
QUEUE = "insert into outbox select id, 2, 1, now() from ids where number % 7 = 0"
KEEP = """
    insert into idempotency_keys
    select 'default', 'POST /Orders', md5(number::text), id, 'x', now() from ids"""


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "create temporary table ids as select gen_random_uuid() as id, number"  # noqa: S608 - a constant
            f" from generate_series(1, {MANY}) number"
        )
        yield connection


@pytest.fixture
def audit(database_url: str) -> Iterator[PostgresOrderAudit]:
    with order_audit(database_url, TOPIC) as audit:
        yield audit


def test_rows_of_many_pages_come_together_by_order(
    connection: psycopg.Connection, audit: PostgresOrderAudit
) -> None:
    for statement in (STORE, TELL, NOTE, QUEUE, KEEP):
        connection.execute(statement.encode())

    with audit.snapshot() as orders:
        found = list(orders)

    assert len(found) == MANY
    assert [it.order_id for it in found] == sorted({it.order_id for it in found})
    for it in found:
        assert it.order is not None
        assert [row.version for row in it.history] == [1, 2]
        rows = (*it.history, *it.notices, *it.waiting, *it.keys)
        assert {row.order_id for row in rows} == {it.order.order_id}
    assert sum(len(it.waiting) for it in found) == MANY // 7
    assert all(len(it.notices) == len(it.keys) == 1 for it in found)


@pytest.mark.parametrize("statement", [TELL, NOTE, QUEUE, KEEP])
def test_rows_without_an_order_come_too(
    connection: psycopg.Connection, audit: PostgresOrderAudit, statement: str
) -> None:
    connection.execute(statement.encode())

    with audit.snapshot() as orders:
        found = list(orders)

    assert len(found) == (MANY // 7 if statement is QUEUE else MANY)
    assert all(it.order is None for it in found)


def test_the_view_is_fixed_on_entering(
    connection: psycopg.Connection, audit: PostgresOrderAudit
) -> None:
    with audit.snapshot() as orders:
        connection.execute(STORE.encode())
        found = list(orders)
    with audit.snapshot() as orders:
        later = sum(1 for _ in orders)

    assert (found, later) == ([], MANY)


def test_an_event_is_found_as_it_is_now(
    connection: psycopg.Connection, audit: PostgresOrderAudit
) -> None:
    connection.execute(TELL.encode())
    [(order_id,)] = connection.execute("select id::text from ids limit 1").fetchall()

    found = audit.find_events([EventRef(order_id, 2), EventRef(order_id, 3)])

    assert [(it.version, it.data) for it in found.values()] == [(2, "text 2")]


def test_records_with_dead_letters_are_found_by_topic_and_place(
    connection: psycopg.Connection, audit: PostgresOrderAudit
) -> None:
    for topic, offset in ((TOPIC, 5), (TOPIC, 6), ("another", 7)):
        connection.execute(
            "insert into dead_letters (topic, partition, record_offset, fingerprint,"
            " headers, reason, buried_at) values (%s, 1, %s, '', '[]', 'x', now())",
            (topic, offset),
        )

    places = [RecordPlace(1, 5), RecordPlace(1, 7), RecordPlace(2, 5)]
    assert audit.find_buried(places) == {RecordPlace(1, 5)}
    assert audit.count_dead_letters() == 2


def test_a_role_that_may_only_read_is_enough(
    connection: psycopg.Connection, database_url: str
) -> None:
    connection.execute(STORE.encode())
    connection.execute("create role audit_reader login")
    try:
        connection.execute("grant pg_read_all_data to audit_reader")
        reader = psycopg.conninfo.make_conninfo(
            database_url, options="-c role=audit_reader"
        )
        with order_audit(reader, TOPIC) as audit, audit.snapshot() as orders:
            assert sum(1 for _ in orders) == MANY
    finally:
        connection.execute("drop role audit_reader")


def test_a_database_without_tables_is_said(empty_database_url: str) -> None:
    with (
        order_audit(empty_database_url, TOPIC) as audit,
        pytest.raises(DatabaseUnavailableError, match="42P01"),
        audit.snapshot(),
    ):
        pass
