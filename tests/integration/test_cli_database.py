"""The commands that read the database, against a real one."""

import json
from collections.abc import Callable
from typing import NamedTuple

import psycopg
import pytest

from orders.cli.main import main
from orders.domain.order import OrderStatus
from orders.persistence.database import PostgresDatabase
from orders.persistence.operator_reads import operator_reads

pytestmark = pytest.mark.integration

FIRST = "018f0000-0000-7000-8000-000000000001"
SECOND = "018f0000-0000-7000-8000-000000000002"
THIRD = "018f0000-0000-7000-8000-000000000003"
NOWHERE = "018f0000-0000-7000-8000-00000000ffff"


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


Orders = Callable[..., Done]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys) -> Orders:
    def run(*words: str) -> Done:
        monkeypatch.setattr("sys.argv", ["orders", *words])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return Done(int(left.value.code or 0), out, err)

    return run


def point_at(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ORDERS_DATABASE__URL", url)
    monkeypatch.setenv("ORDERS_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")


@pytest.fixture
def orders(command: Orders, database_url: str, monkeypatch) -> Orders:
    """The command line on a migrated database."""
    point_at(monkeypatch, database_url)
    return command


@pytest.fixture
def orders_unmigrated(command: Orders, empty_database_url: str, monkeypatch) -> Orders:
    point_at(monkeypatch, empty_database_url)
    return command


@pytest.fixture
def execute(database_url: str) -> Callable[..., None]:
    def run(statement: str, *values: object) -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(statement, values)  # type: ignore[arg-type]

    return run


@pytest.fixture
def store(execute) -> Callable[..., None]:
    """Stores an order and its history."""

    def run(order_id: str, status: str = "PAID", age_seconds: float = 0) -> None:
        execute(
            """insert into orders values (%s, 'default', 7, 'EUR', 9980,
               '[{"product_id": 3, "quantity": 2, "line_total": 9980}]',
               e'r\\u001b[2J', '{"a": 1}', %s, 'PENDING', 1,
               now() - make_interval(secs => %s), now())""",
            order_id,
            status,
            age_seconds,
        )
        execute(
            """insert into order_events values (%s, 1, 'orders.order.accepted.v1',
               '{"x": 1}', now(), 'order-intake', null, null)""",
            order_id,
        )

    return run


def test_the_list_is_newest_first_and_goes_on_where_it_ended(
    orders: Orders, store
) -> None:
    for order_id in (SECOND, THIRD, FIRST):
        store(order_id)

    page = orders("list", "--limit", "2", "--json").json
    rest = orders(
        "list", "--limit", "2", "--before", page["next_before"], "--json"
    ).json

    assert [order["order_id"] for order in page["orders"]] == [THIRD, SECOND]
    assert [order["order_id"] for order in rest["orders"]] == [FIRST]
    assert rest["next_before"] is None


def test_the_list_can_be_of_one_status(orders: Orders, store) -> None:
    store(FIRST, "FAILED")
    store(SECOND, "PAID")

    done = orders("list", "--status", "failed")

    assert FIRST in done.out
    assert SECOND not in done.out


def test_a_filtered_list_looks_at_a_bounded_number_and_says_where_it_stopped(
    database_url: str, store
) -> None:
    store(FIRST, "FAILED")
    store(SECOND)
    store(THIRD)

    with operator_reads(database_url) as reads:
        page = reads.newest_orders(5, status=OrderStatus.FAILED, max_examined=2)
        rest = reads.newest_orders(
            5, status=OrderStatus.FAILED, before=page.next_before, max_examined=2
        )

    assert (page.orders, page.next_before) == ((), SECOND)
    assert [order.order_id for order in rest.orders] == [FIRST]


def test_an_order_is_shown_as_the_api_does(orders: Orders, store) -> None:
    store(FIRST)

    shown = orders("show", FIRST.upper(), "--json").json

    assert shown["order_id"] == FIRST
    assert shown["total"] == "99.80"
    assert shown["metadata"] == {"a": 1}


def test_an_order_that_failed_is_shown_with_the_reason(
    orders: Orders, store, execute
) -> None:
    store(FIRST, "FAILED")
    execute(
        """insert into order_events values (%s, 2, 'orders.order.failed.v1',
           '{}', now(), 'payment-rule', 'over_limit', null)""",
        FIRST,
    )

    assert orders("show", FIRST).out.splitlines()[-1].split() == [
        "reason",
        "over_limit",
    ]
    assert "reason" not in orders("show", FIRST, "--json").json


def test_what_a_client_wrote_cannot_steer_the_terminal(orders: Orders, store) -> None:
    store(FIRST)

    done = orders("show", FIRST)

    assert "\x1b" not in done.out
    assert r"r\x1b[2J" in done.out


def test_the_history_of_an_order_is_shown(orders: Orders, store) -> None:
    store(FIRST)

    done = orders("history", FIRST)
    events = orders("history", FIRST, "--json").json["events"]

    assert "orders.order.accepted.v1" in done.out
    assert [event["data"] for event in events] == [{"x": 1}]


@pytest.mark.parametrize(
    "words", [("show", NOWHERE), ("history", NOWHERE), ("dead-letters", "show", "9")]
)
def test_what_is_not_there_exits_with_1_and_a_sentence(
    orders: Orders, words: tuple[str, ...]
) -> None:
    done = orders(*words)

    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("orders: there is no ")


def test_unsettled_orders_are_counted_with_the_age_of_the_oldest(
    orders: Orders, store
) -> None:
    store(FIRST, "PENDING", age_seconds=100)
    store(SECOND, "PENDING", age_seconds=10)
    store(THIRD, "PAID", age_seconds=1000)

    unsettled = orders("status", "--json").json["unsettled"]

    assert (unsettled["count"], unsettled["stuck"]) == (2, 0)
    assert 100 <= unsettled["oldest_age_seconds"] < 160


def test_stuck_orders_are_counted_behind_the_sweepers_mark(
    orders: Orders, store, execute
) -> None:
    store(FIRST, "PENDING", age_seconds=100)
    store(SECOND, "PENDING", age_seconds=10)
    execute(
        """insert into stuck_orders
           select order_id, created_at, now(), 0, now() from orders
           where order_id = %s""",
        FIRST,
    )
    execute("update sweep_marks set created_at = now() - interval '50 s'")

    unsettled = orders("status", "--json").json["unsettled"]

    assert (unsettled["count"], unsettled["stuck"]) == (2, 1)
    assert unsettled["oldest_age_seconds"] >= 100


def test_a_count_that_was_cut_short_says_so(database_url: str, store) -> None:
    store(FIRST, "PENDING")
    store(SECOND, "PENDING")

    with operator_reads(database_url) as reads:
        cut, whole = reads.unsettled(max_counted=1), reads.unsettled(max_counted=3)

    assert (cut.count, cut.is_more) == (1, True)
    assert (whole.count, whole.is_more) == (2, False)


def test_status_shows_living_nodes_with_their_leases(orders: Orders, execute) -> None:
    for name, left in (("gone", -5), ("here", 60)):
        execute(
            """insert into nodes (name, registered_at, lease_until)
               values (%s, now(), now() + make_interval(secs => %s))""",
            name,
            left,
        )
    execute(
        """insert into leases
           select 'sweeper', node_id, lease_until from nodes where name = 'here'"""
    )

    [node] = orders("status", "--json").json["nodes"]

    assert (node["name"], node["leases"]) == ("here", ["sweeper"])
    assert 50 < node["lease_seconds_left"] <= 60


def test_status_counts_what_waits_for_kafka(orders: Orders, execute) -> None:
    execute("insert into outbox values (%s, 1, 1, now() - interval '30 s')", FIRST)

    outbox = orders("status", "--json").json["outbox"]

    assert outbox["pending"] == 1
    assert 30 <= outbox["oldest_age_seconds"] < 90


@pytest.fixture
def dead_letter(execute) -> None:
    execute(
        """insert into dead_letters (topic, partition, record_offset, fingerprint, key,
           headers, value, reason, buried_at)
           values ('orders', 2, 41, '\\x00', 'k', '[["ce_id", "YQ=="], ["n", null]]',
                   %s, 'order_id_malformed', now())""",
        b"\xff\x1b{",
    )


@pytest.mark.usefixtures("dead_letter")
def test_dead_letters_are_listed_and_shown_whole(orders: Orders) -> None:
    [head] = orders("dead-letters", "list", "--json").json
    letter = orders("dead-letters", "show", str(head["dead_letter_id"]), "--json").json

    assert (head["partition"], head["offset"]) == (2, 41)
    assert letter["reason"] == "order_id_malformed"
    assert letter["headers"] == [["ce_id", "YQ=="], ["n", None]]
    assert (letter["key"], letter["value"]) == ("aw==", "/xt7")


@pytest.mark.usefixtures("dead_letter")
def test_the_bytes_of_a_dead_letter_cannot_steer_the_terminal(orders: Orders) -> None:
    out = orders("dead-letters", "show", "1").out

    assert r"\xff\x1b{" in out
    assert "ce_id: a" in out


def test_migrate_tells_what_is_missing_then_applies_it(
    orders_unmigrated: Orders,
) -> None:
    before = orders_unmigrated("migrate", "--check")
    applied = orders_unmigrated("migrate", "--json")
    after = orders_unmigrated("migrate", "--check")

    assert before.code == 1
    assert "missing  0001_orders.sql" in before.out
    assert "0001_orders.sql" in applied.json["applied"]
    assert (applied.code, after.code) == (0, 0)


def test_a_database_without_tables_is_said_plainly(orders_unmigrated: Orders) -> None:
    done = orders_unmigrated("status")

    assert done.code == 1
    assert done.err == (
        "orders: the database lacks tables: run `orders migrate` first\n"
    )


def test_a_database_that_is_away_is_one_sentence(command: Orders, monkeypatch) -> None:
    point_at(monkeypatch, "postgresql://orders:hush@127.0.0.1:1/orders")

    done = command("list")

    assert done.code == 1
    assert done.err.startswith("orders: PostgreSQL: connection failed")
    assert done.err.count("\n") == 1
    assert "hush" not in done.err


READ_ONLY = "target_session_attrs=any&options=-c%20default_transaction_read_only%3Don"


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("list", "--status", "PAID"),
        ("show", FIRST),
        ("history", FIRST),
        ("dead-letters", "list"),
        ("dead-letters", "show", "1"),
        ("migrate", "--check"),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("dead_letter")
def test_questions_are_answered_by_a_server_that_takes_no_writes(
    orders: Orders, database_url: str, store, monkeypatch, words: tuple[str, ...]
) -> None:
    store(FIRST)
    point_at(monkeypatch, f"{database_url}?{READ_ONLY}")

    assert orders(*words).code == 0


def test_an_order_is_cancelled_with_who_and_why(orders: Orders, store) -> None:
    store(FIRST, "PENDING")

    done = orders("cancel", FIRST, "--reason", "a test", "--json")

    last = orders("history", FIRST).out.splitlines()[-1]
    assert (done.json["status"], done.json["version"]) == ("CANCELLED", 2)
    assert "orders.order.cancelled.v1" in last
    assert "operator" in last
    assert "a test" in last


def test_the_event_of_a_change_is_left_for_the_nodes_to_publish(
    orders: Orders, store, database_url: str, wait_until
) -> None:
    store(FIRST, "PENDING")

    orders("cancel", FIRST)

    sweeper = PostgresDatabase(
        database_url, node_name="node", node_lease_seconds=30
    ).sweep_store()
    sweeper.renew_node(30)
    wait_until(
        lambda: (
            [e.type for e in sweeper.abandoned_outbox(None, 600, 10)]
            == ["orders.order.cancelled.v1"]
        ),
        10,
    )
    sweeper.close()


def test_a_failed_payment_is_tried_again(orders: Orders, store, execute) -> None:
    store(FIRST, "FAILED")
    execute("update orders set payment_status = 'FAILED'")

    done = orders("retry", FIRST)

    assert done.code == 0
    assert "PENDING" in done.out


def test_a_paid_order_is_refunded(orders: Orders, store, execute) -> None:
    store(FIRST, "PAID")
    execute("update orders set payment_status = 'SUCCESS'")

    part = orders("refund", FIRST, "--amount", "1.00", "--json")
    rest = orders("refund", FIRST, "--reason", "broken")

    assert (part.code, rest.code) == (0, 0)
    assert part.json["amount"] == "1.00"
    assert "REFUNDED" in rest.out


def test_more_than_is_left_is_not_refunded(orders: Orders, store, execute) -> None:
    store(FIRST, "PAID")
    execute("update orders set payment_status = 'SUCCESS'")

    done = orders("refund", FIRST, "--amount", "100000.00")

    assert (done.code, done.out) == (1, "")
    assert "is left" in done.err


@pytest.mark.parametrize("name", ["cancel", "retry"])
def test_what_an_order_does_not_allow_is_said(
    orders: Orders, store, execute, name: str
) -> None:
    store(FIRST, "PAID")
    execute("update orders set payment_status = 'SUCCESS'")

    done = orders(name, FIRST)

    assert done.code == 1
    assert "the order is PAID, which allows refund" in done.err


@pytest.mark.parametrize("name", ["cancel", "retry", "refund"])
def test_an_order_that_is_not_there_is_not_changed(orders: Orders, name: str) -> None:
    done = orders(name, NOWHERE)

    assert (done.code, done.out) == (1, "")
    assert f"there is no order {NOWHERE}" in done.err


def test_a_reason_of_two_lines_is_refused(orders: Orders, store) -> None:
    store(FIRST, "PENDING")

    assert orders("cancel", FIRST, "--reason", "a\nb").code == 2
    assert orders("show", FIRST, "--json").json["status"] == "PENDING"
