"""Makes the stores of one process, each with a session set up for its work."""

from collections.abc import Mapping
from contextlib import closing

from orders.persistence.api_keys import PostgresKeyStore
from orders.persistence.changing import PostgresChangeStore
from orders.persistence.connection import SessionLimits
from orders.persistence.durability import check_durability
from orders.persistence.identity import NodeIdentity
from orders.persistence.intake import PostgresIntakeStore
from orders.persistence.migrations import missing
from orders.persistence.reading import PostgresReadStore
from orders.persistence.session import Session
from orders.persistence.settlement import PostgresSettlementStore
from orders.persistence.sharing import check_pool_mode, check_room
from orders.persistence.sweeping import PostgresSweepStore

# Every question is about few rows by key. Statistics of a fresh table mislead the
# planner, and a scan of a whole table locks rows in another order than an index does.
_BY_KEY = {
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
}

# Pages come in the order of an index. While a table is empty, sorting looks as cheap
# to the planner, and the plan may be kept until the table is large.
_PAGES = {"enable_sort": "off", "enable_incremental_sort": "off"}

_LIMITS = SessionLimits()

# A batch waits for keys and rows of others for this long, and no longer; a change,
# behind which others wait, for less.
_IMPATIENT = {"lock_timeout": "200ms"}
_ONE_BY_ONE = {"lock_timeout": "50ms"}


class SchemaOutdatedError(Exception):
    """The database lacks migrations that this version needs."""


class PostgresDatabase:
    """One PostgreSQL, as one node sees it. Nothing is connected until it is used.

    Args:
        url: a libpq URL or key-value string.
        node_name: the operator's name of this node.
        node_lease_seconds: how long the node counts as alive without a renewal.
        limits: how long each session waits for what.
        require_durability: whether ``check`` refuses a server that may lose what it
            confirmed.
        connections: how many the stores of one node may have open at a time.

    """

    def __init__(
        self,
        url: str,
        *,
        node_name: str,
        node_lease_seconds: float,
        limits: SessionLimits = _LIMITS,
        require_durability: bool = True,
        connections: int = 1,
    ) -> None:
        self._url = url
        self._limits = limits
        self._require_durability = require_durability
        self._connections = connections
        self._identity = NodeIdentity(node_name, lease_seconds=node_lease_seconds)

    def check(self) -> None:
        """Check that this database is safe and ready for this version.

        Raises:
            SchemaOutdatedError: migrations are missing; the message names them.
            UnsafeServerError: the server may lose what it confirmed.
            UnsuitableServerError: it cannot be worked with.
            MigrationError: an applied migration differs from this version's file.
            DatabaseUnavailableError: PostgreSQL did not answer; ask again later.

        """
        with (
            closing(self._session("check")) as session,
            closing(self._session("check")) as other,
        ):
            check_pool_mode(session, other)
            check_room(session, self._connections)
            if self._require_durability:
                check_durability(session)
            names = missing(session)
        if names:
            raise SchemaOutdatedError(
                f"the database lacks {', '.join(names)}: run the migrations first"
            )

    def intake_store(self) -> PostgresIntakeStore:
        """Return a store for one writer of accepted orders."""
        return PostgresIntakeStore(self._session("intake", _IMPATIENT), self._identity)

    def settlement_store(
        self, *, expire_after_seconds: float = 0.0
    ) -> PostgresSettlementStore:
        """Return a store for one writer of settlements."""
        session = self._session("settlement", _IMPATIENT)
        return PostgresSettlementStore(
            session, self._identity, expire_after_seconds=expire_after_seconds
        )

    def change_store(
        self,
        *,
        max_attempts: int,
        watch_after_seconds: float,
        patience_seconds: float = 0.0,
    ) -> PostgresChangeStore:
        """Return a store for one writer of changes that clients ask for."""
        return PostgresChangeStore(
            self._session("changes", _ONE_BY_ONE),
            self._identity,
            max_attempts=max_attempts,
            watch_after_seconds=watch_after_seconds,
            patience_seconds=patience_seconds,
        )

    def read_store(self) -> PostgresReadStore:
        """Return a store for one reader."""
        return PostgresReadStore(self._session("reader", _PAGES))

    def key_store(self) -> PostgresKeyStore:
        """Return a store for the reader of API keys."""
        return PostgresKeyStore(self._session("keys"))

    def sweep_store(self) -> PostgresSweepStore:
        """Return a store for the sweeper."""
        return PostgresSweepStore(self._session("sweeper"), self._identity)

    def _session(
        self, purpose: str, settings: Mapping[str, str] | None = None
    ) -> Session:
        return Session(
            self._url,
            application_name=f"orders {purpose}",
            settings={**_BY_KEY, **(settings or {})},
            limits=self._limits,
        )
