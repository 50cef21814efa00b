"""What clients saw: a journal of operations, written line by line as they end.

The journal belongs to the process that made the requests, never to a node, so that
it says what was promised to a client even when every node is gone. One line is one
operation as a JSON object; a line is whole or, the last one alone, torn by a crash.
"""

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from types import NoneType, TracebackType
from typing import Final, Literal, Self, get_args

Kind = Literal["create", "read"]

_FINGERPRINT_BYTES = 20
_LONGEST_LINE_BYTES = 65_536


class Outcome(StrEnum):
    """What a client knows after its request."""

    OK = "ok"
    """A 2xx answer arrived."""
    FAILED = "failed"
    """A 4xx, or a 503 that says not stored: it certainly had no effect."""
    UNKNOWN = "unknown"
    """A timeout, a broken connection or any other 5xx: it may have had an effect."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of one client, with what came of it.

    Attributes:
        kind: "create" or "read".
        client: the client's number; one client does one thing at a time.
        key: the ``Idempotency-Key`` of a create, if it had one.
        route: "/v1/orders" or "/Orders".
        fingerprint: ``order_fingerprint`` of a create, "" for a read.
        started: seconds of CLOCK_MONOTONIC, comparable between the processes of one
            machine; taken before the first byte was sent.
        ended: seconds of the same clock, taken when the outcome was known.
        outcome: what the client knows.
        http_status: the answer's status code, None where no answer came.
        order_id: the order in the answer, or the one a read asked for.
        version: the order's version in the answer.
        status: the order's status in the answer.
        payment_status: the order's payment status in the answer.
        replayed: the answer says that an earlier request stored the order.
        node: the index of the node that was asked, None where nobody kept it.

    """

    kind: Kind
    client: int
    key: str | None
    route: str
    fingerprint: str
    started: float
    ended: float
    outcome: Outcome
    http_status: int | None = None
    order_id: str | None = None
    version: int | None = None
    status: str | None = None
    payment_status: str | None = None
    replayed: bool = False
    node: int | None = None


_FIELD_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "kind": (str,),
    "client": (int,),
    "key": (str, NoneType),
    "route": (str,),
    "fingerprint": (str,),
    "started": (float, int),
    "ended": (float, int),
    "http_status": (int, NoneType),
    "order_id": (str, NoneType),
    "version": (int, NoneType),
    "status": (str, NoneType),
    "payment_status": (str, NoneType),
    "replayed": (bool,),
    "node": (int, NoneType),
}
"""What JSON gives for each field but the outcome, which is made of its text."""


class JournalError(Exception):
    """A journal holds a line that no writer of ours wrote."""


def order_fingerprint(
    user_id: int,
    currency: str,
    total: int,
    items: Sequence[tuple[int, int, int]],
    reference: str | None,
) -> str:
    """Return a hex digest of what never changes about an order.

    Args:
        user_id: the customer.
        currency: ISO 4217 code.
        total: minor units.
        items: (product_id, quantity, line_total in minor units) of each line.
        reference: the client's own name of the order, None where it gave none.

    """
    parts = (user_id, currency, total, [list(item) for item in items], reference)
    text = json.dumps(parts, separators=(",", ":")).encode()
    return hashlib.blake2b(text, digest_size=_FINGERPRINT_BYTES).hexdigest()


class JournalWriter:
    """Appends operations to a file; any thread may call it.

    Args:
        path: the file; it is made where it is missing and appended to otherwise,
            after a torn last line has been cut off.

    Raises:
        OSError: from any call, when the disk refuses.
        JournalError: the file is no journal.

    """

    def __init__(self, path: Path) -> None:
        _cut_torn_line(path)
        self._file = path.open("ab")
        self._write_lock = threading.Lock()
        self._sync_lock = threading.Lock()
        self._written = 0
        self._synced = 0

    def write(self, operation: Operation) -> None:
        """Append ``operation``; it may be lost until ``sync`` has returned."""
        line = json.dumps(asdict(operation), separators=(",", ":")) + "\n"
        with self._write_lock:
            self._file.write(line.encode())
            self._written += 1

    def sync(self) -> None:
        """Wait until all that was written before this call is on the disk.

        Threads that call at the same time share one fsync.
        """
        wanted = self._written
        with self._sync_lock:
            if self._synced >= wanted:
                return
            with self._write_lock:
                self._file.flush()
                reached = self._written
            os.fsync(self._file.fileno())
            self._synced = reached

    def close(self) -> None:
        """Sync and close the file."""
        self.sync()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def read_journal(path: Path) -> Iterator[Operation]:
    """Yield the operations of a journal, in the order they were written.

    A last line without its end is passed over: its write was cut short, so nobody
    relied on it.

    Raises:
        OSError: the file cannot be read.
        JournalError: another line is not an operation; the message says which.

    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                return
            yield _operation(line, f"{path}, line {number}")


def _operation(line: bytes, where: str) -> Operation:
    try:
        fields = json.loads(line)
        fields["outcome"] = Outcome(fields["outcome"])
        operation = Operation(**fields)
        _check_types(operation)
    except (ValueError, TypeError, KeyError) as error:
        raise JournalError(f"{where} is not an operation: {error}") from error
    return operation


def _check_types(operation: Operation) -> None:
    """Raise TypeError where a field is something else than a writer writes."""
    for name, kinds in _FIELD_TYPES.items():
        value = getattr(operation, name)
        if not isinstance(value, kinds):
            raise TypeError(f"{name} is {value!r:.60}")
    if operation.kind not in get_args(Kind):
        raise TypeError(f"kind is {operation.kind!r:.60}")


def _cut_torn_line(path: Path) -> None:
    """Cut off what a crash left of a last line, so that the next one is whole."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        start = max(0, file.seek(0, os.SEEK_END) - _LONGEST_LINE_BYTES)
        file.seek(start)
        end = file.read().rfind(b"\n") + 1
        if start and not end:
            raise JournalError(f"{path} does not consist of lines")
        file.truncate(start + end)
