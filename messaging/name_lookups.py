"""Names of brokers are looked up within a bound.

kafka-python looks them up on the thread that does all of a client's input and output,
and waits as long as the system's resolver does: 10 s and more where no name server
answers. No heartbeat goes out meanwhile, and the client's owner waits with it. The
private part that is touched is pinned by a test.
"""

import socket
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as LookUpTimeoutError
from typing import Final

from kafka.errors import KafkaConnectionError
from kafka.net.inet import KafkaNetSocket

LOOK_UP_SECONDS = 2.0
"""Well below a session time-out, and what an owner may wait."""

Address = tuple[int, int, int, str, tuple[object, ...]]
_Key = tuple[str, int]


class NameUnknownError(KafkaConnectionError):  # type: ignore[misc]  # no types there
    """A broker's name is not known, or the name server did not answer in time."""


class NameLookUps:
    """Looks up names on threads of their own: one a name, however many ask.

    An address that was found is used again while the name server does not answer.
    """

    def __init__(self, seconds: float = LOOK_UP_SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._under_way: dict[_Key, Future[list[Address]]] = {}
        self._found: dict[_Key, list[Address]] = {}

    def find(self, host: str, port: int) -> list[Address]:
        """Return the addresses of ``host``.

        Raises:
            NameUnknownError: it has none, or none was found in time.

        """
        key = (host, port)
        try:
            found = self._ask(key).result(self._seconds)
        except LookUpTimeoutError:
            known = self._found.get(key)
            if known is None:
                raise NameUnknownError(
                    f"no name server answered within {self._seconds:g} s"
                ) from None
            return known
        except OSError as error:
            raise NameUnknownError(f"{error.strerror or 'no such name'}") from error
        self._found[key] = found
        return found

    def _ask(self, key: _Key) -> "Future[list[Address]]":
        with self._lock:
            under_way = self._under_way.get(key)
            if under_way is not None:
                return under_way
            future: Future[list[Address]] = Future()
            self._under_way[key] = future
        threading.Thread(
            target=self._look_up, args=(key, future), name="kafka-names", daemon=True
        ).start()
        return future

    def _look_up(self, key: _Key, future: "Future[list[Address]]") -> None:
        try:
            found = socket.getaddrinfo(*key, socket.AF_UNSPEC, socket.SOCK_STREAM)
        except BaseException as error:  # noqa: BLE001 - who waits is told
            outcome: Exception = error if isinstance(error, OSError) else OSError()
            self._end(key)
            future.set_exception(outcome)
        else:
            self._end(key)
            future.set_result(list(found))

    def _end(self, key: _Key) -> None:
        with self._lock:
            self._under_way.pop(key, None)


_LOOK_UPS: Final = NameLookUps()


def _dns_lookup(
    _socket: object,
    host: str,
    port: int,
    raise_error: bool = False,  # noqa: ARG001 - the client's signature
) -> list[Address]:
    return _LOOK_UPS.find(host, port)


def install() -> None:
    """Have clients look names up so from now on; doing it twice does nothing."""
    KafkaNetSocket.dns_lookup = _dns_lookup
