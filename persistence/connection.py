"""One connection as this service wants it: bounded in time, aimed at the primary.

Nothing waits for ever: connecting, a statement, a lock and an idle transaction are
limited by libpq and the server, and every call by a clock of our own, because a
frozen server keeps none of its own limits.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import conninfo
from psycopg.types.string import TextLoader

from orders.persistence.address import read_address
from orders.persistence.bounded import BoundedConnection
from orders.persistence.dialing import dial
from orders.persistence.moments import MomentLoader
from orders.persistence.session_settings import given_settings, settle

_TEXT_TYPES = ("uuid", "json")
"""Taken as the text they arrive as: ids are texts in Python, JSON has its decoder."""

_SERVER_SPEAKS_FIRST_SECONDS = 3.0
_NAME_SECONDS = 2.0
_LONGEST_DIAL_SECONDS = 4.5
"""The shortest silence that an actor can be replaced for is 5 s."""

_LIBPQ: dict[str, str | int | None] = {
    "target_session_attrs": "read-write",
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "client_encoding": "UTF8",
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

    def dial(self, hosts: int) -> float:
        """One wait for a connection; a late one is taken up by the next call."""
        return min(self.connect * hosts + _NAME_SECONDS, _LONGEST_DIAL_SECONDS)

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
        UnsuitableServerError: the URL or the server cannot be worked with.
        psycopg.Error: no server answered in time, or none that takes writes.

    """
    given = read_address(url)
    # Empty, so that libpq does not take them from the environment either.
    options = str(given.pop("options", None) or os.environ.get("PGOPTIONS", ""))
    session = {**limits.for_server(), **settings, **given_settings(options)}
    ours = {**_LIBPQ, **limits.for_libpq(), "application_name": application_name}
    target = conninfo.make_conninfo("", **{**ours, **given, "options": ""})
    hosts = str(given.get("hostaddr") or given.get("host") or "").count(",") + 1

    def open_one() -> BoundedConnection:
        return BoundedConnection.connect(target, autocommit=True)

    connection = dial(target, open_one, limits.dial(hosts))
    try:
        connection.call_timeout_seconds = call_timeout_seconds
        connection.watch_commits()
        settle(connection, session)
    except BaseException:
        connection.close()
        raise
    for name in _TEXT_TYPES:
        connection.adapters.register_loader(name, TextLoader)
    connection.adapters.register_loader("timestamptz", MomentLoader)
    return connection


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
