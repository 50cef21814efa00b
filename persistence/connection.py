"""One connection as this service wants it: bounded in time, aimed at the primary.

Nothing waits for ever: connecting, a statement, a lock and an idle transaction are
limited by libpq and the server, and every call by a clock of our own, because a
frozen server keeps none of its own limits.
"""

import select
from collections.abc import Mapping
from typing import TypeVar

import psycopg
from psycopg import conninfo
from psycopg.abc import PQGen
from psycopg.rows import TupleRow
from psycopg.types.string import TextLoader

Value = TypeVar("Value")

CONNECT_TIMEOUT_SECONDS = 2
"""For each host of the URL; 2 is the least that libpq takes."""

_TEXT_TYPES = ("uuid", "json")
"""Taken as the text they arrive as: ids are texts in Python, JSON has its decoder."""

_MAX_NOTICE_READS = 8
_POLL_INTERVAL_SECONDS = 0.1

_LIBPQ: dict[str, str | int | None] = {
    "target_session_attrs": "read-write",
    "connect_timeout": CONNECT_TIMEOUT_SECONDS,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,  # milliseconds
    "client_encoding": "UTF8",
}
# https://www.postgresql.org/docs/current/runtime-config-client.html
_SERVER = {
    "timezone": "UTC",
    "search_path": "public",
    "statement_timeout": "5s",
    "lock_timeout": "1s",
    "idle_in_transaction_session_timeout": "10s",
    # Plans must not depend on what a table held when they were first made.
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
}


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
    call_timeout_seconds: float,
) -> BoundedConnection:
    """Open a connection in autocommit mode.

    Args:
        url: a libpq URL or key-value string; its own parameters win over ours.
        application_name: shown in ``pg_stat_activity``.
        settings: server settings of this session, over the common ones.
        call_timeout_seconds: limit of one call as seen from here.

    Raises:
        psycopg.Error: no server answered, or none that takes writes.

    """
    given = conninfo.conninfo_to_dict(url)
    parameters = {**_LIBPQ, "application_name": application_name, **given}
    parameters["options"] = _options({**_SERVER, **settings}, given.get("options"))
    connection = BoundedConnection.connect(
        conninfo.make_conninfo("", **parameters), autocommit=True
    )
    connection.call_timeout_seconds = call_timeout_seconds
    for name in _TEXT_TYPES:
        connection.adapters.register_loader(name, TextLoader)
    return connection


def _options(settings: Mapping[str, str], given: str | int | None) -> str:
    """Return libpq's ``options``: what stands last wins."""
    ours = (f"-c {name}={value}" for name, value in settings.items())
    return " ".join((*ours, str(given or ""))).strip()
