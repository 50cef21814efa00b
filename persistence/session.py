"""One actor's own way into PostgreSQL."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TypeVar

import psycopg
from psycopg import RawCursor
from psycopg.rows import args_row

from orders.domain.errors import DatabaseUnavailableError
from orders.persistence.bounded import BoundedConnection
from orders.persistence.connection import SessionLimits, connect
from orders.persistence.failures import (
    ends_connection,
    translate,
    wants_another_server,
)
from orders.persistence.statements import Statement, Statements

Row = TypeVar("Row")

_LIMITS = SessionLimits()

_BEGIN = Statement("begin", b"begin")
_COMMIT = Statement("commit", b"commit")
_ROLLBACK = Statement("rollback", b"rollback")
_SAVEPOINT = Statement("savepoint", b"savepoint part")
_RELEASE = Statement("release", b"release savepoint part")
_ROLLBACK_PART = Statement("rollback_part", b"rollback to savepoint part")


class Session:
    """One connection, made when it is first needed and again when it was lost.

    Owned by one thread at a time. Every statement is prepared and commits by
    itself, except inside ``transaction``. Every method raises:

    - ``DatabaseUnavailableError``: PostgreSQL is away, refuses or is too slow;
      ``outcome_unknown`` is True when a commit was under way. The next call tries
      again with a new connection where need be.
    - ``ContentionError``, a kind of it: deadlock, lock timeout or serialization
      failure; nothing was stored.
    - ``RowsRefusedError``: the data is at fault; nothing was stored.

    A commit that waits for a synchronous standby cannot be taken back. Its session
    sends nothing more until that wait is over, so such waits do not pile up.

    Args:
        url: a libpq URL or key-value string.
        application_name: shown in ``pg_stat_activity``.
        settings: server settings of this session, such as ``lock_timeout``.
        limits: what the server and libpq are to keep.
        call_timeout_seconds: limit of one call as seen from here; ``limits.call``
            where it is not given.

    """

    def __init__(
        self,
        url: str,
        *,
        application_name: str,
        settings: Mapping[str, str] | None = None,
        limits: SessionLimits = _LIMITS,
        call_timeout_seconds: float | None = None,
    ) -> None:
        self._url = url
        self._application_name = application_name
        self._settings = dict(settings or {})
        self._limits = limits
        self._call_timeout_seconds = call_timeout_seconds or limits.call
        self._connection: BoundedConnection | None = None
        self._in_transaction = False
        self._left_in_commit: int | None = None
        self._waits_for_standby = Statements("session.sql")["waits_for_standby"]

    def read(
        self,
        statement: Statement,
        parameters: Sequence[object],
        make: Callable[..., Row],
    ) -> list[Row]:
        """Run a statement that stores nothing; ``make`` gets each row's columns."""
        return self._run(statement, parameters, make, commits=False).fetchall()

    def write(
        self,
        statement: Statement,
        parameters: Sequence[object],
        make: Callable[..., Row],
    ) -> list[Row]:
        """Run a statement that stores something and returns rows."""
        commits = not self._in_transaction
        return self._run(statement, parameters, make, commits=commits).fetchall()

    def change(self, statement: Statement, parameters: Sequence[object]) -> int:
        """Run a statement that stores something; return how many rows it changed."""
        commits = not self._in_transaction
        return self._run(statement, parameters, tuple, commits=commits).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is run inside, all or nothing."""
        self._run(_BEGIN, (), tuple, commits=False)
        self._in_transaction = True
        try:
            yield
            self._run(_COMMIT, (), tuple, commits=True)
        except BaseException:
            # Where the connection was lost the server rolls back by itself.
            with suppress(DatabaseUnavailableError):
                self._run(_ROLLBACK, (), tuple, commits=False)
            raise
        finally:
            self._in_transaction = False

    @contextmanager
    def part(self) -> Iterator[None]:
        """Undo what is run inside when it fails, and leave the transaction usable."""
        self._run(_SAVEPOINT, (), tuple, commits=False)
        try:
            yield
        except BaseException:
            with suppress(DatabaseUnavailableError):
                self._run(_ROLLBACK_PART, (), tuple, commits=False)
            raise
        self._run(_RELEASE, (), tuple, commits=False)

    def close(self) -> None:
        """Close the connection; a later call opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _run(
        self,
        statement: Statement,
        parameters: Sequence[object],
        make: Callable[..., Row],
        *,
        commits: bool,
    ) -> RawCursor[Row]:
        connection = self._live_connection()
        cursor = RawCursor(connection, row_factory=args_row(make))
        try:
            cursor.execute(statement.text, parameters, prepare=True)
        except psycopg.Error as error:
            if commits and ends_connection(error):
                self._left_in_commit = connection.backend_pid
            if ends_connection(error) or wants_another_server(error):
                self.close()
            # Not "from error": its text may quote a row, which must not reach a log.
            raise translate(error, statement.name, commits=commits) from None
        if connection.committed_here_only() and commits:
            raise DatabaseUnavailableError(
                f"{statement.name}: the wait for the synchronous standby was cancelled",
                outcome_unknown=True,
            )
        return cursor

    def _live_connection(self) -> BoundedConnection:
        """Return the connection, made anew where the server has hung up.

        Raises:
            DatabaseUnavailableError: no server, or it went away in a transaction;
                nothing was sent.

        """
        connection = self._connection
        if connection is None or connection.closed or connection.lost():
            connection = self._new_connection()
        if self._left_in_commit is not None:
            self._await_commit(connection, self._left_in_commit)
        return connection

    def _new_connection(self) -> BoundedConnection:
        self.close()
        if self._in_transaction:
            raise DatabaseUnavailableError("the connection was lost in a transaction")
        try:
            self._connection = connect(
                self._url,
                application_name=self._application_name,
                settings=self._settings,
                limits=self._limits,
                call_timeout_seconds=self._call_timeout_seconds,
            )
        except psycopg.Error as error:
            raise DatabaseUnavailableError(str(error).strip()) from error
        return self._connection

    def _await_commit(self, connection: BoundedConnection, pid: int) -> None:
        """Refuse to go on while a commit that was given up waits for the standby."""
        try:
            cursor = RawCursor(connection, row_factory=args_row(bool))
            [waits] = cursor.execute(
                self._waits_for_standby.text, (pid,), prepare=False
            ).fetchall()
        except psycopg.Error as error:
            self.close()
            raise translate(error, "waits_for_standby", commits=False) from None
        if waits:
            raise DatabaseUnavailableError(
                "commits do not end: the server waits for its synchronous standby"
            )
        self._left_in_commit = None
