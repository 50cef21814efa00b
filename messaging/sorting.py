"""Sorts polled records: which name orders that may have work, which are dead."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from orders.domain.events import FINAL_EVENT_TYPES
from orders.domain.identifiers import is_order_id
from orders.domain.records import DeadLetter
from orders.messaging.codec import TYPE_HEADER, RawRecord, decode
from orders.messaging.lazy_headers import LazyHeaders
from orders.messaging.offsets import PolledRun
from orders.messaging.record_chunks import pack_header

_FINAL_HEADERS = tuple(
    pack_header((TYPE_HEADER, kind.encode())) for kind in sorted(FINAL_EVENT_TYPES)
)


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
            if _is_plainly_final(record):
                continue
            decoded = decode(record)
            if isinstance(decoded, DeadLetter):
                dead_letters.append(decoded)
            elif decoded.type not in FINAL_EVENT_TYPES:
                order_ids[decoded.order_id] = None
        if records:
            first, last = records[0], records[-1]
            runs.append(
                PolledRun(first.partition, first.offset, last.offset, len(records))
            )
    return SortedRecords(tuple(order_ids), tuple(dead_letters), tuple(runs))


def _is_plainly_final(record: RawRecord) -> bool:
    """Tell whether it is a finished order's event as we write it: every second is."""
    headers = record.headers
    return (
        isinstance(headers, LazyHeaders)
        and headers.begin_with(_FINAL_HEADERS)
        and record.value is not None
        and record.key is not None
        and is_order_id(record.key.decode("ascii", "replace"))
    )
