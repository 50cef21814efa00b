"""``orders load`` against the running service, with the checker's verdict."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.acceptance

SECONDS = 120


def load(node, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "orders.cli.main", "load", "--url", node.url]
    return subprocess.run(
        [*command, "--json", *words],
        env=node.environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_a_load_of_every_kind_ends_with_the_verdict_that_nothing_was_lost(node) -> None:
    done = load(node, "--rate", "100", "--duration", "3")

    assert done.returncode == 0, done.stderr + done.stdout
    told = json.loads(done.stdout)
    assert told["checked"]["ok"]
    assert told["accepted"] + told["read"] == told["sent"] == 300
    assert told["latency_ms"].keys() == {"order", "wait", "older", "read"}


def test_an_order_that_vanished_from_the_database_is_noticed(node, tmp_path) -> None:
    import psycopg  # noqa: PLC0415 - this test alone takes something away

    journal = tmp_path / "journal.jsonl"
    words = ("--rate", "50", "--duration", "1", "--mix", "order=1")
    load(node, *words, "--journal", str(journal), "--no-check")
    with psycopg.connect(node.environment["ORDERS_DATABASE__URL"]) as connection:
        connection.execute(
            "delete from orders where order_id = "
            "(select order_id from orders order by order_id desc limit 1)"
        )

    done = load(node, *words, "--journal", str(journal))

    assert done.returncode == 1
    assert json.loads(done.stdout)["checked"]["violations"]["lost"] >= 1
