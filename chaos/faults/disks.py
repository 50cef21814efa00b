"""F16: a disk is full, as a limit on the size of files stands for it."""

import resource
import time
from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.limits import limited
from orders.chaos.recovery import await_recovery
from orders.chaos.trial import Hit, Trial

_FULL_SECONDS = 3.0
_PAGE_BYTES = 8_192


def strike_disk(arena: Arena, trial: Trial) -> Hit:
    """Let every write behind a place in any file fail; then give room again."""
    time.sleep(trial.delay_seconds)
    at = time.monotonic()
    with limited(_OF[trial.kind](arena, trial), resource.RLIMIT_FSIZE, _PAGE_BYTES):
        time.sleep(_FULL_SECONDS)
    arena.stack.bring_back()  # a server may have given itself up, as it should
    over = time.monotonic()
    arena.await_flow()
    recovery = await_recovery(arena, over)
    return Hit(
        fired=True,
        at=at,
        over=over,
        problems=recovery.problems,
        measured={"recovered_seconds": recovery.seconds},
    )


_OF: Final[MappingProxyType[str, Callable[[Arena, Trial], int]]] = MappingProxyType(
    {
        "PostgreSQL": lambda arena, _: arena.stack.postgres.pid,
        "Kafka": lambda arena, _: arena.stack.kafka.pid,
        "log of a node": lambda arena, trial: arena.nodes[trial.node].pid,
    }
)
"""Whose disk it is: the id of the process that writes."""
