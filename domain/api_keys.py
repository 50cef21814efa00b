"""API keys: who may do what, and what is kept of a key."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, NamedTuple

from orders.domain.order import Name

MAX_ACTIVE_KEYS: Final = 10_000
"""Keys that may be usable at the same time, of all tenants; nodes hold them all."""
TENANT_PATTERN: Final = r"[A-Za-z0-9_.-]{1,64}"
_PREFIX = "ok"
_ID_BYTES = 8
_SECRET_BYTES = 32
_NOTHING_HASHED = sha256()


class Scope(Name):
    """What a key allows; none includes another."""

    WRITE = "orders:write"
    """Place orders, cancel them, retry their payment."""
    READ = "orders:read"
    """See orders, their history and notifications."""
    ADMIN = "orders:admin"
    """Give money back."""


class RateLimit(NamedTuple):
    """How often a key may be used on one node."""

    per_second: float
    burst: int
    """Requests that may come at once after a pause; at least 1."""


@dataclass(frozen=True, slots=True)
class ActiveKey:
    """A key that is neither revoked nor expired, as a node holds it."""

    key_id: str
    digest: bytes
    """SHA-256 of the secret."""
    tenant_id: str
    scopes: frozenset[Scope]
    seconds_left: float | None
    """Until it expires, by the database's clock; None where it does not."""
    limit: RateLimit | None
    """Its own limit; None where the node's default holds."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as an operator sees it; nothing in it can be used to sign in."""

    key_id: str
    name: str
    tenant_id: str
    scopes: tuple[str, ...]
    rate_per_second: float | None
    burst: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class NewKey(NamedTuple):
    """A key at the only moment at which it is known whole."""

    key_id: str
    text: str
    """What the client sends: ``ok_<id>_<secret>``. A secret."""
    digest: bytes

    def __repr__(self) -> str:
        """Leave the secret out."""
        return f"NewKey(key_id={self.key_id!r})"


def mint_key() -> NewKey:
    """Return a new key of 256 random bits."""
    key_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_hex(_SECRET_BYTES)
    return NewKey(key_id, f"{_PREFIX}_{key_id}_{secret}", digest_of(secret))


def parts_of(text: str) -> tuple[str, str] | None:
    """Return the public id and the secret in ``text``, None where it is no key.

    Only as much of its form is looked at as tells the parts: whether they are right is
    what the secret's digest is for.
    """
    parts = text.split("_", 3)
    if len(parts) != 3 or parts[0] != _PREFIX:  # noqa: PLR2004 - prefix, id, secret
        return None
    return parts[1], parts[2]


def digest_of(secret: str) -> bytes:
    """Return what is stored of a secret: it is random, so a plain hash will do."""
    # A copy costs half of what looking the algorithm up does, for each request.
    digest = _NOTHING_HASHED.copy()
    digest.update(secret.encode())
    return digest.digest()
