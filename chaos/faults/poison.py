"""F15: records on the topic that nobody of ours wrote, of every kind."""

import random
import time
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.database import buried_of, some_orders
from orders.chaos.recovery import await_condition, await_recovery
from orders.chaos.topic import (
    Written,
    has_read,
    partition_count,
    places_of,
)
from orders.chaos.trial import Hit, Trial
from orders.domain.audit import RecordPlace
from orders.domain.errors import DatabaseUnavailableError
from orders.domain.events import event_type
from orders.domain.identifiers import IdFactory
from orders.domain.transitions import Change
from orders.messaging.codec import TYPE_HEADER

_COPIES = 10
_HUGE_BYTES = 900_000
_ACCEPTED = event_type(Change.ACCEPTED)
_SHARED: Final = (("ce_source", b"/orders"), ("ce_specversion", b"1.0"))

Make = Callable[[random.Random, str], tuple[bytes | None, bytes | None, str, str]]
"""From a stored order's id: key, value, type and id of a record."""


class UnreadableName(str):
    """A header name that is written as bytes which are no text."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        """Return bytes that are not UTF-8."""
        return b"\xff\xfe"


def strike_poison(arena: Arena, trial: Trial) -> Hit:
    """Write junk between the events, and see that each partition goes on behind it."""
    rng = random.Random(f"{trial.fault}/{trial.seed}/{trial.number}/records")
    time.sleep(trial.delay_seconds)
    known = some_orders(arena.database_url, _COPIES)
    partitions = partition_count(arena)
    junk = [
        poison(trial.kind, rng, order_id, rng.randrange(partitions))
        for order_id in known
    ]
    at = time.monotonic()
    places = {RecordPlace(*place) for place in places_of(arena, junk)}
    over = time.monotonic()
    names_orders = trial.kind in _NAMING_ORDERS
    if names_orders:
        arena.forged |= places
    arena.await_flow()
    behind = {number: offset + 1 for number, offset in sorted(places)}
    read = await_condition(
        lambda: has_read(arena, behind), over, "the group has not read past the junk"
    )
    buried = await_condition(
        lambda: names_orders or places <= _buried(arena), over, "no dead letters"
    )
    recovery = await_recovery(arena, over)
    return Hit(
        fired=bool(places),
        at=at,
        over=over,
        problems=(*read.problems, *buried.problems, *recovery.problems),
        measured={"records": len(places), "passed_seconds": read.seconds},
    )


def poison(kind: str, rng: random.Random, order_id: str, partition: int) -> Written:
    """Return one record of a kind, about a stored order where it is about any."""
    key, value, of_type, identity = _MAKE[kind](rng, order_id)
    headers = [*_SHARED, (TYPE_HEADER, of_type.encode()), ("ce_id", identity.encode())]
    if kind == "unreadable header":
        headers.insert(0, (UnreadableName("x"), b"y"))
    return Written(partition, key, value, headers)


def _buried(arena: Arena) -> set[RecordPlace]:
    try:
        return buried_of(arena.database_url, arena.topic)
    except DatabaseUnavailableError:
        return set()


def _unknown_order(
    _rng: random.Random, _order_id: str
) -> tuple[bytes | None, bytes | None, str, str]:
    other = IdFactory()()
    return other.encode(), b'{"order_id":"?"}', _ACCEPTED, f"{other}.1"


_MAKE: Final[MappingProxyType[str, Make]] = MappingProxyType(
    {
        "no key": lambda _, o: (None, b"{}", _ACCEPTED, f"{o}.1"),
        "key of no order": lambda _, o: (b"\x00junk", b"{}", _ACCEPTED, f"{o}.1"),
        "tombstone": lambda _, o: (o.encode(), None, _ACCEPTED, f"{o}.1"),
        "huge": lambda rng, o: (None, rng.randbytes(_HUGE_BYTES), _ACCEPTED, o),
        "unreadable header": lambda _, o: (o.encode(), b"{}", _ACCEPTED, f"{o}.1"),
        "not JSON": lambda rng, o: (o.encode(), rng.randbytes(99), _ACCEPTED, o),
        "unknown type": lambda _, o: (o.encode(), b"{}", "orders.order.eaten.v9", o),
        "forged event": lambda _, o: (
            *(o.encode(), b'{"status":"REFUNDED"}'),
            *("orders.order.refunded.v1", f"{o}.2"),
        ),
        "unknown order": _unknown_order,
    }
)
_NAMING_ORDERS: Final = frozenset(
    {
        *("unreadable header", "not JSON", "unknown type"),
        *("forged event", "unknown order"),
    }
)
"""Those whose key names an order: the order is looked at again, and that is all."""
