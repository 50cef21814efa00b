"""API keys in PostgreSQL: read whole by nodes, made and revoked by operators."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from orders.domain.api_keys import (
    MAX_ACTIVE_KEYS,
    ActiveKey,
    KeyRecord,
    NewKey,
    RateLimit,
    Scope,
)
from orders.persistence.rows import text_array
from orders.persistence.session import Session
from orders.persistence.statements import Statements

_PAGE = 1000
_KNOWN = frozenset(Scope)
_SETTINGS = {"enable_seqscan": "off", "enable_bitmapscan": "off"}


class PostgresKeyStore:
    """The table of keys. Owned by one thread.

    Every method raises ``DatabaseUnavailableError`` when PostgreSQL does not answer
    or lacks the table.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._statements = Statements("api_keys.sql")

    def active_keys(self, limit: int = MAX_ACTIVE_KEYS) -> tuple[ActiveKey, ...]:
        """Return the keys that can be used, ``limit`` of them at most."""
        return tuple(
            self._session.read(self._statements["active_keys"], (limit,), _active)
        )

    def create(
        self,
        key: NewKey,
        *,
        tenant_id: str,
        scopes: Sequence[Scope],
        name: str,
        seconds: float | None,
        limit: RateLimit | None,
        max_active: int = MAX_ACTIVE_KEYS,
    ) -> KeyRecord | None:
        """Keep ``key``; None where ``max_active`` keys can be used already.

        Args:
            key: its secret is not kept, only the digest.
            tenant_id: whose orders it is about.
            scopes: what it allows; at least one.
            name: what an operator calls it.
            seconds: until it expires; None for never.
            limit: its own rate limit; None for that of the nodes.
            max_active: of all tenants.

        """
        rate, burst = (None, None) if limit is None else limit
        made = self._session.write(
            self._statements["create_key"],
            (
                *(key.key_id, key.digest, tenant_id, text_array(scopes), name),
                *(rate, burst, seconds, max_active),
            ),
            _record,
        )
        return made[0] if made else None

    def keys(self) -> Iterator[KeyRecord]:
        """Go through all keys, by id, revoked and expired ones too."""
        after = ""
        while True:
            page = self._session.read(
                self._statements["list_keys"], (after, _PAGE), _record
            )
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].key_id

    def revoke(self, key_id: str) -> KeyRecord | None:
        """Revoke the key for good; None where there is none of this id."""
        revoked = self._session.write(
            self._statements["revoke_key"], (key_id,), _record
        )
        return revoked[0] if revoked else None

    def close(self) -> None:
        """Close the connection."""
        self._session.close()


@contextmanager
def operator_keys(url: str) -> Iterator[PostgresKeyStore]:
    """Give an operator's access to the keys over one connection, closed at the end.

    Nothing connects before the first use.
    """
    store = PostgresKeyStore(
        Session(url, application_name="orders cli", settings=_SETTINGS)
    )
    try:
        yield store
    finally:
        store.close()


def _active(
    key_id: str,
    digest: bytes,
    tenant_id: str,
    scopes: list[str],
    seconds_left: float | None,
    rate_per_second: float | None,
    burst: int | None,
) -> ActiveKey:
    limit = None
    if rate_per_second is not None:
        limit = RateLimit(rate_per_second, burst or max(1, int(rate_per_second)))
    # A scope of a later version allows nothing here.
    known = frozenset(Scope(scope) for scope in scopes if scope in _KNOWN)
    return ActiveKey(key_id, bytes(digest), tenant_id, known, seconds_left, limit)


def _record(
    key_id: str,
    name: str,
    tenant_id: str,
    scopes: list[str],
    rate_per_second: float | None,
    burst: int | None,
    created_at: datetime,
    expires_at: datetime | None,
    revoked_at: datetime | None,
) -> KeyRecord:
    return KeyRecord(
        key_id,
        name,
        tenant_id,
        tuple(scopes),
        rate_per_second,
        burst,
        created_at,
        expires_at,
        revoked_at,
    )
