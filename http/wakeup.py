"""The bell that other threads ring to wake the event loop."""

import socket
from contextlib import suppress

_DRAIN_BYTES = 4096


class Wakeup:
    """A socket pair: one end is watched by the loop, the other is written to.

    waitress has a trigger for this, but runs callbacks under its plain lock, where
    a callback that pulls the trigger again would wait for itself for ever.
    """

    def __init__(self) -> None:
        self._heard, self._bell = socket.socketpair()
        self._heard.setblocking(False)
        self._bell.setblocking(False)

    @property
    def fd(self) -> int:
        """The descriptor to watch for input."""
        return self._heard.fileno()

    def ring(self) -> None:
        """Make ``fd`` readable; any thread, never waits, harmless after ``close``."""
        # OSError: full, so the loop wakes anyway, or closed, so there is no loop.
        with suppress(OSError):
            self._bell.send(b"\0")

    def close(self) -> None:
        """Release both ends."""
        self._heard.close()
        self._bell.close()

    # What the poller asks of everything that it watches.

    def readable(self) -> bool:
        """Input is always wanted."""
        return True

    def writable(self) -> bool:
        """Output never is."""
        return False

    def handle_read_event(self) -> None:
        """Forget the rings so far."""
        with suppress(BlockingIOError):
            self._heard.recv(_DRAIN_BYTES)

    def handle_input_behind(self) -> None:
        """It is read at once."""

    def handle_write_event(self) -> None:
        """Nothing is written from here."""

    def handle_close(self) -> None:
        """Closed by its owner only."""

    def handle_error(self) -> None:
        """Nothing to repair: the next turn reads again."""
