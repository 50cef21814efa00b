"""Times as PostgreSQL has them, which go further than Python's.

``infinity`` and years beyond 9999 would make psycopg fail in the middle of a result
(https://www.psycopg.org/psycopg3/docs/basic/adapt.html#date-time-types-adaptation), and
with it every answer that the row is a part of.
"""

from datetime import UTC, datetime
from typing import Final

import psycopg
from psycopg import adapters, pq
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader

_TIMESTAMPTZ: Final = psycopg.adapters.types["timestamptz"].oid
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class MomentLoader(Loader):
    """Loads a ``timestamptz``; the nearest that Python has where it has none."""

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        exact = adapters.get_loader(_TIMESTAMPTZ, pq.Format.TEXT)
        assert exact is not None  # noqa: S101 - psycopg's own, always there
        self._load = exact(oid, context).load

    def load(self, data: Buffer) -> object:
        """Return the moment."""
        try:
            return self._load(data)
        except psycopg.DataError:
            text = bytes(data)
            is_early = text.startswith(b"-") or text.endswith(b" BC")
            return _FIRST if is_early else _LAST
