"""Connecting within a time, although looking up a name has no limit that can be set.

``connect_timeout`` does not count while libpq or ``getaddrinfo`` asks for a name, reads
a service file or talks to Kerberos, and a thread in there cannot be stopped. So each
attempt has a thread of its own, and its caller waits for as long as it can afford.

A late attempt goes on, and the next caller that wants the same takes it up again in
place of beginning another: there are never more of them than there are sessions.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Final

import psycopg

from orders.persistence.bounded import BoundedConnection

_KEPT_SECONDS: Final = 10.0
"""A late attempt that came to an end is closed when it is not taken up for so long."""


class Attempt:
    """One try to connect, on a daemon thread."""

    def __init__(self, opener: Callable[[], BoundedConnection]) -> None:
        self._opener = opener
        self._taken = threading.Event()
        self.result: Future[BoundedConnection] = Future()
        threading.Thread(target=self._run, name="dialing", daemon=True).start()

    def wait(self, seconds: float) -> BoundedConnection:
        """Return the connection, which is the caller's from now on.

        Raises:
            TimeoutError: it takes longer, and goes on.
            psycopg.Error: it failed.

        """
        if not wait((self.result,), seconds).done:
            raise TimeoutError
        self._taken.set()
        return self.result.result()

    def _run(self) -> None:
        connection = None
        try:
            connection = self._opener()
            self.result.set_result(connection)
        except BaseException as error:  # noqa: BLE001 - it is the caller's to deal with
            self.result.set_exception(error)
        if self._taken.wait(_KEPT_SECONDS) or not LATE.forget(self):
            return
        if connection is not None:
            connection.close()


class LateAttempts:
    """The attempts that nobody waits for at present; may be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, Attempt]] = []

    def take(self, target: str) -> Attempt | None:
        """Return the eldest attempt to connect to ``target``, now the caller's."""
        with self._lock:
            for number, (name, attempt) in enumerate(self._waiting):
                if name == target:
                    del self._waiting[number]
                    return attempt
        return None

    def keep(self, target: str, attempt: Attempt) -> None:
        """Leave ``attempt`` to the next caller that wants ``target``."""
        with self._lock:
            self._waiting.append((target, attempt))

    def forget(self, attempt: Attempt) -> bool:
        """Remove ``attempt``; False where somebody took it."""
        with self._lock:
            before = len(self._waiting)
            self._waiting = [it for it in self._waiting if it[1] is not attempt]
            return len(self._waiting) < before


LATE: Final = LateAttempts()


def dial(
    target: str, opener: Callable[[], BoundedConnection], seconds: float
) -> BoundedConnection:
    """Return a connection to ``target``, made by ``opener`` on another thread.

    Raises:
        psycopg.Error: there was none within ``seconds``, or no server answered.

    """
    attempt = LATE.take(target) or Attempt(opener)
    try:
        return attempt.wait(seconds)
    except TimeoutError:
        LATE.keep(target, attempt)
        raise psycopg.OperationalError(
            f"no connection within {seconds:g} s: the name of the server is being"
            " looked up, or the server does not answer"
        ) from None
