"""What a node shares with others: a pooler's connections, and the server's room."""

from orders.persistence.failures import POOLED, UnsuitableServerError
from orders.persistence.session import Session
from orders.persistence.statements import Statements

_SESSION = Statements("session.sql")


def check_pool_mode(one: Session, other: Session) -> None:
    """Check that two open sessions are two processes of the server.

    A pooler that lends connections for a transaction gives the second one what the
    first has just put back: prepared statements and settings would get lost.

    Raises:
        UnsuitableServerError: they are one.
        DatabaseUnavailableError: PostgreSQL did not answer.

    """
    statement = _SESSION["backend_pid"]
    if one.read(statement, (), int) == other.read(statement, (), int):
        raise UnsuitableServerError(POOLED)


def connection_room(session: Session) -> int:
    """Return how many connections the server, the database and the role allow.

    Raises:
        DatabaseUnavailableError: PostgreSQL did not answer.

    """
    [limits] = session.read(_SESSION["connection_limits"], (), _limits)
    return min(limit for limit in limits if limit >= 0)


def check_room(session: Session, wanted: int) -> None:
    """Check that there is room for a node's connections, were it the only client.

    Raises:
        UnsuitableServerError: there is not.
        DatabaseUnavailableError: PostgreSQL did not answer.

    """
    room = connection_room(session)
    if room < wanted:
        raise UnsuitableServerError(
            f"a node opens up to {wanted} connections, and PostgreSQL allows this role"
            f" {room}: raise max_connections or the limit of the role or database, or"
            " lower ORDERS_INTAKE__WRITERS"
        )


def _limits(*limits: int) -> tuple[int, ...]:
    return limits
