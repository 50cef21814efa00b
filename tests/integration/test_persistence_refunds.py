"""Money of a paid order goes back whole, once, and never more than was paid."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from itertools import chain

import psycopg
import pytest

from orders.domain.changing import (
    Action,
    AmountRefused,
    Changed,
    ChangeOutcome,
    MoveRefused,
    OrderAbsent,
    OrderChange,
    RefundReplayed,
    VersionDiffers,
)
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.events import event_data
from orders.domain.identifiers import IdFactory
from orders.domain.intake import IdempotencyKey, KeyReused, NewOrder
from orders.domain.order import DEFAULT_TENANT, OrderLine, OrderRequest
from orders.domain.payment import PaymentRule
from orders.domain.refunds import RefundWish
from orders.domain.settlement import resolve
from orders.domain.transitions import Change, move
from orders.persistence.audit import order_audit
from orders.persistence.changing import PostgresChangeStore
from orders.persistence.database import PostgresDatabase
from orders.persistence.failures import ContentionError
from orders.persistence.refunding import RefundRows
from orders.persistence.session import Session
from orders.verification.order_checks import check_order
from orders.verification.path import walk
from orders.verification.rules import Rules

pytestmark = pytest.mark.integration

TOTAL = 99_00
PENDING = move(None, Change.ACCEPTED)
RULE = PaymentRule(Decimal(1000))
STATE = "select status, payment_status, version from orders"
new_id = IdFactory()


@pytest.fixture
def database(database_url: str) -> PostgresDatabase:
    return PostgresDatabase(database_url, node_name="test", node_lease_seconds=30)


def another_node(database_url: str) -> PostgresDatabase:
    return PostgresDatabase(database_url, node_name="other", node_lease_seconds=30)


def change_store(database: PostgresDatabase) -> PostgresChangeStore:
    return database.change_store(
        max_attempts=3, watch_after_seconds=40.0, patience_seconds=1.0
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


@pytest.fixture
def paid(database: PostgresDatabase) -> str:
    """The id of a paid order of 99.00 EUR."""
    order_id = pending(database)
    settlements = database.settlement_store()
    found, _ = settlements.read_open([order_id])
    settlements.settle([resolve(order, RULE) for order in found])
    settlements.close()
    return order_id


def pending(database: PostgresDatabase) -> str:
    order_id = new_id()
    request = OrderRequest(7, "EUR", TOTAL, (OrderLine(3, 1, TOTAL),))
    data = event_data(order_id, DEFAULT_TENANT, 7, TOTAL, "EUR", PENDING, 1)
    intake = database.intake_store()
    intake.store([NewOrder(order_id, DEFAULT_TENANT, request, data)])
    intake.close()
    return order_id


def key(name: str, fingerprint: bytes = b"f") -> IdempotencyKey:
    return IdempotencyKey("POST /v1/orders/{order_id}/refunds", name, fingerprint)


def wish(order_id: str, amount: str | None = None, **fields: object) -> OrderChange:
    change = OrderChange(
        *(order_id, DEFAULT_TENANT, Action.REFUND, "client"),
        refund=RefundWish(new_id(), amount),
    )
    return change._replace(**fields)


def rows(connection: psycopg.Connection, query: str) -> list[tuple[object, ...]]:
    return connection.execute(query.encode()).fetchall()


def amounts(connection: psycopg.Connection) -> list[object]:
    found = rows(connection, "select amount_minor from refunds order by version")
    return [amount for (amount,) in found]


def faults(database_url: str) -> list[str]:
    """What `orders verify` finds in the database."""
    rules = Rules(RULE, journal_is_complete=False)
    with order_audit(database_url, "orders") as audit, audit.snapshot() as orders:
        return [
            finding.rule
            for found in orders
            for finding in check_order(found, walk(found.history), rules)
        ]


def test_a_part_leaves_the_order_paid(
    store: PostgresChangeStore, paid: str, connection: psycopg.Connection
) -> None:
    changed = store.change(wish(paid, "12.50", reason="broken"))

    assert isinstance(changed, Changed)
    assert changed.refund is not None
    assert (changed.refund.amount, changed.refund.version) == (12_50, 4)
    assert rows(connection, STATE) == [("PAID", "PARTIALLY_REFUNDED", 4)]


def test_the_refund_is_answered_as_it_is_stored(
    store: PostgresChangeStore, paid: str, database: PostgresDatabase
) -> None:
    changed = store.change(wish(paid, "12.50", reason="broken"))

    reader = database.read_store()
    found = reader.read_refunds(DEFAULT_TENANT, paid)
    stranger = reader.read_refunds("stranger", paid)
    reader.close()
    assert isinstance(changed, Changed)
    assert found is not None
    assert found.refunds == (changed.refund,)
    assert found.order == changed.order
    assert stranger is None


def test_the_rest_refunds_the_order(
    store: PostgresChangeStore, paid: str, connection: psycopg.Connection
) -> None:
    store.change(wish(paid, "12.50"))
    store.change(wish(paid))

    assert amounts(connection) == [12_50, 86_50]
    assert rows(connection, STATE) == [("REFUNDED", "REFUNDED", 6)]


def test_history_outbox_and_notices_tell_each_refund(
    store: PostgresChangeStore, paid: str, connection: psycopg.Connection
) -> None:
    store.change(wish(paid, "12.50", reason="broken", actor="ann"))
    store.change(wish(paid))

    history = rows(
        connection,
        "select version, type, actor, reason from order_events"
        " where version > 2 order by 1",
    )
    assert history == [
        (3, "orders.order.refund_started.v1", "ann", "broken"),
        (4, "orders.order.partially_refunded.v1", "payment-rule", None),
        (5, "orders.order.refund_started.v1", "client", None),
        (6, "orders.order.refunded.v1", "payment-rule", None),
    ]
    assert len(rows(connection, "select from outbox where version > 2")) == 4
    told = rows(connection, "select version from notifications order by 1")
    assert told == [(2,), (4,), (6,)]


def test_what_refunds_leave_behind_is_sound(
    store: PostgresChangeStore, paid: str, database_url: str
) -> None:
    store.change(wish(paid, "12.50", reason="broken", key=key("a")))
    store.change(wish(paid, "1.00", key=key("b")))
    store.change(wish(paid))

    assert faults(database_url) == []


def test_verify_sees_a_refund_that_was_tampered_with(
    store: PostgresChangeStore,
    paid: str,
    connection: psycopg.Connection,
    database_url: str,
) -> None:
    store.change(wish(paid))

    connection.execute("alter table refunds disable trigger user")
    connection.execute("update refunds set amount_minor = amount_minor + 1")

    assert "refunded_too_much" in faults(database_url)


def test_more_than_is_left_leaves_no_trace(
    store: PostgresChangeStore, paid: str, connection: psycopg.Connection
) -> None:
    store.change(wish(paid, "90.00"))

    outcome = store.change(wish(paid, "9.01", key=key("k")))

    assert isinstance(outcome, AmountRefused)
    assert amounts(connection) == [90_00]
    assert rows(connection, "select from idempotency_keys") == []


def test_another_version_is_told_first(store: PostgresChangeStore, paid: str) -> None:
    outcome = store.change(wish(paid, "999.00", required_version=1))

    assert isinstance(outcome, VersionDiffers)


def test_only_paid_orders_of_the_tenant_are_refunded(
    store: PostgresChangeStore, database: PostgresDatabase, paid: str
) -> None:
    unpaid = store.change(wish(pending(database)))
    strange = store.change(wish(paid, tenant_id="stranger"))

    assert isinstance(unpaid, MoveRefused)
    assert strange == OrderAbsent()


def test_a_key_answers_with_the_same_refund_wherever_the_order_is_by_then(
    store: PostgresChangeStore, paid: str, connection: psycopg.Connection
) -> None:
    first = store.change(wish(paid, "12.50", key=key("k"), required_version=2))
    store.change(wish(paid, key=key("other")))

    again = store.change(wish(paid, "12.50", key=key("k"), required_version=2))
    otherwise = store.change(wish(paid, "1.00", key=key("k", b"g")))

    assert isinstance(first, Changed)
    assert isinstance(again, RefundReplayed)
    assert again.refund == first.refund
    assert again.order.version == 6
    assert otherwise == KeyReused()
    assert amounts(connection) == [12_50, 86_50]


def test_a_key_that_was_forgotten_and_used_anew_means_the_new_refund(
    store: PostgresChangeStore, paid: str, connection: psycopg.Connection
) -> None:
    store.change(wish(paid, "1.00", key=key("k")))
    connection.execute("delete from idempotency_keys")
    second = store.change(wish(paid, "2.00", key=key("k")))

    again = store.change(wish(paid, "2.00", key=key("k")))

    assert isinstance(second, Changed)
    assert isinstance(again, RefundReplayed)
    assert again.refund == second.refund


def test_a_refund_whose_commit_was_not_heard_of_is_found_by_its_key(
    store: PostgresChangeStore,
    paid: str,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Session._run

    def run_and_lose_the_reply(session: Session, statement, *given, **kept):
        cursor = run(session, statement, *given, **kept)
        if statement.name == "commit":
            session.close()
            raise DatabaseUnavailableError("cut off", outcome_unknown=True)
        return cursor

    wanted = wish(paid, "12.50", key=key("k"))
    with monkeypatch.context() as patch:
        patch.setattr(Session, "_run", run_and_lose_the_reply)
        with pytest.raises(DatabaseUnavailableError) as caught:
            store.change(wanted)

    again = store.change(wanted)

    assert caught.value.outcome_unknown
    assert wanted.refund is not None
    assert isinstance(again, RefundReplayed)
    assert again.refund.refund_id == wanted.refund.refund_id
    assert amounts(connection) == [12_50]


def _at_once(
    database_url: str, changes: list[OrderChange], per_node: int = 4
) -> list[ChangeOutcome | str]:
    """Ask for all of them at once, by threads of two nodes; "busy" where refused."""
    nodes = [another_node(database_url), another_node(database_url)]
    start = threading.Barrier(2 * per_node)
    waiting = iter(changes)
    lock = threading.Lock()

    def pick() -> OrderChange | None:
        with lock:
            return next(waiting, None)

    def work(number: int) -> list[ChangeOutcome | str]:
        outcomes: list[ChangeOutcome | str] = []
        with closing(change_store(nodes[number % 2])) as store:
            store.change(wish(new_id()))  # so that it is connected
            start.wait(20)
            while (change := pick()) is not None:
                try:
                    outcomes.append(store.change(change))
                except ContentionError:  # nothing was stored
                    outcomes.append("busy")
        return outcomes

    with ThreadPoolExecutor(2 * per_node) as pool:
        return list(chain.from_iterable(pool.map(work, range(2 * per_node))))


def test_refunds_of_two_nodes_never_exceed_the_total(
    paid: str, database_url: str, connection: psycopg.Connection
) -> None:
    outcomes = _at_once(database_url, [wish(paid, "20.00") for _ in range(40)])

    made = [it for it in outcomes if isinstance(it, Changed)]
    assert amounts(connection) == [20_00] * 4
    assert len(made) == 4
    assert {type(it) for it in outcomes if it != "busy"} == {Changed, AmountRefused}
    assert rows(connection, STATE) == [("PAID", "PARTIALLY_REFUNDED", 10)]
    assert faults(database_url) == []


def test_all_that_is_left_goes_back_once(
    paid: str, database_url: str, connection: psycopg.Connection
) -> None:
    outcomes = _at_once(database_url, [wish(paid) for _ in range(16)])

    kinds = [type(it) for it in outcomes]
    assert kinds.count(Changed) == 1
    assert amounts(connection) == [TOTAL]
    assert faults(database_url) == []


def test_one_key_makes_one_refund_on_two_nodes(
    paid: str, database_url: str, connection: psycopg.Connection
) -> None:
    changes = [wish(paid, "20.00", key=key("k")) for _ in range(16)]

    outcomes = _at_once(database_url, changes)

    refunds = {it.refund for it in outcomes if isinstance(it, Changed | RefundReplayed)}
    assert len(refunds) == 1
    assert amounts(connection) == [20_00]


def test_no_refund_comes_between_a_look_at_the_order_and_its_refund(
    store: PostgresChangeStore,
    database_url: str,
    paid: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refunded = RefundRows.refunded

    def meet(self: RefundRows, order_id: str, version: int) -> object:
        with pytest.raises(ContentionError):
            store_of_another.change(wish(paid))
        return refunded(self, order_id, version)

    with closing(change_store(another_node(database_url))) as store_of_another:
        monkeypatch.setattr(RefundRows, "refunded", meet)
        outcome = store.change(wish(paid))

    assert isinstance(outcome, Changed)
