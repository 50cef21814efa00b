"""One connection as this service wants it: bounded in time, aimed at the primary.

Nothing waits for ever: connecting, a statement, a lock and an idle transaction are
limited by libpq and the server, and every call by a clock of our own, because a
frozen server keeps none of its own limits.
"""

import select
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import psycopg
from psycopg import conninfo
from psycopg.abc import PQGen
from psycopg.rows import TupleRow
from psycopg.types.string import TextLoader

from orders.persistence.address import read_address
from orders.persistence.moments import MomentLoader

Value = TypeVar("Value")

_TEXT_TYPES = ("uuid", "json")
"""Taken as the text they arrive as: ids are texts in Python, JSON has its decoder."""

_MAX_NOTICE_READS = 8
_POLL_INTERVAL_SECONDS = 0.1
_SERVER_SPEAKS_FIRST_SECONDS = 3.0

_LIBPQ: dict[str, str | int | None] = {
    "target_session_attrs": "read-write",
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "client_encoding": "UTF8",
}
# https://www.postgresql.org/docs/current/runtime-config-client.html
_SERVER = {
    "timezone": "UTC",
    "search_path": "public",
    # Plans must not depend on what a table held when they were first made.
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session waits for what; all in seconds, none of them endless.

    Attributes:
        connect: for each host of the URL; 2 is the least that libpq takes.
        statement: the server's time for one statement.
        lock: the wait for a row that another transaction holds.
        idle_in_transaction: a transaction left open for longer is ended.
        tcp_user: a server that acknowledges nothing for longer is given up.

    """

    connect: int = 2
    statement: float = 5.0
    lock: float = 1.0
    idle_in_transaction: float = 10.0
    tcp_user: float = 5.0

    @property
    def call(self) -> float:
        """One call as seen from here: the server is to speak first."""
        return self.statement + _SERVER_SPEAKS_FIRST_SECONDS

    def for_libpq(self) -> dict[str, int]:
        """Return the connection's parameters."""
        return {
            "connect_timeout": self.connect,
            "tcp_user_timeout": _milliseconds(self.tcp_user),
        }

    def for_server(self) -> dict[str, str]:
        """Return the session's settings."""
        limits = {
            "statement_timeout": self.statement,
            "lock_timeout": self.lock,
            "idle_in_transaction_session_timeout": self.idle_in_transaction,
        }
        return {name: f"{_milliseconds(value)}ms" for name, value in limits.items()}


class BoundedConnection(psycopg.Connection[TupleRow]):
    """A psycopg connection whose calls end, even when the server is frozen.

    A call past its time raises ``psycopg.OperationalError``; the connection is in
    the middle of it then and must be closed.
    """

    call_timeout_seconds = 8.0

    def wait(
        self,
        gen: PQGen[Value],
        interval: float = _POLL_INTERVAL_SECONDS,
        timeout: float | None = None,
    ) -> Value:
        """Drive one call; every call of psycopg to the server comes through here."""
        limit = self.call_timeout_seconds if timeout is None else timeout
        return super().wait(gen, interval, limit)

    def lost(self) -> bool:
        """Tell, without waiting, whether the server has hung up since the last call.

        So a statement is not sent into a connection that died while it was idle,
        and its outcome does not become unknown.
        """
        ready = select.poll()
        ready.register(self.fileno(), select.POLLIN)
        # Readable means notices or the end; reading notices leaves it unreadable.
        for _ in range(_MAX_NOTICE_READS):
            if not ready.poll(0):
                return False
            try:
                self.pgconn.consume_input()
            except psycopg.OperationalError:
                return True
        return True


def connect(
    url: str,
    *,
    application_name: str,
    settings: Mapping[str, str],
    limits: SessionLimits,
    call_timeout_seconds: float,
) -> BoundedConnection:
    """Open a connection in autocommit mode.

    Args:
        url: a libpq URL or key-value string; its own parameters win over ours.
        application_name: shown in ``pg_stat_activity``.
        settings: server settings of this session, over the common ones.
        limits: what the server and libpq are to keep.
        call_timeout_seconds: limit of one call as seen from here.

    Raises:
        psycopg.Error: no server answered, or none that takes writes.

    """
    given = read_address(url)
    ours = {**_LIBPQ, **limits.for_libpq(), "application_name": application_name}
    parameters = {**ours, **given}
    server = {**_SERVER, **limits.for_server(), **settings}
    parameters["options"] = _options(server, given.get("options"))
    connection = BoundedConnection.connect(
        conninfo.make_conninfo("", **parameters), autocommit=True
    )
    connection.call_timeout_seconds = call_timeout_seconds
    for name in _TEXT_TYPES:
        connection.adapters.register_loader(name, TextLoader)
    connection.adapters.register_loader("timestamptz", MomentLoader)
    return connection


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _options(settings: Mapping[str, str], given: str | int | None) -> str:
    """Return libpq's ``options``: what stands last wins."""
    ours = (f"-c {name}={value}" for name, value in settings.items())
    return " ".join((*ours, str(given or ""))).strip()
