"""The rules that the topic and the group's offsets must keep."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from orders.domain.audit import AuditedRecord, RecordPlace
from orders.domain.events import event_type
from orders.domain.records import EventRef
from orders.domain.transitions import Change
from orders.verification.event_table import EventTable, event_digest
from orders.verification.ports import MAX_ASKED, OrderAudit
from orders.verification.retention import Retention, accepted_ms
from orders.verification.verdict import Finding, Group

_ACCEPTED = event_type(Change.ACCEPTED)


class TopicChecks:
    """Holds each record against the events of the database; owned by one thread.

    Args:
        table: every event of the database's view.
        overdue: the orders that should have been settled in that view, their grace
            over: work that PostgreSQL refuses is committed and left to the sweeper.
        committed: the group's offsets, asked for before that view.
        history: asked again about what the view does not explain.

    """

    def __init__(
        self,
        table: EventTable,
        overdue: AbstractSet[str],
        committed: Mapping[int, int],
        history: OrderAudit,
    ) -> None:
        self._table = table
        self._overdue = overdue
        self._committed = committed
        self._history = history
        self._unknown: list[AuditedRecord] = []
        self._foreign: list[RecordPlace] = []
        self._retention = Retention()
        self.records = 0
        self.foreign = 0
        self.not_checkable = 0

    def check_offsets(self, ends: Mapping[int, int]) -> Iterator[Finding]:
        """Yield the partitions whose committed offset lies beyond their end."""
        for partition, offset in self._committed.items():
            end = ends.get(partition, 0)
            if offset > end:
                detail = f"partition {partition}: {offset} is committed, {end} the end"
                yield Finding(Group.CONSUMED, "offset_beyond_end", None, detail)

    def check_record(self, record: AuditedRecord) -> Iterator[Finding]:
        """Yield what is wrong with one record, or with some that came before."""
        self.records += 1
        if record.order_id is None:
            yield from self._add_foreign(record)
            return
        if record.order_id in self._overdue and self._is_unsettled_work(record):
            detail = f"its {_place(record)} is below the committed offset"
            yield Finding(
                Group.CONSUMED, "unsettled_below_offset", record.order_id, detail
            )
        same = None
        if record.version is not None:
            event = EventRef(record.order_id, record.version)
            same = self._table.see(event, event_digest(record.type, record.value))
        if same is None:
            self._unknown.append(record)
            if len(self._unknown) >= MAX_ASKED:
                yield from self._explain_unknown()
            return
        self._retention.note(record.partition, record.offset, record.order_id)
        if not same:
            yield _differs(record)

    def finish(self, beginnings: Mapping[int, int]) -> Iterator[Finding]:
        """Yield what only shows at the end.

        ``beginnings`` are taken after the last record was read. Absence proves
        nothing for what retention may have deleted by then.
        """
        yield from self._explain_unknown()
        yield from self._explain_foreign()
        judged_from = self._retention.judged_from(beginnings)
        for order_id, version in self._table.unseen():
            if accepted_ms(order_id) >= judged_from:
                detail = f"version {version} is neither on the topic nor in the outbox"
                yield Finding(Group.EVENTS, "event_not_published", order_id, detail)
            else:
                self.not_checkable += 1

    def _is_unsettled_work(self, record: AuditedRecord) -> bool:
        below = record.offset < self._committed.get(record.partition, 0)
        return below and record.type == _ACCEPTED

    def _add_foreign(self, record: AuditedRecord) -> Iterator[Finding]:
        """Keep a record that names no order, where it must have a dead letter."""
        self.foreign += 1
        if record.offset < self._committed.get(record.partition, 0):
            self._foreign.append(RecordPlace(record.partition, record.offset))
            if len(self._foreign) >= MAX_ASKED:
                yield from self._explain_foreign()

    def _explain_foreign(self) -> Iterator[Finding]:
        places, self._foreign = self._foreign, []
        buried = self._history.find_buried(places) if places else set()
        for place in places:
            if place not in buried:
                detail = f"partition {place.partition}, offset {place.offset}"
                yield Finding(Group.CONSUMED, "foreign_record_not_buried", None, detail)

    def _explain_unknown(self) -> Iterator[Finding]:
        """Look again: an event may have been committed after the view was taken."""
        records, self._unknown = self._unknown, []
        events = [
            EventRef(record.order_id, record.version)
            for record in records
            if record.order_id is not None and record.version is not None
        ]
        found = self._history.find_events(events) if events else {}
        for record in records:
            event = found.get(EventRef(record.order_id or "", record.version or 0))
            if event is None:
                yield Finding(
                    Group.EVENTS,
                    "record_without_event",
                    record.order_id,
                    _place(record),
                )
            elif (event.type, event.data.encode()) != (record.type, record.value):
                yield _differs(record)


def _differs(record: AuditedRecord) -> Finding:
    detail = f"{_place(record)} is not the event as it is stored"
    return Finding(Group.EVENTS, "record_differs", record.order_id, detail)


def _place(record: AuditedRecord) -> str:
    return (
        f"record {record.offset} of partition {record.partition}"
        f" (version {record.version})"
    )
