"""A directory has one owner."""

import os
from pathlib import Path

import pytest

from orders.devstack.errors import DevstackError
from orders.devstack.lock import DirectoryLock


def test_a_second_owner_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    first = DirectoryLock(tmp_path)
    first.acquire()

    with pytest.raises(
        DevstackError, match=f"in use by process {os.getpid()};.*_DATA_DIR"
    ):
        DirectoryLock(tmp_path).acquire()

    first.release()


def test_a_released_directory_can_be_taken(tmp_path: Path) -> None:
    first, second = DirectoryLock(tmp_path), DirectoryLock(tmp_path)
    first.acquire()
    first.release()

    second.acquire()

    second.release()


def test_the_owner_may_ask_again(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    lock.acquire()

    lock.acquire()

    lock.release()


def test_a_missing_directory_is_made(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path / "new" / "data")

    lock.acquire()
    lock.release()

    assert (tmp_path / "new" / "data").is_dir()
