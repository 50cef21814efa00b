"""Looking at and ending processes of an earlier run."""

import os
import signal
import subprocess
from pathlib import Path

from orders.devstack.deadline import wait_until
from orders.devstack.errors import DevstackError

_POLITE_SECONDS = 10.0
_KILL_SECONDS = 5.0


def command_line(pid: int) -> str:
    """Return the command line of ``pid``; empty when it is gone or a zombie."""
    if Path("/proc/self").exists():
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        return raw.replace(b"\0", b" ").decode("utf-8", "replace")
    listing = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)],  # noqa: S607 - found by PATH
        capture_output=True,
        text=True,
        check=False,
    )
    return listing.stdout


def end_leftover(pid: int, mark: str, polite: signal.Signals) -> None:
    """End ``pid`` if it still runs a command that contains ``mark``.

    ``mark`` is the data directory: a pid that went to another program in the
    meantime is left alone.

    Raises:
        DevstackError: the process does not go away.

    """

    def is_gone() -> bool:
        return mark not in command_line(pid)

    for chosen, seconds in (
        (polite, _POLITE_SECONDS),
        (signal.SIGKILL, _KILL_SECONDS),
    ):
        if is_gone():
            return
        try:
            os.kill(pid, chosen)
        except ProcessLookupError:
            return
        if wait_until(is_gone, seconds):
            return
    raise DevstackError(f"process {pid} of an earlier run does not end ({mark})")


def children_of(pid: int) -> list[int]:
    """Return the process ids of the children of ``pid``, on Linux."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text("ascii").split()]
