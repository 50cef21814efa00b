"""F7: Kafka loses everything it had, or the topic is deleted."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import MappingProxyType
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.database import note_settled, transaction_elsewhere
from orders.chaos.proxy_rules import PASS, Rules
from orders.chaos.recovery import await_condition, await_recovery
from orders.chaos.topic import (
    all_records,
    create_topic,
    delete_topic,
    ends,
    has_read,
    topic_exists,
)
from orders.chaos.trial import Hit, Trial
from orders.messaging.topic_audit import audited

_SETTLED_ROWS = 200_000


def strike_loss(arena: Arena, trial: Trial) -> Hit:
    """Destroy the topic under load; its orders must be settled without it, whatever
    stands in the way of those who look for them.
    """
    time.sleep(trial.delay_seconds)
    with _HINDRANCES.get(trial.kind, _nothing)(arena.database_url):
        return _lose(arena, trial)


def _lose(arena: Arena, trial: Trial) -> Hit:
    with _nodes_cut_off(arena) as at:
        remember(arena)
        _WAYS[trial.kind](arena)
    over = time.monotonic()
    arena.await_flow()
    recovery = await_recovery(arena, over)
    again = await_condition(
        lambda: topic_exists(arena) and any(ends(arena).values()),
        over,
        "no node writes to the topic",
    )
    places = ends(arena) if not again.problems else {}
    read = await_condition(
        lambda: has_read(arena, places), over, "the group does not read on"
    )
    return Hit(
        fired=True,
        at=at,
        over=over,
        problems=(*recovery.problems, *again.problems, *read.problems),
        measured={
            "away_seconds": over - at,
            "recovered_seconds": recovery.seconds,
            "reading_seconds": read.seconds,
        },
    )


def remember(arena: Arena) -> None:
    """Keep what is on the topic, for the check: what was confirmed was written."""
    arena.earlier += [
        # Offsets of an earlier life are not those of this one.
        audited(record)._replace(partition=-1 - record.partition)
        for record in all_records(arena)
    ]
    arena.forged.clear()


@contextmanager
def _nodes_cut_off(arena: Arena) -> Iterator[float]:
    """Let no node reach Kafka, so that what is confirmed is what is read; say since
    when.
    """
    proxies = [proxy for gates in arena.stack.gates for proxy in gates.kafka]
    at = time.monotonic()
    try:
        for proxy in proxies:
            proxy.set_rules(Rules(refuse=True))
            proxy.reset()
        yield at
    finally:
        for proxy in proxies:
            proxy.set_rules(PASS)


def _wipe(arena: Arena) -> None:
    kafka = arena.stack.kafka
    kafka.kill(signal.SIGKILL)
    kafka.lose_data()
    kafka.start()


def _wipe_and_create(arena: Arena) -> None:
    _wipe(arena)
    create_topic(arena)


def _delete_and_create(arena: Arena) -> None:
    delete_topic(arena)
    create_topic(arena)


_WAYS: Final[MappingProxyType[str, Callable[[Arena], None]]] = MappingProxyType(
    {
        "wiped, topic made": _wipe_and_create,
        "deleted, topic made": _delete_and_create,
        "wiped": _wipe,
        "topic deleted": delete_topic,
        "behind settled rows": delete_topic,
        "behind a transaction": delete_topic,
    }
)
"""Each destroys the topic; the nodes have to make it again where nobody else does."""


@contextmanager
def _settled_rows_ahead(url: str) -> Iterator[None]:
    note_settled(url, _SETTLED_ROWS)
    yield


@contextmanager
def _nothing(url: str) -> Iterator[None]:
    del url
    yield


_HINDRANCES: Final[
    MappingProxyType[str, Callable[[str], AbstractContextManager[None]]]
] = MappingProxyType(
    {
        "behind settled rows": _settled_rows_ahead,
        "behind a transaction": transaction_elsewhere,
    }
)
"""What lies between the sweeper and the orders that it has to find."""
