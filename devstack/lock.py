"""One owner for a data directory at a time."""

import fcntl
import os
from pathlib import Path

from orders.devstack.errors import DevstackError


class DirectoryLock:
    """An advisory lock that the kernel drops when its owner dies."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock or fail at once; a second call does nothing.

        Raises:
            DevstackError: another owner holds it; the text names its process.

        """
        if self._descriptor is not None:
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 32).decode("ascii").strip() or "unknown"
            os.close(descriptor)
            raise DevstackError(
                f"{self._directory} is in use by process {owner}; "
                "stop that one first, or name another directory in ORDERS_DATA_DIR"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode("ascii"))
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
