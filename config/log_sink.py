"""Where log lines end up: one file descriptor, written by one thread.

A line per order would otherwise cost each order a system call, and a reader that
has stopped would stop the node. So callers only append; a thread of its own writes
what has gathered, and what cannot be written is counted and dropped.
"""

import os
import select
import threading
from collections import deque
from contextlib import suppress

_LINGER_SECONDS = 0.01
_FULL_PIPE_SECONDS = 1.0
_MAX_LINES = 20_000
_STDERR = 2


class LineSink:
    """Writes whole lines to ``descriptor``; never raises, never blocks a caller.

    Lines come out in the order they were put. A process that is killed loses what
    was put during the last 10 ms; every other way out should ``close`` it.

    Args:
        descriptor: an open file descriptor, not closed here.
        max_lines: lines that may wait; more are dropped and counted.

    """

    def __init__(self, descriptor: int, *, max_lines: int = _MAX_LINES) -> None:
        self._descriptor = descriptor
        self._max_lines = max_lines
        self._lines: deque[bytes] = deque()
        self._waiting = threading.Event()
        self._closing = threading.Event()
        self._counting = threading.Lock()
        self._dropped = 0
        self._is_line_torn = False
        self._has_complained = False
        self._thread = threading.Thread(target=self._run, name="log-sink", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Lines lost since the start."""
        return self._dropped

    def put(self, line: bytes) -> None:
        """Take one line without its newline. Any thread; about 0.3 microseconds."""
        if len(self._lines) >= self._max_lines or self._closing.is_set():
            self._drop(1)
            return
        self._lines.append(line)
        if not self._waiting.is_set():
            self._waiting.set()

    def close(self, timeout_seconds: float) -> bool:
        """Have the rest written and end the thread; False when time ran out.

        Only the thread ever writes, so a reader that has stopped cannot hold up
        whoever closes. Lines that come later are dropped.
        """
        self._closing.set()
        self._waiting.set()
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._waiting.wait()
            # Cleared before looking: a line put after the look wakes us again.
            self._waiting.clear()
            self._write_waiting()
            # Lines that come together are written together.
            self._closing.wait(_LINGER_SECONDS)
        self._write_waiting()

    def _write_waiting(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if not lines:
            return
        head = b"\n" if self._is_line_torn else b""
        data = head + b"\n".join(lines) + b"\n"
        written = self._write(memoryview(data))
        if written < len(data):
            self._drop(len(lines) - data.count(b"\n", len(head), written))
        if written:
            self._is_line_torn = data[written - 1 : written] != b"\n"

    def _write(self, data: memoryview) -> int:
        """Return how many bytes went out before an error."""
        written = 0
        while written < len(data):
            try:
                written += os.write(self._descriptor, data[written:])
            except BlockingIOError:
                if not self._has_room():
                    break
            except OSError as error:  # closed, broken pipe, disk full
                self._complain(error)
                break
        return written

    def _complain(self, error: OSError) -> None:
        """Say once, where there is a standard error, that there is no log."""
        if self._has_complained:
            return
        self._has_complained = True
        text = f"the log cannot be written, its lines are dropped: {error.strerror}\n"
        with suppress(OSError):
            os.write(_STDERR, text.encode())

    def _has_room(self) -> bool:
        # Somebody made the descriptor non-blocking, and its reader is slow.
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return bool(poll.poll(_FULL_PIPE_SECONDS * 1000))

    def _drop(self, count: int) -> None:
        with self._counting:
            self._dropped += count
