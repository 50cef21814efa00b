"""Tells the user about steps that take long enough to wonder about."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str], None]
"""Gets one line for each slow step; may be called on any thread."""

_QUIET_SECONDS = 1.0


def silent(_line: str) -> None:
    """Say nothing: the default where nobody watches."""


@contextmanager
def step(progress: Progress, line: str) -> Iterator[None]:
    """Report ``line`` if the block is still running after a second."""
    timer = threading.Timer(_QUIET_SECONDS, progress, (line,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
