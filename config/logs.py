"""Logs: one line per event on standard output, the same for every library."""

import atexit
import logging
import sys
import threading
from types import TracebackType
from typing import Literal, cast

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from orders.config.log_lines import ConsoleLine, JsonLine, render_exception
from orders.config.log_repeats import TEMPLATE, RepeatLimiter
from orders.config.log_sink import LineSink
from orders.config.redaction import redact

Format = Literal["json", "console"]
Level = Literal["debug", "info", "warning", "error"]

_STDOUT = 1
_CLOSE_SECONDS = 1.0
_ALWAYS_QUIET = {
    # Reports every request that waits for a thread.
    "waitress.queue": logging.ERROR,
}
_LIBRARY_LEVEL = logging.WARNING
# Below INFO kafka logs the records themselves, and pykka the messages.
_LIBRARY_FLOOR = logging.INFO


class NamedSink:
    """What structlog calls last; every level is the same to it."""

    def __init__(self, sink: LineSink, name: str) -> None:
        self.name = name
        self.debug = self.info = self.warning = self.error = sink.put
        self.critical = self.exception = self.fatal = self.msg = sink.put


class _LibraryHandler(logging.Handler):
    """Sends the standard library's records the same way as our own events."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log ``record``; one that cannot be formatted is reported on stderr."""
        try:
            get_logger(record.name).log(
                min(record.levelno // 10 * 10, logging.CRITICAL),
                "library.message",
                message=redact(record.getMessage()),
                thread=record.threadName,
                exc_info=record.exc_info,
                **{TEMPLATE: str(record.msg)},
            )
        except Exception:  # noqa: BLE001 - the contract of logging.Handler
            self.handleError(record)


def configure_logs(
    format: Format,  # noqa: A002 - the setting's own name
    level: Level,
    node: str,
    *,
    descriptor: int = _STDOUT,
) -> LineSink:
    """Send our events and the libraries' messages to ``descriptor``.

    Called once, before the first line is logged. The returned sink is closed when
    the interpreter ends; it tells how many lines it dropped. ``os._exit`` skips
    that: close it before, or lose the last 10 ms.
    """
    sink = LineSink(descriptor)
    # Whoever forgets to close it would lose the last lines, which say why.
    atexit.register(sink.close, _CLOSE_SECONDS)
    threshold = getattr(logging, level.upper())
    line: Processor = (
        JsonLine(node)
        if format == "json"
        else ConsoleLine(colors=sys.stdout is not None and sys.stdout.isatty())
    )
    structlog.configure(
        processors=[
            RepeatLimiter(),
            render_exception,
            line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda name="": NamedSink(sink, name),
        cache_logger_on_first_use=True,
    )
    _route_libraries(threshold)
    threading.excepthook = _log_thread_crash
    sys.excepthook = _log_crash
    return sink


def get_logger(name: str) -> FilteringBoundLogger:
    """Return a logger whose lines carry ``logger=name``; usable at import time.

    Where a line per order is logged, ``.bind()`` once after ``configure_logs``:
    that saves a microsecond a line.
    """
    return cast("FilteringBoundLogger", structlog.get_logger(name))


def _route_libraries(threshold: int) -> None:
    root = logging.getLogger()
    root.handlers[:] = [_LibraryHandler()]
    is_debug = threshold <= logging.DEBUG
    root.setLevel(_LIBRARY_FLOOR if is_debug else max(threshold, _LIBRARY_LEVEL))
    for name, quiet in _ALWAYS_QUIET.items():
        logging.getLogger(name).setLevel(quiet)
    for name in ("kafka", "pykka", "waitress", "psycopg"):
        # Set on each: somebody's setLevel(DEBUG) on the root must not open them.
        logging.getLogger(name).setLevel(root.level)
    logging.captureWarnings(capture=True)


def _log_thread_crash(crash: threading.ExceptHookArgs) -> None:
    if crash.exc_type is SystemExit:
        return
    name = crash.thread.name if crash.thread is not None else None
    exc_info = (crash.exc_type, crash.exc_value, crash.exc_traceback)
    get_logger(__name__).error("thread.crashed", thread=name, exc_info=exc_info)


def _log_crash(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
        return
    log = get_logger(__name__)
    log.critical("process.crashed", exc_info=(kind, error, traceback))
