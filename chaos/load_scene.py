"""What the clients of one load share."""

import asyncio
from collections import deque
from dataclasses import dataclass

from orders.chaos.load_stats import LoadStats
from orders.verification.journal import JournalWriter


@dataclass(slots=True, kw_only=True)
class Scene:
    """What all clients of one load share; touched on the event loop alone."""

    run: str
    ports: list[int]
    journal: JournalWriter
    stats: LoadStats
    known: deque[str]
    """Ids of orders that were acknowledged lately."""
    stopping: asyncio.Event
    interval_seconds: float
    patience_seconds: float | None = None
    """How long a client waits for an answer before it turns to another node, which is
    no fault of the node's; None: as long as any answer may take."""
    unsynced: int = 0
    """Acknowledged orders whose journal lines may not be on the disk yet."""
