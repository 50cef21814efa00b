"""Ends a server when the process that started it is gone, however it went.

Runs as a process of its own, as a script and with the standard library alone:

    python -I -S guard.py <pid> <signal> <grace seconds>

Its standard input is a pipe from the starter. A byte on it says that the server
was stopped in good order. End of file without one means that the starter died,
``kill -9`` included: the server gets the signal, and SIGKILL after the grace.
"""

import os
import select
import signal
import sys


def watch(server: int, polite: int, grace_seconds: float) -> None:
    """Block until the starter is done or gone; in the second case end ``server``."""
    # Opened while the server is surely alive: a reused pid is never signalled.
    server_fd = os.pidfd_open(server) if hasattr(os, "pidfd_open") else None
    if os.read(sys.stdin.fileno(), 1):
        return
    if server_fd is None:
        os.kill(server, polite)
        return
    signal.pidfd_send_signal(server_fd, polite)
    exited, _, _ = select.select([server_fd], [], [], grace_seconds)
    if not exited:
        signal.pidfd_send_signal(server_fd, signal.SIGKILL)


if __name__ == "__main__":
    try:
        watch(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
    except ProcessLookupError:
        sys.exit(0)  # the server ended by itself
