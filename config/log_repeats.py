"""Keeps a part that fails a thousand times from filling the log."""

import threading
import time
from collections.abc import Callable, MutableMapping
from typing import Any, Final

from structlog import DropEvent

_LIMITED: Final = frozenset({"warning", "error", "critical", "exception"})
_KEY_FIELDS: Final = ("actor", "session", "partition", "reason")
_MAX_KEYS = 1000

TEMPLATE: Final = "_template"
"""A library's message before its values are filled in: tells repeats apart better
than the message. Never written."""


class _Window:
    __slots__ = ("ends", "passed", "suppressed")

    def __init__(self, ends: float) -> None:
        self.ends = ends
        self.passed = 0
        self.suppressed = 0


class RepeatLimiter:
    """A structlog processor: of lines alike, a few per window pass.

    Lines are alike when level, logger, event and the fields ``actor session
    partition reason`` are. The first line after a window carries ``suppressed``,
    the number of lines that were left out. Info and debug lines always pass: they
    are one per order or rarer.

    Args:
        limit: lines that pass in one window.
        window_seconds: length of a window.
        clock: monotonic seconds.

    """

    def __init__(
        self,
        limit: int = 5,
        window_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = limit
        self._window_seconds = window_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[tuple[str, ...], _Window] = {}

    def __call__(
        self, logger: object, method: str, event_dict: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Pass the line on, or raise structlog's ``DropEvent``."""
        if method not in _LIMITED:
            event_dict.pop(TEMPLATE, None)
            return event_dict
        source = getattr(logger, "name", "")
        fields = (str(event_dict.get(name)) for name in _KEY_FIELDS)
        event = event_dict.pop(TEMPLATE, event_dict.get("event"))
        key = (method, source, str(event), *fields)
        with self._lock:
            suppressed = self._admit(key)
        if suppressed:
            event_dict["suppressed"] = suppressed
        return event_dict

    def _admit(self, key: tuple[str, ...]) -> int:
        now = self._clock()
        window = self._windows.get(key)
        if window is None or now >= window.ends:
            suppressed = window.suppressed if window is not None else 0
            self._open(key, now)
            return suppressed
        if window.passed < self._limit:
            window.passed += 1
            return 0
        window.suppressed += 1
        raise DropEvent

    def _open(self, key: tuple[str, ...], now: float) -> None:
        if len(self._windows) >= _MAX_KEYS:
            self._forget_ended(now)
        window = self._windows[key] = _Window(now + self._window_seconds)
        window.passed = 1

    def _forget_ended(self, now: float) -> None:
        live = {key: w for key, w in self._windows.items() if now < w.ends}
        # Bounded even when every key is new: then limiting starts afresh.
        self._windows = live if len(live) < _MAX_KEYS else {}
