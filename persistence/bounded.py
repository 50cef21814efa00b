"""A psycopg connection whose calls end, and that tells what a commit did not reach."""

import select
from typing import TypeVar

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.rows import TupleRow

Value = TypeVar("Value")

_MAX_NOTICE_READS = 8
_POLL_INTERVAL_SECONDS = 0.1
_WAIT_FOR_STANDBY = "SyncRepWaitForLSN"


class BoundedConnection(psycopg.Connection[TupleRow]):
    """Ends each call, even when the server is frozen.

    A call past its time raises ``psycopg.OperationalError``; the connection is in
    the middle of it then and must be closed.

    Attributes:
        call_timeout_seconds: the limit of one call as seen from here.
        backend_pid: the server's process behind this session.

    """

    call_timeout_seconds = 8.0
    backend_pid = 0
    _only_here = False

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

    def watch_commits(self) -> None:
        """Listen for the warning that a commit is not on the synchronous standby."""
        self.add_notice_handler(self._hear)

    def committed_here_only(self) -> bool:
        """Tell, once, whether the wait for the standby was cancelled in a commit.

        PostgreSQL then reports success with a warning: the commit is on this server
        and perhaps on no other one.
        """
        heard, self._only_here = self._only_here, False
        return heard

    def _hear(self, notice: errors.Diagnostic) -> None:
        # The text is translated and has no code of its own; the function stays.
        # https://github.com/postgres/postgres/blob/master/src/backend/replication/syncrep.c
        if notice.source_function == _WAIT_FOR_STANDBY:
            self._only_here = True
