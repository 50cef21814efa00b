"""A request's body on its way in."""

from io import BytesIO


class BodyBuffer:
    """Keeps a body in memory; waitress's own buffer spills to a file, on the loop.

    The limit is the parser's: it stops reading before the body grows past it.
    """

    def __init__(self) -> None:
        self._data = bytearray()

    def append(self, s: bytes) -> None:
        """Add what came."""
        self._data += s

    def __len__(self) -> int:
        return len(self._data)

    def getfile(self) -> BytesIO:
        """Return a stream of its own, which stays readable after ``close``."""
        return BytesIO(self._data)

    def close(self) -> None:
        """Forget the data."""
        self._data = bytearray()
