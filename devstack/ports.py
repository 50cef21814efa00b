"""Loopback ports that stay the same over restarts."""

import random
import socket
from pathlib import Path

from orders.devstack.errors import DevstackError

LOOPBACK = "127.0.0.1"

# Below the ranges that Linux (32768) and macOS (49152) hand to outgoing
# connections: a client that retries while the server is down must not be given
# the server's own port as its local one.
_CANDIDATES = range(20000, 32000)
_ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Tell whether a server could listen on ``port`` of the loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose_free() -> int:
    """Return a port that nothing listens on.

    Raises:
        DevstackError: none was found in a bounded number of tries.

    """
    for port in random.sample(_CANDIDATES, _ATTEMPTS):
        if is_free(port):
            return port
    raise DevstackError(f"no free port among {_ATTEMPTS} tried on {LOOPBACK}")


def remembered(file: Path) -> int:
    """Return the port kept in ``file``, or choose one and keep it there.

    A kept port that something else took in the meantime is replaced.
    """
    if file.exists():
        port = int(file.read_text("ascii"))
        if is_free(port):
            return port
    port = choose_free()
    file.write_text(str(port), "ascii")
    return port
