"""How records that cannot be processed are kept whole."""

import hashlib
from collections.abc import Sequence

import msgspec

from orders.domain.records import DeadLetter
from orders.persistence.rows import encode_json


class _LetterRow(msgspec.Struct):
    """One letter, named as ``bury`` reads it; bytes become base64."""

    topic: str
    partition: int
    offset: int
    print: bytes
    key: bytes | None
    headers: list[tuple[str, bytes | None]]
    value: bytes | None
    reason: str


def encode_letters(letters: Sequence[DeadLetter]) -> str:
    """Return the JSON parameter of ``bury``."""
    return encode_json([_row(letter) for letter in letters]).decode()


def fingerprint(letter: DeadLetter) -> bytes:
    """Return the SHA-256 of a record's key, headers and value."""
    parts = (letter.key, _headers(letter), letter.value)
    return hashlib.sha256(encode_json(parts)).digest()


def _row(letter: DeadLetter) -> _LetterRow:
    return _LetterRow(
        letter.topic,
        letter.partition,
        letter.offset,
        fingerprint(letter),
        letter.key,
        _headers(letter),
        letter.value,
        letter.reason,
    )


def _headers(letter: DeadLetter) -> list[tuple[str, bytes | None]]:
    """Return the headers; what a PostgreSQL text cannot hold is spelt out."""
    return [(_storable(name), value) for name, value in letter.headers]


def _storable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode().replace("\0", r"\x00")
