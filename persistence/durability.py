"""Refuses a server that may lose what it has confirmed."""

from typing import NamedTuple

from orders.persistence.session import Session
from orders.persistence.statements import Statements


class UnsafeServerError(Exception):
    """The server's settings break the promise that an accepted order is kept."""


class _Setting(NamedTuple):
    name: str
    value: str


def check_durability(session: Session) -> None:
    """Check that a confirmed COMMIT survives a crash of the server.

    See https://www.postgresql.org/docs/current/runtime-config-wal.html.

    Raises:
        UnsafeServerError: ``fsync``, ``full_page_writes`` or ``synchronous_commit``
            is off, and the message names which.
        DatabaseUnavailableError: PostgreSQL did not answer.

    """
    statement = Statements("durability.sql")["read_durability"]
    unsafe = [
        setting.name
        for setting in session.read(statement, (), _Setting)
        if setting.value == "off"
    ]
    if unsafe:
        raise UnsafeServerError(
            f"PostgreSQL runs with {', '.join(unsafe)} off, so that a confirmed order"
            " could be lost: turn it on"
        )
