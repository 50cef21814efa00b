"""What the kernel says of a process: memory, CPU time, descriptors, threads."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

_MIB = 1 << 20
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """One look at a process; Linux only."""

    rss_mib: float
    cpu_seconds: float
    descriptors: int
    threads: int


def usage_of(pid: int) -> Usage:
    """Look at a process of our own.

    Raises:
        OSError: it has ended, or there is no /proc.

    """
    folder = Path("/proc") / str(pid)
    pages = int((folder / "statm").read_text("ascii").split()[1])
    threads = list((folder / "task").iterdir())
    # In nanoseconds for each thread that lives; /proc/<pid>/stat counts 10 ms ticks.
    busy = sum(int((it / "schedstat").read_text("ascii").split()[0]) for it in threads)
    return Usage(
        pages * os.sysconf("SC_PAGE_SIZE") / _MIB,
        busy / _NANOSECONDS,
        len(list((folder / "fd").iterdir())),
        len(threads),
    )


def status_of(port: int, path: str, method: str = "GET") -> int:
    """Return the status of a request without a body, 0 where nobody answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path)
        return connection.getresponse().status
    except (OSError, HTTPException):  # not there, or not yet
        return 0
    finally:
        connection.close()


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait until ``condition`` holds; return the seconds that took.

    Raises:
        TimeoutError: it does not come to hold.

    """
    began = time.perf_counter()
    while not condition():
        if time.perf_counter() - began > seconds:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.02)
    return time.perf_counter() - began
