"""The stack lives and dies with the process that wanted it."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orders.devstack.processes import command_line
from orders.devstack.stack import EmbeddedStack

pytestmark = pytest.mark.integration

WaitUntil = Callable[[Callable[[], bool], float], None]

SECOND_START_SECONDS = 6.0


def test_the_second_start_is_fast(server_directory: Path) -> None:
    directory = server_directory / "twice"
    with EmbeddedStack(directory):
        pass

    begun = time.monotonic()
    with EmbeddedStack(directory):
        seconds = time.monotonic() - begun

    assert seconds < SECOND_START_SECONDS


def test_ctrl_c_in_the_terminal_does_not_reach_the_servers(
    server_directory: Path,
) -> None:
    with EmbeddedStack(server_directory / "sessions") as stack:
        groups = {os.getpgid(stack.postgres.pid), os.getpgid(stack.kafka.pid)}

    assert os.getpgrp() not in groups


def test_nothing_is_left_after_a_stop(server_directory: Path) -> None:
    directory = server_directory / "stopped"

    with EmbeddedStack(directory) as stack:
        pids = [stack.postgres.pid, stack.kafka.pid]

    assert [command_line(pid) for pid in pids] == ["", ""]


def test_nothing_is_left_after_a_kill(
    server_directory: Path, wait_until: WaitUntil
) -> None:
    script = textwrap.dedent("""
        import pathlib, signal, sys
        from orders.devstack.stack import EmbeddedStack
        stack = EmbeddedStack(pathlib.Path(sys.argv[1]))
        stack.start()
        print(stack.postgres.pid, stack.kafka.pid, flush=True)
        signal.pause()
    """)
    command = [sys.executable, "-c", script, str(server_directory / "killed")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pids = [int(word) for word in starter.stdout.readline().split()]

        starter.kill()

    assert len(pids) == 2
    wait_until(lambda: not any(command_line(pid) for pid in pids), 15)
