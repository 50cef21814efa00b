from pathlib import Path

import pytest

from orders.cli.demo.node import NodeLog


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "server.log"
    file.touch()
    return file


def test_lines_for_people_are_passed_on_once(file: Path) -> None:
    log = NodeLog(file)
    file.write_text("starting Kafka\n")
    first = list(log.read_new())

    assert first == ["starting Kafka"]
    assert list(log.read_new()) == []


def test_a_line_is_read_when_it_is_whole(file: Path) -> None:
    log = NodeLog(file)
    file.write_text("starting ")
    half = list(log.read_new())
    file.write_text("starting Kafka\n")

    assert half == []
    assert list(log.read_new()) == ["starting Kafka"]


def test_the_address_is_taken_from_the_event(file: Path) -> None:
    log = NodeLog(file)
    file.write_text(
        '{"event":"database.migrated"}\n'
        '{"event":"node.started","api":"http://127.0.0.1:4"}\n{torn\n'
    )

    assert list(log.read_new()) == []
    assert log.api == "http://127.0.0.1:4"
    assert not log.has_invited


def test_the_invitation_ends_what_is_passed_on(file: Path) -> None:
    log = NodeLog(file)
    file.write_text("starting Kafka\n\nReady. Try:\n\n  curl\n")

    assert list(log.read_new()) == ["starting Kafka"]
    assert log.has_invited
