"""What the process does when it is told to stop."""

import faulthandler
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import TextIO

from orders.config.exit_codes import FORCED

_STOPPING = (signal.SIGTERM, signal.SIGINT)


def exit_at_once() -> None:
    """End the process without another word; what was accepted is in PostgreSQL."""
    os._exit(FORCED)


def install_signals(
    on_stop: Callable[[str], bool],
    on_last: Callable[[], None] = exit_at_once,
    stacks_to: TextIO | None = None,
) -> None:
    """Handle SIGTERM, SIGINT and SIGUSR1. Main thread only.

    Each SIGTERM or SIGINT calls ``on_stop`` with the signal's name; one that it answers
    with False, since nothing is left to bring forward, calls ``on_last``. Both run on
    the main thread between two bytecodes of whatever runs there, locks held or not:
    they may set an event or append to a deque, nothing that waits. SIGUSR1 writes the
    stacks of all threads to ``stacks_to``, standard error where not given.
    """

    def handle(number: int, _frame: FrameType | None) -> None:
        if not on_stop(signal.Signals(number).name):
            on_last()

    for number in _STOPPING:
        signal.signal(number, handle)
    faulthandler.register(signal.SIGUSR1, file=stacks_to or sys.stderr)
