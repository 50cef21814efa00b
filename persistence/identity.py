"""Which node this process is, in the eyes of the database."""

from threading import Lock

from orders.persistence.session import Session
from orders.persistence.statements import Statements


class NodeIdentity:
    """This process's row in ``nodes``, made when the database first answers.

    Shared by the stores of one process; may be used from any thread. Every start of
    a process is a new node, so that a lease never passes to another process.

    Args:
        name: the operator's name of the node; need not be unique.
        lease_seconds: how long the first lease lasts.

    """

    def __init__(self, name: str, *, lease_seconds: float) -> None:
        self._name = name
        self._lease_seconds = lease_seconds
        self._register = Statements("nodes.sql")["register_node"]
        self._lock = Lock()
        self._node_id: int | None = None

    @property
    def registered_id(self) -> int | None:
        """The id, or None while the database never answered."""
        return self._node_id

    def node_id(self, session: Session) -> int:
        """Return the id, registering over ``session`` where there is none yet.

        Raises:
            DatabaseUnavailableError: PostgreSQL did not answer.

        """
        known = self._node_id
        if known is not None:
            return known
        with self._lock:
            if self._node_id is None:
                arguments = (self._name, self._lease_seconds)
                [self._node_id] = session.write(self._register, arguments, int)
            return self._node_id

    def forget(self, node_id: int) -> None:
        """The database does not know ``node_id``: register anew at the next need."""
        with self._lock:
            if self._node_id == node_id:
                self._node_id = None
