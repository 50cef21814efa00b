"""KeyKeeper: reads all API keys again and again, so that no request has to."""

from collections.abc import Callable

from orders.actors.node_status import NodeStatus
from orders.actors.ports import KeyRing, KeyStore
from orders.actors.role import Role
from orders.actors.supervised import SupervisedActor
from orders.domain.api_keys import MAX_ACTIVE_KEYS
from orders.domain.errors import DatabaseUnavailableError

_RETRY_SECONDS = 0.5


class KeyKeeper(SupervisedActor[None]):
    """Keeps the ring of keys fresh.

    While PostgreSQL is away the ring stays as it is; the ring itself knows until
    when it counts.

    Args:
        make_store: makes the store that keys are read from.
        ring: told of every reading.
        status: says whether PostgreSQL is there.
        refresh_seconds: from one reading to the next.

    """

    def __init__(
        self,
        role: Role[None],
        *,
        make_store: Callable[[], KeyStore],
        ring: KeyRing,
        status: NodeStatus,
        refresh_seconds: float,
    ) -> None:
        super().__init__(role)
        self._make_store = make_store
        self._ring = ring
        self._status = status
        self._refresh_seconds = refresh_seconds
        self._store: KeyStore | None = None
        self._count: int | None = None
        self._read_at: float | None = None

    def started(self) -> None:
        """Make the store; it connects when it is first used."""
        self._store = self._make_store()
        self.tick_after(0)

    def released(self) -> None:
        """Close the connection."""
        if self._store is not None:
            self._store.close()

    def handle(self, message: object) -> None:
        """Read the keys when it is time to."""
        del message
        began = self.role.clock()
        due = self._read_at is None or began >= self._read_at + self._refresh_seconds
        if due and self._status.database_available and self._read(began):
            self._read_at = began
        wait = _RETRY_SECONDS
        if self._read_at is not None:
            next_at = self._read_at + self._refresh_seconds
            wait = max(next_at - self.role.clock(), 0) or _RETRY_SECONDS
        self.tick_after(wait)

    def _read(self, began: float) -> bool:
        assert self._store is not None  # noqa: S101 - made in started()
        try:
            keys = self._store.active_keys(MAX_ACTIVE_KEYS)
        except DatabaseUnavailableError as error:
            self.role.log.warning("keys.unread", error=str(error))
            return False
        # As old as the question, not as the answer.
        self._ring.renew(keys, began)
        self._tell(len(keys))
        return True

    def _tell(self, count: int) -> None:
        """Log what changed for an operator: having no key at all, or some again."""
        if count == self._count:
            return
        self._count = count
        if count:
            self.role.log.info("keys.read", count=count)
        else:
            self.role.log.warning("keys.none")
