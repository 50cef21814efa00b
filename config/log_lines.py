"""Turns an event into a line: JSON for machines, columns for a person."""

import time
from collections.abc import MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
import structlog

from orders.config.redaction import redact

EventDict = MutableMapping[str, Any]

_MAX_TEXT = 16_384


def render_exception(_logger: object, _method: str, event_dict: EventDict) -> EventDict:
    """Replace ``exc_info`` by ``exception``: the traceback, no local variables.

    ``error``, which others have written, keeps no secret either.
    """
    error = event_dict.get("error")
    if isinstance(error, str):
        event_dict["error"] = redact(error)
    exc_info = event_dict.pop("exc_info", None)
    if exc_info:
        event_dict["exc_info"] = exc_info
        event_dict = structlog.processors.format_exc_info(None, "", event_dict)
        text = redact(str(event_dict.get("exception", "")))
        # The end of a traceback says what happened, its start only how we came there.
        event_dict["exception"] = text[-_MAX_TEXT:]
    return event_dict


def timestamp() -> str:
    """Return now in UTC as RFC 3339 with microseconds."""
    second, nanos = divmod(time.time_ns(), 1_000_000_000)
    return f"{_up_to_second(second)}.{nanos // 1000:06d}Z"


@lru_cache(maxsize=2)
def _up_to_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class JsonLine:
    """Last processor: the event as one line of JSON, the fixed fields first."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._encode = msgspec.json.Encoder(enc_hook=repr).encode

    def __call__(self, logger: object, method: str, event_dict: EventDict) -> bytes:
        """Return the line without its newline; never raises."""
        fields = {
            "timestamp": timestamp(),
            "level": "error" if method == "exception" else method,
            "event": event_dict.pop("event", ""),
            "node": self._node,
            "logger": getattr(logger, "name", ""),
            **event_dict,
        }
        try:
            return self._encode(fields)
        except Exception:  # noqa: BLE001 - a field's repr may raise anything
            return self._encode(_as_text(fields))


def _as_text(fields: dict[str, Any]) -> dict[str, str]:
    return {str(name): _text(value) for name, value in fields.items()}


def _text(value: object) -> str:
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception:  # noqa: BLE001 - see above
        text = f"<{type(value).__name__}>"
    # Lone surrogates cannot be encoded.
    return text.encode("utf-8", "backslashreplace").decode()


class ConsoleLine:
    """Last processor: the event as a line for a person, in colours on a terminal."""

    def __init__(self, *, colors: bool) -> None:
        self._render = structlog.dev.ConsoleRenderer(
            colors=colors, exception_formatter=structlog.dev.plain_traceback
        )

    def __call__(self, logger: object, method: str, event_dict: EventDict) -> bytes:
        """Return the line without its newline."""
        event_dict["timestamp"] = timestamp()
        event_dict["logger"] = getattr(logger, "name", "")
        event_dict["level"] = "error" if method == "exception" else method
        text = self._render(logger, method, event_dict)
        return str(text).encode("utf-8", "backslashreplace")
