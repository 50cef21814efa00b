"""The embedded PostgreSQL keeps what it promised, however it ends."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from orders.devstack.errors import DevstackError
from orders.devstack.postgres import EmbeddedPostgres
from orders.devstack.processes import command_line

pytestmark = pytest.mark.integration

WaitUntil = Callable[[Callable[[], bool], float], None]


@pytest.fixture
def server(server_directory: Path) -> Iterator[EmbeddedPostgres]:
    directory = Path(tempfile.mkdtemp(dir=server_directory))
    with EmbeddedPostgres(directory) as running:
        yield running


def test_the_database_orders_exists_and_is_version_18(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url) as connection:
        version = connection.info.server_version

    assert version // 10_000 == 18


@pytest.mark.parametrize("name", ["fsync", "full_page_writes", "synchronous_commit"])
def test_durable_settings_are_on(server: EmbeddedPostgres, name: str) -> None:
    with psycopg.connect(server.url) as connection:
        row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()

    assert row == ("on",)


def test_it_listens_on_the_loopback_only(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(
            "SELECT current_setting('listen_addresses'),"
            " current_setting('unix_socket_directories')"
        ).fetchone()

    assert row == ("127.0.0.1", "")


def test_starting_a_running_server_changes_nothing(server: EmbeddedPostgres) -> None:
    pid = server.pid

    server.start()

    assert server.pid == pid


def test_a_restart_has_the_same_address_and_data(server: EmbeddedPostgres) -> None:
    url = server.url
    _write(url, 1)

    server.stop()
    server.start()

    assert server.url == url
    assert _count(url) == 1


def test_committed_rows_outlive_repeated_kills(server: EmbeddedPostgres) -> None:
    for round_number in range(1, 6):
        _write(server.url, round_number)

        server.kill()
        server.start()

        assert _count(server.url) == round_number


def test_a_copy_brings_back_what_there_was(server: EmbeddedPostgres) -> None:
    server.stop()
    server.copy_data()  # in vain: the next one takes its place
    server.start()
    _write(server.url, 1)
    server.stop()
    copy = server.copy_data()
    server.start()
    _write(server.url, 2)
    server.stop()

    server.put_back(copy)
    server.start()

    assert _count(server.url) == 1


def test_a_running_server_is_not_copied(server: EmbeddedPostgres) -> None:
    with pytest.raises(DevstackError, match="runs"):
        server.copy_data()

    with pytest.raises(DevstackError, match="runs"):
        server.put_back(server._directory / "copy")


def test_a_crashed_servers_pid_may_belong_to_another_one(
    server: EmbeddedPostgres, postgres_server: EmbeddedPostgres
) -> None:
    other = postgres_server.pid
    server.kill()
    left = server._postmaster_file.read_text().splitlines()
    server._postmaster_file.write_text("\n".join([str(other), *left[1:]]) + "\n")

    server.start()

    assert server.pid != other
    assert command_line(other) != ""


def test_a_failed_start_shows_the_servers_log(server_directory: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = EmbeddedPostgres(server_directory / "refused", port)

        with pytest.raises(DevstackError, match="could not bind"):
            server.start()


def test_a_data_directory_has_one_owner(server: EmbeddedPostgres) -> None:
    other = EmbeddedPostgres(server._directory)

    with pytest.raises(DevstackError, match=f"in use by process {os.getpid()}"):
        other.start()


def test_no_server_outlives_a_killed_starter(
    server_directory: Path, wait_until: WaitUntil
) -> None:
    starter, pid = _start_elsewhere(server_directory / "orphan")

    starter.kill()
    starter.communicate()

    wait_until(lambda: command_line(pid) == "", 15)


def test_a_start_ends_the_server_of_a_killed_starter(server_directory: Path) -> None:
    directory = server_directory / "leftover"
    starter, pid = _start_elsewhere(directory)
    guard = _child_of(starter.pid, "guard.py")
    os.kill(guard, signal.SIGKILL)
    starter.kill()
    starter.communicate()

    with EmbeddedPostgres(directory) as server:
        _write(server.url, 1)

        assert server.pid != pid
        assert command_line(pid) == ""


def _write(url: str, number: int) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        connection.execute("INSERT INTO kept VALUES (%s)", (number,))


def _count(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def _start_elsewhere(directory: Path) -> tuple[subprocess.Popen[str], int]:
    """Start a server from another process, which then waits for ever."""
    script = textwrap.dedent("""
        import pathlib, signal, sys
        from orders.devstack.postgres import EmbeddedPostgres
        server = EmbeddedPostgres(pathlib.Path(sys.argv[1]))
        server.start()
        print(server.pid, flush=True)
        signal.pause()
    """)
    starter = subprocess.Popen(
        [sys.executable, "-c", script, str(directory)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    return starter, int(starter.stdout.readline())


def _child_of(parent: int, mark: str) -> int:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    for child in map(int, children):
        if mark in Path(f"/proc/{child}/cmdline").read_text():
            return child
    raise AssertionError(f"no child of {parent} runs {mark}")
