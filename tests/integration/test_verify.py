"""The check of a whole service, on a real database and a real topic."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
import structlog

from orders.cli.main import main
from orders.devstack.deadline import wait_until
from orders.devstack.kafka import EmbeddedKafka
from orders.domain.events import OrderEvent, event_data
from orders.domain.identifiers import IdFactory
from orders.domain.intake import IdempotencyKey, NewOrder
from orders.domain.order import DEFAULT_TENANT, OrderLine, OrderRequest
from orders.domain.payment import PaymentRule
from orders.domain.records import EventRef
from orders.domain.settlement import resolve
from orders.domain.transitions import Change, move
from orders.messaging.client_logs import quieten_client_logs
from orders.messaging.client_settings import consumer_settings, producer_settings
from orders.messaging.kafka_clients import (
    offsets_of,
    open_consumer,
    open_producer,
    partition_id,
)
from orders.messaging.producer import KafkaPublisher
from orders.messaging.topics import TopicPlan, ensure_topic
from orders.persistence.database import PostgresDatabase
from orders.verification.journal import (
    JournalWriter,
    Operation,
    Outcome,
    order_fingerprint,
)

pytestmark = [
    pytest.mark.integration,
    # kafka-python leaves a socket to the collector for each refused connection.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ROUTE = "/v1/orders"
GROUP = "order-consumer-group"
RULE = PaymentRule(Decimal(1000))
PENDING = move(None, Change.ACCEPTED)
PARTITIONS = 3
log = structlog.get_logger()
make_id = IdFactory()


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def violations(self) -> dict[str, int]:
        counts = json.loads(self.out)["violations"]
        return {group: count for group, count in counts.items() if count}

    @property
    def rules(self) -> set[str]:
        return {it["rule"] for it in json.loads(self.out)["findings"]}

    @property
    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = json.loads(self.out)["counts"]
        return counts


Verify = Callable[..., Done]


class Service:
    """Takes, settles and publishes orders with the service's own adapters."""

    def __init__(self, url: str, broker: EmbeddedKafka, topic: str) -> None:
        database = PostgresDatabase(url, node_name="test", node_lease_seconds=30)
        self.intake = database.intake_store()
        self.settlements = database.settlement_store()
        self.topic = topic
        self.brokers = broker.bootstrap_servers
        self.publisher = KafkaPublisher(
            bootstrap_servers=self.brokers,
            client_id="test",
            topic=topic,
            log=log,
        )

    def accept(self, number: int, total: int) -> OrderEvent:
        order_id = make_id()
        request = OrderRequest(
            7, "EUR", total, (OrderLine(3, 1, total),), f"reference-{number}"
        )
        data = event_data(order_id, DEFAULT_TENANT, 7, total, "EUR", PENDING, 1)
        key = IdempotencyKey(f"POST {ROUTE}", f"key-{number}", b"body")
        order = NewOrder(order_id, DEFAULT_TENANT, request, data, key)
        [stored] = self.intake.store([order])
        at = stored.created_at  # type: ignore[union-attr]
        return OrderEvent(order_id, 1, "orders.order.accepted.v1", data, at)

    def settle(self, order_ids: list[str]) -> list[OrderEvent]:
        found, _ = self.settlements.read_open(order_ids)
        settled = self.settlements.settle([resolve(order, RULE) for order in found])
        return [won.event(settled.occurred_at) for won in settled.won]

    def publish(self, events: list[OrderEvent]) -> None:
        refs = [EventRef(event.order_id, event.version) for event in events]
        confirmed: list[EventRef] = []

        def all_confirmed() -> bool:
            confirmed.extend(self.publisher.take_results().confirmed)
            return len(confirmed) == len(refs)

        assert self.publisher.publish(events) == len(events)
        assert wait_until(all_confirmed, 10.0)
        self.settlements.forget_published(refs)

    def send_raw(self, key: bytes | None, value: bytes | None) -> None:
        producer = open_producer(producer_settings(self.brokers, "test", {}))
        producer.send(self.topic, value, key, [], 0, 1)  # type: ignore[arg-type]
        producer.close(10.0)

    def commit_all(self, beyond: int = 0) -> None:
        """Commit the group's offsets as if all had been consumed."""
        settings = consumer_settings(
            self.brokers, "test", GROUP, {}, max_poll_records=1, session_timeout_ms=6000
        )
        consumer = open_consumer(settings)
        every = [partition_id(self.topic, number) for number in range(PARTITIONS)]
        ends = consumer.end_offsets(every, timeout_ms=5000)
        offsets = {tp.partition: end + beyond for tp, end in ends.items()}
        consumer.commit(offsets_of(self.topic, offsets), timeout_ms=5000)
        consumer.close(autocommit=False, timeout_ms=2000)

    def close(self) -> None:
        self.publisher.close()
        self.intake.close()
        self.settlements.close()


@pytest.fixture
def service(
    database_url: str, kafka_server: EmbeddedKafka, topic: str
) -> Iterator[Service]:
    quieten_client_logs()
    kafka_server.start()  # a test may have left it stopped
    ensure_topic(
        TopicPlan(topic, PARTITIONS),
        bootstrap_servers=kafka_server.bootstrap_servers,
        client_id="test",
    )
    service = Service(database_url, kafka_server, topic)
    yield service
    service.close()


@pytest.fixture
def accepted(service: Service) -> list[OrderEvent]:
    """Orders that were taken, settled, published and consumed."""
    totals = (99_00, 1000_00, 999_99, 5_00)
    events = [service.accept(number, total) for number, total in enumerate(totals)]
    decided = service.settle([event.order_id for event in events])
    service.publish([*events, *decided])
    service.commit_all()
    return events


@pytest.fixture
def verify(service: Service, database_url: str, monkeypatch, capsys) -> Verify:
    monkeypatch.setenv("ORDERS_DATABASE__URL", database_url)
    monkeypatch.setenv("ORDERS_KAFKA__BOOTSTRAP_SERVERS", service.brokers)
    monkeypatch.setenv("ORDERS_KAFKA__TOPIC", service.topic)
    monkeypatch.setenv("ORDERS_KAFKA__GROUP", GROUP)

    def run(*words: str) -> Done:
        monkeypatch.setattr("sys.argv", ["orders", "verify", *words])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capsys.readouterr()
        return Done(int(left.value.code or 0), out, err)

    return run


@pytest.fixture
def tamper(database_url: str) -> Callable[[str, str], None]:
    """Changes the database behind the service's back, the history included."""

    def run(statement: str, order_id: str) -> None:
        with psycopg.connect(database_url) as connection:
            connection.execute("alter table order_events disable trigger user")
            done = connection.execute(statement.encode(), {"id": order_id})
            assert done.rowcount == 1
            connection.execute("alter table order_events enable trigger user")

    return run


def acknowledgement(event: OrderEvent, number: int, total: int) -> Operation:
    body = order_fingerprint(7, "EUR", total, [(3, 1, total)], f"reference-{number}")
    return Operation(
        *("create", 0, f"key-{number}", ROUTE, body, 1.0, 2.0, Outcome.OK, 202),
        *(event.order_id, 1, "PENDING", "PENDING"),
    )


def write_journal(path: Path, *operations: Operation) -> str:
    with JournalWriter(path) as journal:
        for operation in operations:
            journal.write(operation)
    return str(path)


def test_a_service_without_orders_has_nothing_wrong(verify: Verify) -> None:
    done = verify("--json")

    assert (done.code, done.violations) == (0, {})


@pytest.mark.usefixtures("accepted")
def test_settled_and_published_orders_have_nothing_wrong(verify: Verify) -> None:
    done = verify("--json", "--grace", "0")

    assert (done.code, done.violations) == (0, {})
    counted = ("orders", "events", "notices", "keys", "records", "events_on_topic")
    assert [done.counts[name] for name in counted] == [4, 8, 4, 4, 8, 8]


@pytest.mark.usefixtures("accepted")
def test_people_get_a_table(verify: Verify) -> None:
    done = verify()

    assert done.code == 0
    assert "nothing is wrong" in done.out


def test_an_order_under_way_is_given_time(service: Service, verify: Verify) -> None:
    event = service.accept(0, 99_00)
    service.publish([event])
    service.commit_all()

    done = verify("--json")

    assert done.code == 0
    assert done.counts["unsettled"] == 1


def test_an_order_below_the_offset_and_unsettled_is_found(
    service: Service, verify: Verify
) -> None:
    event = service.accept(0, 99_00)
    service.publish([event])
    service.commit_all()

    done = verify("--json", "--grace", "0")

    assert done.code == 1
    assert done.rules == {"order_not_settled", "unsettled_below_offset"}


def test_an_event_in_the_outbox_is_given_time(service: Service, verify: Verify) -> None:
    service.accept(0, 99_00)

    young = verify("--json")
    old = verify("--json", "--grace", "0")

    assert (young.code, young.counts["waiting"]) == (0, 1)
    assert old.rules == {"order_not_settled", "event_waits_too_long"}


def test_an_event_that_left_the_outbox_unpublished_is_found(
    service: Service, verify: Verify
) -> None:
    event = service.accept(0, 99_00)
    service.settlements.forget_published([EventRef(event.order_id, 1)])

    done = verify("--json")

    assert done.rules == {"event_not_published"}


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("delete from notifications where order_id = %(id)s", "notice_missing"),
        (
            "delete from order_events where order_id = %(id)s and version = 1",
            "history_has_gap",
        ),
        (
            "delete from order_events where order_id = %(id)s and version = 2",
            "record_without_event",
        ),
        (
            """update order_events set data = data || ' '
               where order_id = %(id)s and version = 2""",
            "record_differs",
        ),
        (
            "update orders set status = 'FAILED' where order_id = %(id)s",
            "order_differs_from_history",
        ),
        (
            """insert into idempotency_keys
               select tenant_id, route, 'another', order_id, fingerprint, created_at
               from idempotency_keys where order_id = %(id)s""",
            "order_has_two_keys",
        ),
        ("delete from orders where order_id = %(id)s", "order_row_missing"),
        (
            "insert into outbox values (%(id)s, 3, 1, now())",
            "outbox_row_without_event",
        ),
        (
            "update orders set total = 200000 where order_id = %(id)s",
            "decision_breaks_limit",
        ),
    ],
)
def test_what_was_tampered_with_is_found(
    accepted: list[OrderEvent], verify: Verify, tamper, statement: str, rule: str
) -> None:
    tamper(statement, accepted[0].order_id)

    done = verify("--json")

    assert done.code == 1
    assert rule in done.rules
    witnesses = json.loads(done.out)["findings"]
    assert {it["order_id"] for it in witnesses} == {accepted[0].order_id}


def test_a_record_that_no_order_stands_behind_is_found(
    service: Service, verify: Verify
) -> None:
    service.send_raw(make_id().encode(), b"{}")

    done = verify("--json")

    assert done.rules == {"record_without_event"}


def test_junk_is_only_wrong_when_it_was_consumed_and_not_kept(
    service: Service, verify: Verify, database_url: str
) -> None:
    service.send_raw(b"junk", b"\xff")
    not_consumed = verify("--json")
    service.commit_all()
    consumed = verify("--json")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "insert into dead_letters (topic, partition, record_offset, fingerprint,"
            " headers, reason, buried_at) values (%s, 0, 0, '', '[]', 'x', now())",
            (service.topic,),
        )
    kept = verify("--json")

    assert not_consumed.code == 0
    assert consumed.rules == {"foreign_record_not_buried"}
    assert (kept.code, kept.counts["dead_letters"]) == (0, 1)


@pytest.mark.usefixtures("accepted")
def test_an_offset_beyond_the_end_is_found(service: Service, verify: Verify) -> None:
    service.commit_all(beyond=1)

    done = verify("--json")

    assert done.violations == {"consumed": PARTITIONS}
    assert done.rules == {"offset_beyond_end"}


def test_a_journal_that_agrees_finds_nothing(
    accepted: list[OrderEvent], verify: Verify, tmp_path: Path
) -> None:
    totals = (99_00, 1000_00, 999_99, 5_00)
    told = [
        acknowledgement(event, number, total)
        for number, (event, total) in enumerate(zip(accepted, totals, strict=True))
    ]
    path = write_journal(tmp_path / "journal", *told)

    done = verify("--journal", path, "--journal-is-complete", "--json")

    assert (done.code, done.counts["operations"]) == (0, 4)


def test_an_acknowledged_order_that_is_gone_is_found(
    accepted: list[OrderEvent], verify: Verify, tmp_path: Path
) -> None:
    told = acknowledgement(accepted[0], 0, 99_00)
    path = write_journal(tmp_path / "journal", replace(told, order_id=make_id()))

    done = verify("--journal", path, "--json")

    assert done.rules == {"acknowledged_order_missing"}


@pytest.mark.usefixtures("accepted")
def test_metrics_are_written(verify: Verify, tmp_path: Path) -> None:
    began = time.time()

    verify("--metrics", str(tmp_path / "orders.prom"))

    lines = (tmp_path / "orders.prom").read_text("ascii").splitlines()
    metrics = dict(line.rsplit(" ", 1) for line in lines if line[0] != "#")
    assert metrics['orders_verify_violations{group="lost"}'] == "0"
    assert metrics["orders_verify_orders"] == "4"
    assert float(metrics["orders_verify_last_run_timestamp_seconds"]) >= began - 1


def test_the_check_leaves_the_group_alone(service: Service, verify: Verify) -> None:
    service.publish([service.accept(0, 99_00)])
    verify()

    consumer = open_consumer(
        consumer_settings(
            service.brokers, "t", GROUP, {}, max_poll_records=1, session_timeout_ms=6000
        )
    )
    try:
        committed = [
            consumer.committed(partition_id(service.topic, number), timeout_ms=5000)
            for number in range(PARTITIONS)
        ]
    finally:
        consumer.close(autocommit=False, timeout_ms=2000)
    assert committed == [None] * PARTITIONS


def test_a_topic_that_is_missing_cannot_be_checked(
    verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_KAFKA__TOPIC", "nowhere")

    codes = [verify().code, verify().code]  # and it is not made by asking

    assert codes == [2, 2]


def test_a_database_that_is_away_cannot_be_checked(
    verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_DATABASE__URL", "postgresql://orders@127.0.0.1:1/orders")

    done = verify()

    assert done.code == 2
    assert done.err.startswith("orders: cannot check: ")


def test_a_journal_that_is_none_cannot_be_checked(
    verify: Verify, tmp_path: Path
) -> None:
    path = tmp_path / "journal"
    path.write_text("nonsense\n")

    done = verify("--journal", str(path))

    assert done.code == 2
    assert "line 1" in done.err


@pytest.mark.usefixtures("verify")
def test_brokers_that_are_away_cannot_be_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ORDERS_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")

    # In a process of its own: the client library leaves a refused socket open.
    done = subprocess.run(
        [sys.executable, "-m", "orders.cli.main", "verify"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("orders: cannot check: Kafka at ")
    assert done.stderr.count("\n") == 1
