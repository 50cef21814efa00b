"""Order ids: UUIDv7 (RFC 9562, section 5.7), so that they sort by time."""

import os
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Final

_BLOCK_BYTES = 4080
_RANDOM_BYTES = 10
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
        self._block = b""
        self._position = 0

    def __call__(self) -> str:
        """Return a new id in its canonical text form."""
        if self._position >= len(self._block):
            self._block = os.urandom(_BLOCK_BYTES)
            self._position = 0
        end = self._position + _RANDOM_BYTES
        bits = int.from_bytes(self._block[self._position : end], "big")
        self._position = end
        millis = time.time_ns() // 1_000_000
        low = 0x8000_0000_0000_0000 | (bits >> 18 & 0x3FFF_FFFF_FFFF_FFFF)
        text = f"{millis:012x}7{bits & 0xFFF:03x}{low:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


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
