"""F27: PostgreSQL goes back to an earlier point, while the topic is ahead of it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from orders.chaos.arena import Arena
from orders.chaos.database import buried_of
from orders.chaos.faults.floods import answer_problems
from orders.chaos.node import ChaosNode
from orders.chaos.recovery import await_condition, await_recovery
from orders.chaos.topic import all_records, ends, has_read, rewind
from orders.chaos.trial import Hit, Trial
from orders.devstack.deadline import wait_until
from orders.domain.audit import AuditedRecord, RecordPlace, StoredEvent
from orders.domain.records import EventRef
from orders.messaging.topic_audit import audited
from orders.persistence.audit import PostgresOrderAudit, order_audit

_FORGOTTEN_SECONDS = 4.0
"""Of orders that the copy lacks."""
_QUIET_SECONDS = 1.0
_STILL_SECONDS = 20.0
_PAGE = 1_000
_UNKNOWN_ORDERS = "orders_unknown_orders_total"

Row = TypeVar("Row")


def strike_restore(arena: Arena, trial: Trial) -> Hit:
    """Bring back an older copy of PostgreSQL's data, and let orders go on from there.

    What was accepted after the copy is gone, as far as PostgreSQL knows, and is left
    out of the check; all that the copy has must come to its end as ever.
    """
    time.sleep(trial.delay_seconds)
    copy, copied = _copy(arena)
    arena.await_flow()
    time.sleep(_FORGOTTEN_SECONDS)
    problems = [*answer_problems(arena.load, arena.load.finish())]
    with _WAYS[trial.kind](arena) as told:
        places = _go_back(arena, copy)
    over = time.monotonic()
    arena.renew_load()
    arena.await_flow()
    recovery = await_recovery(arena, over)
    read = await_condition(
        lambda: has_read(arena, places), over, "the group does not read on"
    )
    forgotten, anew = _leave_out(arena, places, copied)
    unknown = sum(node.metric(_UNKNOWN_ORDERS) for node in arena.nodes)
    buried = buried_of(arena.database_url, arena.topic)
    if buried:
        problems.append(f"{len(buried)} events of forgotten orders are dead letters")
    if trial.kind == "group rewound" and not unknown:
        problems.append(f"{_UNKNOWN_ORDERS} counts none of {forgotten} orders")
    return Hit(
        fired=forgotten > 0,
        at=copied,
        over=over,
        problems=(*problems, *told, *recovery.problems, *read.problems),
        measured={
            "forgotten": forgotten,
            "settled_anew": anew,
            "unknown": unknown,
            "recovered_seconds": recovery.seconds,
        },
    )


def strangers(
    records: Sequence[AuditedRecord],
    find_events: Callable[[Sequence[EventRef]], dict[EventRef, StoredEvent]],
) -> Iterator[AuditedRecord]:
    """Yield the records that are not, byte for byte, events that are stored."""
    for some in _pages(records):
        named = [(record, _event(record)) for record in some]
        stored = find_events([event for _, event in named])
        for record, event in named:
            found = stored.get(event)
            if found is None or found.data.encode() != record.value:
                yield record


def _copy(arena: Arena) -> tuple[Path, float]:
    """Copy PostgreSQL's data while it stands; return where, and since when it stood."""
    postgres = arena.stack.postgres
    postgres.stop()
    copied = time.monotonic()
    copy = postgres.copy_data()
    postgres.start()
    return copy, copied


def _go_back(arena: Arena, copy: Path) -> dict[int, int]:
    """Put the copy in place; return how far the topic was by then."""
    postgres = arena.stack.postgres
    postgres.stop()
    places = _still_ends(arena)
    postgres.put_back(copy)
    postgres.start()
    return places


def _still_ends(arena: Arena) -> dict[int, int]:
    """Return the ends of the topic once nothing is under way to it any more."""
    seen = ends(arena)
    since = time.monotonic()

    def is_still() -> bool:
        nonlocal seen, since
        now = ends(arena)
        if now != seen:
            seen, since = now, time.monotonic()
        return time.monotonic() - since >= _QUIET_SECONDS

    wait_until(is_still, _STILL_SECONDS)
    return seen


@contextmanager
def _nodes_go_on(_arena: Arena) -> Iterator[list[str]]:
    yield []


@contextmanager
def _nodes_stopped(arena: Arena) -> Iterator[list[str]]:
    """Have no node run inside, as operations.md has it."""
    problems = list(arena.stop_nodes())
    yield problems
    _start(arena.nodes)


@contextmanager
def _group_rewound(arena: Arena) -> Iterator[list[str]]:
    """Have the group read everything again from the start, too."""
    with _nodes_stopped(arena) as problems:
        yield problems
        rewind(arena)


_WAYS: Final = MappingProxyType(
    {
        "nodes stopped": _nodes_stopped,
        "nodes go on": _nodes_go_on,
        "group rewound": _group_rewound,
    }
)
"""What the nodes do while PostgreSQL is brought back; each tells what went wrong."""


def _start(nodes: Sequence[ChaosNode]) -> None:
    for node in nodes:
        node.start()
    for node in nodes:
        node.wait_ready()


def _leave_out(arena: Arena, places: dict[int, int], copied: float) -> tuple[int, int]:
    """Leave out of the check what PostgreSQL cannot know.

    That are the orders first acknowledged after ``copied`` that it lacks, and the
    records of before the restore that are no events of its own. Return how many
    orders it lacks, and how many it has that had come further before.
    """
    written = map(audited, all_records(arena))
    before = [it for it in written if it.offset < places.get(it.partition, 0)]
    late = [order for order, told in _first_told(arena).items() if told > copied]
    with order_audit(arena.database_url, arena.topic) as history:
        unlike = list(strangers(before, history.find_events))
        forgotten = set(late) - _known(history, late)
        anew = _known(history, sorted({_event(it).order_id for it in unlike}))
    arena.forged.update(RecordPlace(it.partition, it.offset) for it in unlike)
    arena.forgotten |= forgotten
    return len(forgotten), len(anew)


def _known(history: PostgresOrderAudit, order_ids: Sequence[str]) -> set[str]:
    return {
        event.order_id
        for some in _pages(order_ids)
        for event in history.find_events([EventRef(each, 1) for each in some])
    }


def _first_told(arena: Arena) -> dict[str, float]:
    """Return when a client was first told of each order, CLOCK_MONOTONIC."""
    first: dict[str, float] = {}
    for operation in arena.operations():
        if operation.kind == "create" and operation.order_id is not None:
            known = first.get(operation.order_id, operation.ended)
            first[operation.order_id] = min(known, operation.ended)
    return first


def _pages(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    return (rows[at : at + _PAGE] for at in range(0, len(rows), _PAGE))


def _event(record: AuditedRecord) -> EventRef:
    return EventRef(record.order_id or "", record.version or 0)
