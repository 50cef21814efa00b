"""The topic without what the harness did to it: what nodes ever wrote, and no more."""

from collections.abc import Collection, Iterator, Mapping
from itertools import chain

from orders.domain.audit import AuditedRecord, RecordPlace
from orders.verification.ports import TopicAudit


class TopicAsNodesLeftIt:
    """A topic audit for a batch whose fault wrote to the topic, or destroyed it.

    The rules of the check stay as they are: each event must have been on the topic,
    in the life of it that its confirmation was of, and each record must be an event.
    Offsets and records that name no order are those of the topic as it is now.

    Args:
        now: the topic as it is.
        earlier: every record of its earlier lives.
        forged: places of records naming orders that the harness wrote.

    """

    def __init__(
        self,
        now: TopicAudit,
        earlier: Collection[AuditedRecord],
        forged: Collection[RecordPlace],
    ) -> None:
        self._now = now
        self._earlier = earlier
        self._forged = frozenset(forged)

    def committed(self) -> Mapping[int, int]:
        """Return the group's committed offsets by partition, where it has any."""
        return self._now.committed()

    def beginnings(self) -> Mapping[int, int]:
        """Return the offsets of the first records still there, by partition."""
        return self._now.beginnings()

    def ends(self) -> Mapping[int, int]:
        """Return the offsets behind the last records now, by partition."""
        return self._now.ends()

    def records(self) -> Iterator[AuditedRecord]:
        """Yield what nodes wrote: of earlier lives, then of this one."""
        return chain(self._earlier, filter(self._is_genuine, self._now.records()))

    def _is_genuine(self, record: AuditedRecord) -> bool:
        place = RecordPlace(record.partition, record.offset)
        return record.order_id is None or place not in self._forged
