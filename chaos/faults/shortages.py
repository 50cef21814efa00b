"""F23: a node gets no file descriptor any more, or no memory."""

import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.faults.actors import ESCALATED
from orders.chaos.faults.floods import answer_problems
from orders.chaos.limits import limited
from orders.chaos.node import ChaosNode
from orders.chaos.recovery import await_recovery
from orders.chaos.trial import Hit, Trial

_SHORT_SECONDS = 4.0
_RECONNECT_SECONDS = 0.5
_MORE_CLIENTS = 512
_MORE_ORDERS = 10_000.0
"""A second, more than there can be: a node that has much to do asks for memory."""
_SIGNS: Final = MappingProxyType(
    {"descriptors": "out_of_descriptors", "memory": "MemoryError"}
)
"""What the log of a node names that runs short."""
_ENDS: Final = MappingProxyType(
    {"descriptors": {ESCALATED}, "memory": {ESCALATED, -signal.SIGABRT}}
)
"""How it may end: greenlet gives a process up that has none to save a stack in."""


def strike_shortage(arena: Arena, trial: Trial) -> Hit:
    """Give a node nothing more for some seconds, while its clients come anew.

    It may refuse, or give itself up; it may not take what it then loses.
    """
    node = arena.nodes[trial.node]
    kind, most_of = _KINDS[trial.kind]
    time.sleep(trial.delay_seconds)
    at = time.monotonic()
    before = _told_of(node, trial.kind)
    crowd: list[str] = []
    with (
        _crowd(arena, trial.kind, crowd),
        limited(node.pid, kind, most_of(node)),
    ):
        until = time.monotonic() + _SHORT_SECONDS
        while node.is_running and time.monotonic() < until:
            arena.stack.gates[trial.node].http.reset()  # so that clients come anew
            time.sleep(_RECONNECT_SECONDS)
    problems = [*crowd]
    died = not node.is_running
    told_of = _told_of(node, trial.kind) - before
    if died:
        code = node.wait_exit(_SHORT_SECONDS)
        if code not in _ENDS[trial.kind]:
            problems.append(f"{node.name} ended with {code}")
        arena.bring_back(node)
    over = time.monotonic()
    arena.await_flow()
    recovery = await_recovery(arena, over)
    return Hit(
        fired=died or told_of > 0,
        at=at,
        over=over,
        node=trial.node,
        problems=(*problems, *recovery.problems),
        measured={
            "gave_itself_up": died,
            "told_of": told_of,
            "recovered_seconds": recovery.seconds,
        },
    )


def _told_of(node: ChaosNode, kind: str) -> int:
    return sum(_SIGNS[kind] in str(event) for event in node.events())


@contextmanager
def _crowd(arena: Arena, kind: str, problems: list[str]) -> Iterator[None]:
    """Let more clients order, where the node is to ask for more than it has."""
    if kind != "memory":
        yield
        return
    load = arena.start_flood(_MORE_CLIENTS, _MORE_ORDERS)
    try:
        yield
    finally:
        stats = load.finish()
    problems.extend(answer_problems(load, stats))


def _half_of_descriptors(node: ChaosNode) -> int:
    """Return a limit under which what the node closes is not to be had again."""
    return len(list(Path(f"/proc/{node.pid}/fd").iterdir())) // 2


def _memory_now(node: ChaosNode) -> int:
    """Return the size of the node's address space, bytes: nothing may be added."""
    pages = Path(f"/proc/{node.pid}/statm").read_text("ascii").split()[0]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


_KINDS: Final = MappingProxyType[str, tuple[int, Callable[[ChaosNode], int]]](
    {
        "descriptors": (resource.RLIMIT_NOFILE, _half_of_descriptors),
        "memory": (resource.RLIMIT_AS, _memory_now),
    }
)
