"""The commands that ask Kafka, against a real one."""

import json
import subprocess
import sys
from collections.abc import Callable

import psycopg
import pytest

from orders.cli.main import main
from orders.devstack.kafka import EmbeddedKafka

pytestmark = pytest.mark.integration

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def orders(
    database_url: str,
    kafka_server: EmbeddedKafka,
    topic: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys,
) -> Run:
    monkeypatch.setenv("ORDERS_DATABASE__URL", database_url)
    brokers = kafka_server.bootstrap_servers
    monkeypatch.setenv("ORDERS_KAFKA__BOOTSTRAP_SERVERS", brokers)
    monkeypatch.setenv("ORDERS_KAFKA__TOPIC", topic)
    monkeypatch.setenv("ORDERS_KAFKA__PARTITIONS", "3")

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["orders", *words])
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0), *capsys.readouterr()

    return run


def test_looking_at_a_topic_does_not_make_it(orders: Run, topic: str) -> None:
    first, _, err = orders("topics")
    second, _, _ = orders("topics")

    assert (first, second) == (1, 1)
    assert f"there is no topic {topic}" in err


def test_a_topic_is_made_on_demand_and_shown(orders: Run, topic: str) -> None:
    _, made, _ = orders("topics", "--create", "--json")
    code, shown, _ = orders("topics", "--json")

    assert code == 0
    assert (json.loads(made)["created"], json.loads(shown)["created"]) == (True, False)
    partitions = json.loads(shown)["partitions"]
    assert [it["partition"] for it in partitions] == [0, 1, 2]
    assert all(it["replicas"] == it["in_sync"] == [1] for it in partitions)


def test_a_topic_unlike_the_settings_is_a_problem(
    orders: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders("topics", "--create")
    monkeypatch.setenv("ORDERS_KAFKA__PARTITIONS", "4")

    _, shown, _ = orders("topics")
    code, checked, _ = orders("check")

    assert "problem: it has 3 partitions" in shown
    assert code == 1
    assert "FAILED  topic" in checked


def test_the_check_is_good_where_a_node_could_serve(orders: Run) -> None:
    code, out, _ = orders("check", "--json")

    findings = json.loads(out)
    assert code == 0
    assert [it["what"] for it in findings] == [
        *(
            "settings",
            "postgresql",
            "durability",
            "connections",
            "schema",
            "kafka",
            "topic",
        )
    ]
    assert all(it["ok"] for it in findings)


def test_the_check_goes_on_after_a_part_that_is_away(
    orders: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERS_DATABASE__URL", "postgresql://orders@127.0.0.1:1/orders")

    code, out, _ = orders("check", "--json")

    assert code == 1
    assert {it["what"]: it["ok"] for it in json.loads(out)} == {
        "settings": True,
        "postgresql": False,
        "kafka": True,
        "topic": True,
    }


def test_the_check_finds_a_schema_that_is_behind(
    orders: Run, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("delete from schema_migrations where name like '0006%'")

    code, out, _ = orders("check")

    assert code == 1
    assert "lacks 0006_sweep.sql" in out


@pytest.mark.usefixtures("orders")
def test_brokers_that_are_away_are_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ORDERS_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")

    # In a process of its own: the client library leaves a refused socket open.
    done = subprocess.run(
        [sys.executable, "-m", "orders.cli.main", "topics"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("orders: Kafka at 127.0.0.1:1 refuses")
    assert done.stderr.count("\n") == 1
