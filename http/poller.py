"""Which connections the kernel watches, and what is done when it reports one.

waitress builds a list of all connections for each poll. Here the kernel keeps it
(epoll where there is one), and is told only when the interest of one connection
changes; a request that is read and answered at once changes nothing.
"""

import select
from typing import Protocol

from orders.http.waitress_edge import read_event, write_event

# poll(2) and epoll(7) share these values.
IN = select.POLLIN
OUT = select.POLLOUT
_GONE = select.POLLHUP | select.POLLERR


class Watched(Protocol):
    """A connection, the listener or the wake-up, as waitress's asyncore shapes it."""

    def readable(self) -> object:
        """Tell whether input is wanted now."""

    def writable(self) -> object:
        """Tell whether there is output, or a close, to get done."""

    def handle_read_event(self) -> None:
        """Read."""

    def handle_input_behind(self) -> None:
        """Look at input that is read later, since a request is being served."""

    def handle_write_event(self) -> None:
        """Write."""

    def handle_close(self) -> None:
        """Close."""

    def handle_error(self) -> None:
        """Close after an unexpected exception, which is the current one."""


class Readiness(Protocol):
    """The kernel's interface: ``select.epoll`` or a stand-in."""

    def register(self, fd: int, eventmask: int, /) -> None:
        """Watch ``fd``."""

    def modify(self, fd: int, eventmask: int, /) -> None:
        """Watch it for something else."""

    def unregister(self, fd: int, /) -> None:
        """Forget it."""

    def poll(self, timeout: float, /) -> list[tuple[int, int]]:
        """Wait up to ``timeout`` seconds; return descriptors and their events."""

    def close(self) -> None:
        """Release the kernel's object."""


class PortablePoll:
    """``select.poll`` behind epoll's interface, for systems without epoll."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self.register = self._poll.register
        self.modify = self._poll.modify
        self.unregister = self._poll.unregister

    def poll(self, timeout: float, /) -> list[tuple[int, int]]:
        """Wait up to ``timeout`` seconds."""
        return self._poll.poll(timeout * 1000)

    def close(self) -> None:
        """Nothing is held in the kernel."""


def kernel_readiness() -> Readiness:
    """Return the best interface that this system has."""
    return select.epoll() if hasattr(select, "epoll") else PortablePoll()


class Poller:
    """Interest by descriptor; event loop only.

    ``watched`` is the map that waitress calls its socket map: its objects add and
    remove themselves, and call ``watch`` and ``forget`` with it.
    """

    def __init__(self, readiness: Readiness | None = None) -> None:
        self.watched: dict[int, Watched] = {}
        self._kernel = readiness or kernel_readiness()
        self._interest: dict[int, int] = {}
        self._touched: dict[int, Watched] = {}

    def watch(self, fd: int) -> None:
        """Watch ``fd`` for input from now on."""
        self._set(fd, IN)

    def forget(self, fd: int) -> None:
        """Stop watching ``fd``, before it is closed: its number will come again."""
        if self._interest.pop(fd, None) is not None:
            self._kernel.unregister(fd)
        self._touched.pop(fd, None)

    def touch(self, fd: int | None, watched: Watched) -> None:
        """Look at its interest again at the end of this turn."""
        if fd is not None:
            self._touched[fd] = watched

    def wait(self, timeout_seconds: float) -> list[tuple[int, int]]:
        """Wait for events and return them."""
        return self._kernel.poll(timeout_seconds)

    def dispatch(self, events: list[tuple[int, int]]) -> None:
        """Let each reported object act; what fails is closed, the rest goes on."""
        for fd, event in events:
            watched = self.watched.get(fd)
            if watched is not None:
                self._serve(fd, watched, event)

    def update_touched(self) -> None:
        """Bring the interest of everything touched up to date."""
        touched, self._touched = self._touched, {}
        for fd, watched in touched.items():
            self._update(fd, watched)

    def close(self) -> None:
        """Release the kernel's object."""
        self._kernel.close()

    def _serve(self, fd: int, watched: Watched, event: int) -> None:
        if event & (IN | _GONE):
            if watched.readable():
                read_event(watched)
            elif event & _GONE:
                # The client of a parked request went away for good. The kernel
                # cannot be asked to be silent about that, so the connection goes.
                watched.handle_close()
            else:
                # More input, or the client's end of it, behind a parked request:
                # read after the answer.
                watched.handle_input_behind()
                self._set(fd, self._interest.get(fd, IN) & ~IN)
        self._update(fd, watched)

    def _update(self, fd: int, watched: Watched) -> None:
        if self.watched.get(fd) is not watched:
            return
        known = self._interest.get(fd, 0)
        if not watched.writable():
            if known == IN:
                return  # as after nearly every answer
        else:
            write_event(watched)  # cheaper than asking the kernel whether it would go
            if self.watched.get(fd) is not watched:
                return
        interest = OUT if watched.writable() else 0
        # Input stays armed behind a parked request: most clients send nothing then,
        # and the kernel needs not be told twice for each request.
        if watched.readable() or self._interest.get(fd, 0) & IN:
            interest |= IN
        self._set(fd, interest)

    def _set(self, fd: int, interest: int) -> None:
        known = self._interest.get(fd)
        if known == interest:
            return
        if known is None:
            self._kernel.register(fd, interest)
        else:
            self._kernel.modify(fd, interest)
        self._interest[fd] = interest
