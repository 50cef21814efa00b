"""Sorts polled records: which name orders that may have work, which are dead."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from orders.domain.events import EVENT_TYPES, FINAL_EVENT_TYPES
from orders.domain.identifiers import is_order_id
from orders.domain.records import DeadLetter
from orders.messaging.codec import TYPE_HEADER, RawRecord, decode
from orders.messaging.lazy_headers import LazyHeaders
from orders.messaging.offsets import PolledRun
from orders.messaging.record_chunks import pack_header


def _packed(kinds: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(pack_header((TYPE_HEADER, kind.encode())) for kind in sorted(kinds))


_OUR_HEADERS = _packed(EVENT_TYPES)
_FINAL_HEADERS = _packed(FINAL_EVENT_TYPES)


class SortedRecords(NamedTuple):
    """What one poll brought."""

    order_ids: tuple[str, ...]
    """Without repeats, in the order they came; none of finished orders."""
    dead_letters: tuple[DeadLetter, ...]
    runs: tuple[PolledRun, ...]
    """Every record, those without work included."""

    @property
    def asks_for_work(self) -> bool:
        """Tell whether anything has to be done before offsets may be committed."""
        return bool(self.order_ids or self.dead_letters)


def sort_records(partitions: Iterable[Sequence[RawRecord]]) -> SortedRecords:
    """Sort records; each element of ``partitions`` is one partition's, in order."""
    order_ids: dict[str, None] = {}
    dead_letters: list[DeadLetter] = []
    runs: list[PolledRun] = []
    for records in partitions:
        for record in records:
            found = _work_in(record)
            if isinstance(found, str):
                order_ids[found] = None
            elif found is not None:
                dead_letters.append(found)
        if records:
            first, last = records[0], records[-1]
            runs.append(
                PolledRun(first.partition, first.offset, last.offset, len(records))
            )
    return SortedRecords(tuple(order_ids), tuple(dead_letters), tuple(runs))


def _work_in(record: RawRecord) -> str | DeadLetter | None:
    """Return the order that may have work, or a dead letter; None for no work."""
    key, headers = record.key, record.headers
    if (
        isinstance(headers, LazyHeaders)
        and headers.begin_with(_OUR_HEADERS)
        and key is not None
        and record.value is not None
        and is_order_id(order_id := key.decode("ascii", "replace"))
    ):  # an event as we write it, as nearly every record is
        return None if headers.begin_with(_FINAL_HEADERS) else order_id
    decoded = decode(record)
    if isinstance(decoded, DeadLetter):
        return decoded
    return None if decoded.type in FINAL_EVENT_TYPES else decoded.order_id
