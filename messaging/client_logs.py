"""Logs: what this room asks of a logger, and the client library's own loggers."""

import logging
from typing import Protocol

NOISY_LOGGERS = (
    "kafka.cluster",
    "kafka.consumer.fetcher",
    "kafka.coordinator",
    "kafka.net.connection",
    "kafka.net.inet",
    "kafka.net.manager",
    "kafka.net.sasl",
    "kafka.net.selector",
    "kafka.net.transport",
    "kafka.producer.sender",
)
"""They write 5 to 8 lines a second while a broker is away, at WARNING and above, or
one for each connection."""


class Log(Protocol):
    """The part of a structlog logger that is used here; any thread may call it."""

    def debug(self, event: str, **fields: object) -> None:
        """Log a step."""

    def info(self, event: str, **fields: object) -> None:
        """Log a fact."""

    def warning(self, event: str, **fields: object) -> None:
        """Log what an operator should know."""

    def error(self, event: str, **fields: object) -> None:
        """Log what an operator should act on."""


def quieten_client_logs() -> None:
    """Set the levels of kafka-python's loggers; call it when logging is set up.

    The floor is INFO, since DEBUG writes keys and values; a higher one stays. The
    noisy ones are only heard at CRITICAL: this room logs once when a broker goes and
    once when it is back.
    """
    library = logging.getLogger("kafka")
    library.setLevel(max(logging.INFO, library.getEffectiveLevel()))
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
