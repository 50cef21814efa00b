"""Order ids: UUIDv7 (RFC 9562, section 5.7), so that they sort by time."""

import os
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Final

_BLOCK_BYTES = 4080
_DIGITS = 20
"""Random hexadecimal digits for one id; 74 of their 80 bits are used."""
_VARIANT = {f"{digit:x}": "89ab"[digit % 4] for digit in range(16)}
"""The variant's two bits before two random ones."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
ORDER_ID_PATTERN: Final = (
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)
"""The canonical form: lower case."""
_CANONICAL = re.compile(ORDER_ID_PATTERN, re.ASCII)


class IdFactory:
    """Makes UUIDv7 texts; each thread that makes ids owns a factory.

    Random bits are taken from a block of ``os.urandom``: one system call serves
    408 ids.
    """

    def __init__(self) -> None:
        self._block = ""
        self._position = 0
        self._millis = -1
        self._time = ""

    def __call__(self) -> str:
        """Return a new id in its canonical text form."""
        start = self._position
        if start >= len(self._block):
            self._block = os.urandom(_BLOCK_BYTES).hex()
            start = 0
        self._position = end = start + _DIGITS
        digits = self._block[start:end]
        millis = time.time_ns() // 1_000_000
        if millis != self._millis:
            text = f"{millis:012x}"
            self._millis, self._time = millis, f"{text[:8]}-{text[8:]}-7"
        middle = f"{digits[:3]}-{_VARIANT[digits[3]]}{digits[4:7]}"
        return f"{self._time}{middle}-{digits[7:19]}"


def is_order_id(text: str) -> bool:
    """Tell whether ``text`` is a UUID in canonical lower-case form."""
    return _CANONICAL.fullmatch(text) is not None


def first_id_of(moment: datetime, later: timedelta = timedelta(0)) -> str:
    """Return what sorts before every id made ``later`` than ``moment``, or just then.

    ``moment`` has a time zone; times before 1970 count as its beginning.
    """
    millis = max((moment - _EPOCH + later) // _MILLISECOND, 0)
    text = f"{millis:012x}"
    return f"{text[:8]}-{text[8:]}-0000-0000-000000000000"
