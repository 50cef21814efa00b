"""The query of a request target, read strictly.

Falcon's reader puts U+FFFD where bytes are no UTF-8, so that what was never sent would
be found.
"""

from collections.abc import Iterator
from urllib.parse import unquote_to_bytes


def pairs_of(query: str) -> Iterator[tuple[str, str | None]]:
    """Yield names and values in their order; None for a value that is no UTF-8.

    A ``+`` is a space, as in forms (WHATWG URL, section 5.1). The parser has refused
    broken percent-encoding.
    """
    for piece in query.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            yield _bytes_of(name).decode("utf-8", "replace"), _text(value)


def _text(value: str) -> str | None:
    try:
        return _bytes_of(value).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _bytes_of(text: str) -> bytes:
    return unquote_to_bytes(text.replace("+", " "))
