"""How many clients fit into the open files that this process may have."""

import resource
from typing import NamedTuple

from orders.actors.ports import Log

_OWN = 96
"""Listeners, logs, sessions of PostgreSQL, operators; a third of it is used idly."""
_PER_CONSUMER = 16
"""A connection to each broker, and what wakes it."""
_REFUSAL_ROOM = 256
_LEAST = 32


class ClientRoom(NamedTuple):
    """Connections of clients: served at once, and above that told to come again."""

    served: int
    refused: int


def room_for_clients(wanted: int, consumers: int, log: Log) -> ClientRoom:
    """Raise the soft limit of open files for ``wanted`` clients, as far as it goes.

    Where the hard limit is lower, fewer are served, so that the next one is answered
    503 and does not wait for an answer without end; that is logged.

    Raises:
        OSError: the limit leaves no room for clients.

    """
    own = _OWN + _PER_CONSUMER * consumers
    limit = _raise_limit(own + wanted + _REFUSAL_ROOM)
    free = limit - own
    if free >= wanted + _REFUSAL_ROOM:
        return ClientRoom(wanted, _REFUSAL_ROOM)
    if free < _LEAST:
        raise OSError(
            f"this process may open {limit} files, and needs {own + _LEAST} at least: "
            "raise the hard limit (ulimit -n, LimitNOFILE of systemd)"
        )
    refused = min(_REFUSAL_ROOM, free // 4)
    room = ClientRoom(min(wanted, free - refused), refused)
    if room.served < wanted:
        log.warning(
            "http.connections_limited", count=room.served, wanted=wanted, files=limit
        )
    return room


def _raise_limit(wanted: int) -> int:
    """Return the soft limit of open files, after raising it to ``wanted`` if it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    best = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if best > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (best, hard))
    return max(soft, best)
