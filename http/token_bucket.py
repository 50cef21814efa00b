"""How often one key may be used: a bucket of tokens that fills by the clock."""

import math

from orders.domain.api_keys import RateLimit

Field = tuple[str, str]


class TokenBucket:
    """One token a request. Event loop only.

    Args:
        limit: how fast it fills, and how many tokens it holds.
        now: seconds of the clock that later calls give.

    """

    __slots__ = ("_policy", "_stamp", "_tokens", "limit")

    def __init__(self, limit: RateLimit, now: float) -> None:
        self.limit = limit
        self._tokens = float(limit.burst)
        self._stamp = now
        window = math.ceil(limit.burst / limit.per_second)
        self._policy = ("ratelimit-policy", f'"default";q={limit.burst};w={window}')

    def take(self, now: float) -> float:
        """Take a token: 0, or the seconds until there is one."""
        rate, burst = self.limit
        passed = max(now - self._stamp, 0.0)
        self._stamp = now
        self._tokens = min(burst, self._tokens + passed * rate)
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / rate

    def fields(self) -> tuple[Field, Field]:
        """Return the header fields that tell a client where it stands.

        Their form is that of draft-ietf-httpapi-ratelimit-headers-10: the policy is
        a full bucket and the seconds that fill it; ``r`` is what is left, ``t`` the
        seconds until the bucket is full, or until there is a token where it is empty.
        """
        rate, burst = self.limit
        left = int(self._tokens)
        lacking = burst - self._tokens if left else 1 - self._tokens
        state = f'"default";r={left};t={math.ceil(lacking / rate)}'
        return self._policy, ("ratelimit", state)
