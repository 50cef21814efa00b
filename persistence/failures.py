"""What psycopg's errors mean to those who call this room.

SQLSTATE codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

import psycopg

from orders.domain.errors import DatabaseUnavailableError

_LOCK_TIMEOUT = "55P03"

_CONTENTION = frozenset({"40001", "40P01", _LOCK_TIMEOUT})
"""Serialization failure, deadlock, lock timeout: rolled back whole."""

_AT_FAULT = (psycopg.DataError, psycopg.IntegrityError)
"""SQLSTATE classes 22 and 23, and values that psycopg itself cannot send."""

_WRONG_SERVER = frozenset({"25006"})
"""Read-only transaction: connect again, so that libpq looks for the primary."""

POOLED = (
    "the pooler gives each transaction another connection: set its pool mode to"
    " session, or connect to PostgreSQL directly"
)

_FATAL = frozenset({"FATAL", "PANIC"})


_POOLED = frozenset({"26000", "42P05"})
"""A prepared statement is gone or is another client's: the session is shared."""


class ContentionError(DatabaseUnavailableError):
    """Others hold what this statement needs; nothing was stored, try again.

    ``on_table`` says that it is a table as a whole, and no row or key of it.
    """

    server_is_away = False

    def __init__(self, message: str, *, on_table: bool = False) -> None:
        super().__init__(message)
        self.on_table = on_table


class UnsuitableServerError(DatabaseUnavailableError):
    """The server answers and cannot be worked with: waiting does not mend it."""


class RowsRefusedError(Exception):
    """PostgreSQL refused at least one of the rows; nothing was stored."""


def translate(error: psycopg.Error, statement: str, *, commits: bool) -> Exception:
    """Return what to raise in place of ``error``, met in the named statement.

    ``commits`` says that the statement commits when it succeeds. Its outcome is
    then unknown unless the server itself reported an error and went on: a FATAL
    one may come after the commit, before its confirmation.
    """
    if isinstance(error, _AT_FAULT):
        return RowsRefusedError(_detail(error))
    detail = f"{statement}: {_detail(error)}"
    if error.sqlstate in _CONTENTION:
        # A wait for a row or a key says where it stood; the names are not translated.
        on_table = error.sqlstate == _LOCK_TIMEOUT and not error.diag.context
        return ContentionError(detail, on_table=on_table)
    if error.sqlstate in _POOLED:
        return UnsuitableServerError(f"{detail}; {POOLED}")
    return DatabaseUnavailableError(
        detail, outcome_unknown=commits and ends_connection(error)
    )


def ends_connection(error: psycopg.Error) -> bool:
    """Tell whether the connection is of no further use, by the error alone."""
    return (
        error.sqlstate is None
        or error.diag.severity_nonlocalized in _FATAL
        or error.sqlstate.startswith("08")
    )


def passes(error: psycopg.Error) -> bool:
    """Tell whether the same may work later: the server went, or others are there."""
    state = error.sqlstate
    return ends_connection(error) or (
        state is not None and (state in _CONTENTION or state.startswith(("57", "53")))
    )


def wants_another_server(error: psycopg.Error) -> bool:
    """Tell whether the server answered that it is not the primary."""
    return error.sqlstate in _WRONG_SERVER


def _detail(error: psycopg.Error) -> str:
    """Return SQLSTATE and message, without the row data of the DETAIL field."""
    text = error.diag.message_primary or str(error).strip() or type(error).__name__
    return f"{error.sqlstate}: {text}" if error.sqlstate else text
