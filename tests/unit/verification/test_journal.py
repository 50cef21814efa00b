import json
import threading
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from orders.verification.journal import (
    JournalError,
    JournalWriter,
    Operation,
    Outcome,
    order_fingerprint,
    read_journal,
)

OPERATION = Operation(
    *("create", 3, "key", "/v1/orders", "ab", 1.5, 2.5, Outcome.OK, 202),
    *("018f0000-0000-7000-8000-000000000001", 1, "PENDING", "PENDING"),
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    operations = [OPERATION, replace(OPERATION, kind="read", key=None)]

    with JournalWriter(tmp_path / "journal") as journal:
        for operation in operations:
            journal.write(operation)

    assert list(read_journal(tmp_path / "journal")) == operations


def test_a_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with JournalWriter(path) as journal:
        journal.write(OPERATION)
        journal.write(OPERATION)
    path.write_bytes(path.read_bytes()[:-5])

    assert list(read_journal(path)) == [OPERATION]


def test_a_journal_with_a_torn_line_is_written_on(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with JournalWriter(path) as journal:
        journal.write(OPERATION)
    path.write_bytes(path.read_bytes() + b'{"kind":"cre')

    with JournalWriter(path) as journal:
        journal.write(OPERATION)

    assert list(read_journal(path)) == [OPERATION, OPERATION]


def test_a_long_journal_is_written_on(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with JournalWriter(path) as journal:
        for _ in range(400):
            journal.write(OPERATION)
    path.write_bytes(path.read_bytes() + b'{"kind":"cre')
    assert path.stat().st_size > 65_536

    with JournalWriter(path) as journal:
        journal.write(OPERATION)

    assert list(read_journal(path)) == [OPERATION] * 401


def test_what_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(bytes(70_000))

    with pytest.raises(JournalError, match="does not consist of lines"):
        JournalWriter(path)

    assert path.stat().st_size == 70_000


@pytest.mark.parametrize("line", ["nonsense", "[]", "{}", '{"outcome":"perhaps"}'])
def test_a_line_that_is_no_operation_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "journal"
    path.write_text(f"{line}\n")

    with pytest.raises(JournalError, match="line 1 is not an operation"):
        list(read_journal(path))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("order_id", ["x"]),
        ("kind", "update"),
        ("client", "0"),
        ("key", {}),
        ("fingerprint", None),
        ("ended", "1.0"),
        ("version", 1.5),
        ("status", 7),
    ],
)
def test_a_field_that_is_something_else_is_named(
    tmp_path: Path, field: str, value: object
) -> None:
    path = tmp_path / "journal"
    lines = [asdict(OPERATION), asdict(OPERATION) | {field: value}]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))

    with pytest.raises(JournalError, match=f"journal, line 2 .*: {field} is "):
        list(read_journal(path))


def test_what_was_synced_can_be_read_at_once(tmp_path: Path) -> None:
    with JournalWriter(tmp_path / "journal") as journal:
        journal.write(OPERATION)
        journal.sync()

        assert list(read_journal(tmp_path / "journal")) == [OPERATION]


def test_a_sync_covers_what_other_threads_wrote(tmp_path: Path, monkeypatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    with JournalWriter(tmp_path / "journal") as journal:
        threads = [
            threading.Thread(target=journal.write, args=(OPERATION,)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        journal.sync()
        journal.sync()

        assert len(synced) == 1
    assert len(list(read_journal(tmp_path / "journal"))) == 8


@pytest.mark.parametrize(
    "other",
    [
        (8, "EUR", 100, [(3, 1, 100)], "a"),
        (7, "USD", 100, [(3, 1, 100)], "a"),
        (7, "EUR", 101, [(3, 1, 100)], "a"),
        (7, "EUR", 100, [(3, 2, 100)], "a"),
        (7, "EUR", 100, [(3, 1, 100)], "b"),
        (7, "EUR", 100, [(3, 1, 100)], None),
    ],
)
def test_any_other_body_has_another_fingerprint(other) -> None:
    same = order_fingerprint(7, "EUR", 100, [(3, 1, 100)], "a")

    assert same == order_fingerprint(7, "EUR", 100, ((3, 1, 100),), "a")
    assert same != order_fingerprint(*other)
