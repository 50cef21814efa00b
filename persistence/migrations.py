"""Brings a database to this version's schema: forward only, plain SQL.

The files are ``persistence/schema/NNNN_<subject>.sql``, each run once and in its own
transaction. A change is made in two releases where old and new nodes run side by
side: expand first, contract later. ``grants.sql`` is run after them every time.
"""

import hashlib
import re
from importlib.resources import files
from typing import NamedTuple

import psycopg

from orders.domain.errors import DatabaseUnavailableError
from orders.persistence.bounded import BoundedConnection
from orders.persistence.connection import SessionLimits, connect
from orders.persistence.failures import POOLED, passes
from orders.persistence.session import Session
from orders.persistence.statements import Statement, Statements

_FILE_NAME = re.compile(r"\d{4}_\w+\.sql", re.ASCII)
_GRANTS = "grants.sql"
_CALL_TIMEOUT_SECONDS = 900.0
_LIMITS = SessionLimits()
_NO_RIGHTS = (
    "this role may not change the schema: run `orders migrate` as its owner, and start"
    " nodes with ORDERS_DATABASE__MIGRATE_AT_START=false"
)


class MigrationError(Exception):
    """The schema cannot be brought up to date; the message says why."""


class Migration(NamedTuple):
    """One schema file."""

    name: str
    sql: bytes

    @property
    def checksum(self) -> str:
        """SHA-256 of the file, in hexadecimal."""
        return hashlib.sha256(self.sql).hexdigest()


class _Applied(NamedTuple):
    name: str
    checksum: str


def known_migrations() -> list[Migration]:
    """Return this version's migrations in the order they are applied."""
    folder = files("orders.persistence").joinpath("schema")
    return sorted(
        Migration(file.name, file.read_bytes())
        for file in folder.iterdir()
        if _FILE_NAME.fullmatch(file.name)
    )


def migrate(url: str, *, limits: SessionLimits = _LIMITS) -> list[str]:
    """Apply what is missing; return the names of what was applied.

    Safe from several nodes at once: they wait for each other on an advisory lock,
    for at most a minute, and the later ones find nothing to do. A role that does not
    own the schema may call this where nothing is missing. Of ``limits`` those of
    statements and locks do not apply: the migrations have their own.

    Raises:
        MigrationError: a file was changed after it was applied, or PostgreSQL
            refused one; those before it stay applied.
        DatabaseUnavailableError: PostgreSQL is away, or others hold what is to be
            changed; call again later.

    """
    try:
        with _connect(url, limits) as connection:
            with _connect(url, limits) as other:
                if connection.backend_pid == other.backend_pid:
                    raise MigrationError(POOLED)
            return _apply_missing(connection, known_migrations())
    except psycopg.errors.InsufficientPrivilege as error:
        raise MigrationError(f"{_NO_RIGHTS} ({str(error).strip()})") from error
    except psycopg.Error as error:
        if passes(error):
            raise DatabaseUnavailableError(str(error).strip()) from error
        raise MigrationError(str(error).strip()) from error


def _connect(url: str, limits: SessionLimits) -> BoundedConnection:
    return connect(
        url,
        application_name="orders migrate",
        settings={"statement_timeout": "0"},
        limits=limits,
        call_timeout_seconds=_CALL_TIMEOUT_SECONDS,
    )


def missing(session: Session) -> list[str]:
    """Return the names of this version's migrations that the database lacks.

    A database that is ahead of this version is fine: changes only expand.

    Raises:
        MigrationError: a file was changed after it was applied.
        DatabaseUnavailableError: PostgreSQL did not answer.

    """
    statements = Statements("migrations.sql")
    [[present]] = session.read(statements["has_register"], (), _columns)
    applied = session.read(statements["read_register"], (), _Applied) if present else []
    return [migration.name for migration in _not_in(applied, known_migrations())]


def pending(url: str) -> list[str]:
    """Return the names of this version's migrations that ``url`` lacks."""
    session = Session(url, application_name="orders migrate")
    try:
        return missing(session)
    finally:
        session.close()


def _apply_missing(connection: BoundedConnection, known: list[Migration]) -> list[str]:
    statements = Statements("migrations.sql")
    [(present, ours)] = connection.execute(statements["look_at_register"].text)
    if present and not ours:
        # Who may not change the schema may still find that nothing is to be changed.
        if lacking := _not_in(_read_register(connection, statements), known):
            raise MigrationError(f"{_NO_RIGHTS} (it lacks {lacking[0].name})")
        return []
    for name in ("limit_waiting", "lock_migrations", "create_register"):
        connection.execute(statements[name].text)
    new = _not_in(_read_register(connection, statements), known)
    for migration in new:
        _apply(connection, statements, migration)
    folder = files("orders.persistence").joinpath("schema")
    connection.execute(folder.joinpath(_GRANTS).read_bytes())
    return [migration.name for migration in new]


def _read_register(
    connection: BoundedConnection, statements: Statements
) -> list[_Applied]:
    rows = connection.execute(statements["read_register"].text).fetchall()
    return [_Applied(*row) for row in rows]


def _apply(
    connection: BoundedConnection, statements: Statements, migration: Migration
) -> None:
    """Run one file and note it, in one transaction."""
    note: Statement = statements["note_applied"]
    with connection.transaction():
        connection.execute(statements["limit_blocking"].text)
        connection.execute(migration.sql)
        with psycopg.RawCursor(connection) as cursor:
            cursor.execute(note.text, (migration.name, migration.checksum))


def _not_in(applied: list[_Applied], known: list[Migration]) -> list[Migration]:
    """Return the migrations not applied yet, after a look at those that were."""
    checksums = dict(applied)
    for migration in known:
        if checksums.get(migration.name, migration.checksum) != migration.checksum:
            raise MigrationError(
                f"{migration.name} was changed after it was applied: put it back and"
                " write a new migration"
            )
    return [migration for migration in known if migration.name not in checksums]


def _columns(*values: object) -> tuple[object, ...]:
    return values
