"""All usable API keys, in memory: looking one up asks nobody."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from orders.domain.api_keys import (
    ActiveKey,
    RateLimit,
    Scope,
    digest_of,
    parts_of,
)
from orders.http.backend import Clock
from orders.http.token_bucket import Field, TokenBucket

_NO_DIGEST = bytes(32)
_MAX_SEEN = 1000
_MAX_SEEN_LENGTH = 160


class Caller(NamedTuple):
    """Who makes a request."""

    tenant_id: str
    key_id: str
    scopes: frozenset[Scope]
    fields: tuple[Field, ...] = ()
    """Header fields that the answer carries."""


NOBODY: Final = Caller("", "", frozenset())
"""Somebody without a key, where none is needed."""


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key as it is looked up."""

    digest: bytes
    caller: Caller
    expires_at: float | None
    """By this process's clock."""
    bucket: TokenBucket | None


class _Reading:
    """The keys as they were read at one time, and the headers that proved right."""

    __slots__ = ("keys", "seen")

    def __init__(self, keys: Mapping[str, HeldKey]) -> None:
        self.keys = keys
        self.seen: dict[str, HeldKey] = {}
        """Kept until the next reading: to hash a secret for each request would cost
        more than all else that is asked about a key."""


class KeyRing:
    """The keys as they were read last.

    ``renew`` may be called from any thread; the rest belongs to the event loop.

    Args:
        clock: ``time.monotonic`` or a test's stand-in, seconds.
        max_age_seconds: how long a reading counts. It bounds how late a revoked key
            is noticed while PostgreSQL cannot be read.
        default_limit: of keys without a limit of their own; None for no limit.

    """

    def __init__(
        self, clock: Clock, *, max_age_seconds: float, default_limit: RateLimit | None
    ) -> None:
        self._clock = clock
        self._max_age_seconds = max_age_seconds
        self._default_limit = default_limit
        self._reading = _Reading({})
        self._fresh_until: float | None = None

    def __len__(self) -> int:
        return len(self._reading.keys)

    def renew(self, keys: Sequence[ActiveKey], read_at: float) -> None:
        """Hold ``keys`` from now on, as they were when the clock said ``read_at``.

        A key that stays keeps what it used of its limit.
        """
        self._reading = _Reading({key.key_id: self._held(key, read_at) for key in keys})
        self._fresh_until = read_at + self._max_age_seconds

    def is_fresh(self) -> bool:
        """Tell whether the last reading still counts; any thread."""
        until = self._fresh_until
        return until is not None and self._clock() < until

    def find(self, authorization: str) -> HeldKey | None:
        """Return the key in an ``Authorization`` header, None where it is not valid."""
        reading = self._reading
        held = reading.seen.get(authorization) or _look_up(authorization, reading)
        if held is None:
            return None
        if held.expires_at is not None and self._clock() >= held.expires_at:
            return None
        return held

    def _held(self, key: ActiveKey, read_at: float) -> HeldKey:
        expires_at = None if key.seconds_left is None else read_at + key.seconds_left
        caller = Caller(key.tenant_id, key.key_id, key.scopes)
        return HeldKey(key.digest, caller, expires_at, self._bucket(key))

    def _bucket(self, key: ActiveKey) -> TokenBucket | None:
        limit = key.limit or self._default_limit
        if limit is None:
            return None
        before = self._reading.keys.get(key.key_id)
        bucket = None if before is None else before.bucket
        if bucket is not None and bucket.limit == limit:
            return bucket
        return TokenBucket(limit, self._clock())


def _look_up(authorization: str, reading: _Reading) -> HeldKey | None:
    """Check a header that was not seen since the last reading.

    An unknown id costs what a wrong secret does.
    """
    scheme, _, text = authorization.partition(" ")
    sent = parts_of(text.lstrip(" "))
    if sent is None or scheme.lower() != "bearer":
        return None
    key_id, secret = sent
    held = reading.keys.get(key_id)
    known = _NO_DIGEST if held is None else held.digest
    is_right = hmac.compare_digest(known, digest_of(secret))
    if held is None or not is_right:
        return None
    if len(authorization) <= _MAX_SEEN_LENGTH:
        if len(reading.seen) >= _MAX_SEEN:
            reading.seen.clear()
        reading.seen[authorization] = held
    return held
