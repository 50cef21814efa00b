"""Puts together what decides who may use the API."""

import time
from dataclasses import dataclass
from functools import partial

from orders.actors.key_keeper import KeyKeeper
from orders.actors.node_status import NodeStatus
from orders.actors.role import Role
from orders.actors.supervisor import Child
from orders.cli.adapters import Adapters
from orders.config.settings import Settings
from orders.domain.api_keys import RateLimit
from orders.http.access import AccessControl
from orders.http.key_ring import KeyRing


@dataclass(frozen=True, slots=True)
class KeyedAccess:
    """What a node has that asks for API keys, and no other one."""

    ring: KeyRing
    control: AccessControl
    keeper: Child


def keyed_access(
    settings: Settings, role: Role[None], adapters: Adapters, status: NodeStatus
) -> KeyedAccess | None:
    """Return what asks for keys, None where nobody is asked for one."""
    if not settings.wants_keys:
        return None
    ring = KeyRing(
        time.monotonic,
        max_age_seconds=settings.auth.max_age_seconds,
        default_limit=_default_limit(settings),
    )
    start = partial(
        KeyKeeper.start,
        role,
        make_store=adapters.key_store,
        ring=ring,
        status=status,
        refresh_seconds=settings.auth.refresh_seconds,
    )
    return KeyedAccess(ring, AccessControl(ring, time.monotonic), Child(role, start))


def _default_limit(settings: Settings) -> RateLimit | None:
    auth = settings.auth
    if not auth.rate_per_second:
        return None
    burst = auth.burst or max(1, int(auth.rate_per_second))
    return RateLimit(auth.rate_per_second, burst)
