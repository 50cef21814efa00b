"""Takes resources away from running processes, by their limits."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orders.devstack.processes import children_of

_OPTIONS = {
    resource.RLIMIT_AS: "as",
    resource.RLIMIT_FSIZE: "fsize",
    resource.RLIMIT_NOFILE: "nofile",
}
_LINES = {
    resource.RLIMIT_AS: "Max address space",
    resource.RLIMIT_FSIZE: "Max file size",
    resource.RLIMIT_NOFILE: "Max open files",
}


class NotLimitedError(Exception):
    """The system did not take the limit, so that the fault would not happen."""


@contextmanager
def limited(pid: int, kind: int, most: int) -> Iterator[None]:
    """Hold a process and its children to a soft limit, and lift it again.

    Children that it has meanwhile inherit the limit, and are freed of it too. What
    has ended by then is left alone.

    Args:
        pid: the process.
        kind: one of ``resource.RLIMIT_...``.
        most: the limit, in the unit of its kind.

    Raises:
        NotLimitedError: the process runs on without the limit.

    """
    before, _ = resource.getrlimit(kind)  # servers and nodes inherit ours
    try:
        _limit(pid, kind, most)
        if (seen := soft_limit(pid, kind)) not in {None, str(most)}:
            raise NotLimitedError(f"process {pid}: {_LINES[kind]} is {seen}")
        yield
    finally:
        _limit(pid, kind, before)


def soft_limit(pid: int, kind: int) -> str | None:
    """Return a limit of a process as the kernel tells it; None where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/limits").read_text("ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    [line] = [line for line in lines if line.startswith(_LINES[kind])]
    return line.removeprefix(_LINES[kind]).split()[0]


def _limit(pid: int, kind: int, most: int) -> None:
    for each in (pid, *_children(pid)):
        try:
            owner = Path(f"/proc/{each}").stat()
            if owner.st_uid == os.getuid():
                _, hard = resource.prlimit(each, kind)
                resource.prlimit(each, kind, (most, hard))
            else:
                _limit_as(owner.st_uid, owner.st_gid, each, kind, most)
        except (ProcessLookupError, FileNotFoundError):
            continue


def _limit_as(uid: int, gid: int, pid: int, kind: int, most: int) -> None:
    """Set a limit in its owner's name: root itself may lack the right to."""
    subprocess.run(
        ["prlimit", "--pid", str(pid), f"--{_OPTIONS[kind]}={most}:"],  # noqa: S607 - found by PATH
        user=uid,
        group=gid,
        extra_groups=[],
        cwd="/",
        check=False,  # it may have ended meanwhile
        capture_output=True,
    )


def _children(pid: int) -> list[int]:
    try:
        return children_of(pid)
    except FileNotFoundError:
        return []
