"""Checks that nothing accepted was lost, doubled or settled twice.

A service may go on while it is checked. These steps, in this order, make a finding
true whatever happens meanwhile:

1. The journals are read. What a client had been told by then was committed, so it is
   in any later view.
2. The group's committed offsets are taken. What lies below them was settled before
   they were committed, or refused by PostgreSQL, or held by another transaction, and
   left to the sweeper; so any later view has it settled, or it is still within its
   grace.
3. The database's view is fixed. An event without an outbox row in it had been
   confirmed by Kafka.
4. The topic's end offsets are taken. A confirmed event lies below any later end, so
   "an event without its record" needs no grace.
5. The view is read, order by order, and closed; then the topic, up to those ends.
6. Events go to Kafka after their COMMIT. A record that the view does not know is
   looked for once more in the database, which has it by now; so "a record without
   its event" needs no grace either.
7. The topic's beginnings are taken last. Events that retention may have deleted by
   then are counted as not checkable, see ``retention``.

Grace is only given to what takes time by its nature: an order that is not settled,
below a committed offset or not, and an event in the outbox. Notices are written with
the change they tell.

Memory: 29 bytes an event, see ``event_table``, 120 bytes an order that is overdue, of
which a healthy service has none, and what the journals say, see ``clients``; no more
findings a group are kept than the rules ask for.
"""

from collections.abc import Iterable

from orders.domain.audit import AuditedOrder
from orders.domain.order import SETTLED
from orders.domain.records import EventRef
from orders.verification.clients import Clients
from orders.verification.event_table import (
    PUBLISHED,
    WAITING,
    EventTable,
    event_digest,
)
from orders.verification.journal import Operation
from orders.verification.order_checks import check_order
from orders.verification.path import walk
from orders.verification.ports import OrderAudit, Progress, TopicAudit
from orders.verification.rules import Rules, is_overdue
from orders.verification.topic_checks import TopicChecks
from orders.verification.verdict import Extent, Findings, Group, Verdict

_TOLD_EVERY = 10_000


def _nobody(_what: str, _count: int) -> None:
    """Stand where someone could be told."""


def verify(
    history: OrderAudit,
    records: TopicAudit | None,
    operations: Iterable[Operation],
    rules: Rules,
    progress: Progress = _nobody,
) -> Verdict:
    """Check a service against its promises.

    Args:
        history: the database.
        records: the topic; None leaves out what needs it.
        operations: what clients saw, of all journals; none leave out what needs them.
        rules: what the promises depend on.
        progress: told after every 10,000 orders, records or operations.

    Raises:
        JournalError: ``operations`` come from a broken journal.
        UnavailableError: a part does not answer, or its adapter's own errors.

    """
    clients, findings = Clients(rules), Findings(rules.witnesses)
    _hear(operations, clients, findings, progress)
    committed = {} if records is None else records.committed()
    with history.snapshot() as orders:
        ends = {} if records is None else records.ends()
        view = _View(clients, rules, findings)
        for count, found in enumerate(orders, 1):
            view.see(found)
            _tell(progress, "orders", count)
    findings.extend(clients.missing())
    findings.extend(clients.refused_and_replayed())
    if records is not None:
        topic = TopicChecks(view.table, view.overdue, committed, history)
        findings.extend(topic.check_offsets(ends))
        for count, record in enumerate(records.records(), 1):
            findings.extend(topic.check_record(record))
            _tell(progress, "records", count)
        findings.extend(topic.finish(records.beginnings()))
        _count_topic(topic, view.table, findings)
        findings.counts["dead_letters"] = history.count_dead_letters()
    _limit(findings, rules, has_topic=records is not None, has_offsets=bool(committed))
    return findings.verdict()


def _limit(
    findings: Findings, rules: Rules, *, has_topic: bool, has_offsets: bool
) -> None:
    """Say which groups had not all that they are checked with."""
    if not findings.counts["operations"]:
        findings.limit(Extent.PART, Group.LOST, Group.DUPLICATES)
        findings.limit(Extent.NONE, Group.REAL_TIME)
    if rules.payment is None:
        findings.limit(Extent.PART, Group.MONEY)
    if not has_topic or findings.counts["events_not_checkable"]:
        findings.limit(Extent.PART, Group.EVENTS)
    if not has_offsets:
        findings.limit(Extent.NONE, Group.CONSUMED)


def _hear(
    operations: Iterable[Operation],
    clients: Clients,
    findings: Findings,
    progress: Progress,
) -> None:
    for count, operation in enumerate(operations, 1):
        findings.extend(clients.add(operation))
        _tell(progress, "operations", count)
    findings.counts["operations"] = clients.operations


class _View:
    """The database's view as it goes by; owned by one thread."""

    def __init__(self, clients: Clients, rules: Rules, findings: Findings) -> None:
        self.table = EventTable()
        self.overdue: set[str] = set()
        self._clients = clients
        self._rules = rules
        self._findings = findings
        for name in (
            *("orders", "events", "waiting", "notices", "keys", "refunds"),
            "unsettled",
        ):
            findings.counts[name] = 0

    def see(self, found: AuditedOrder) -> None:
        """Check one order and keep of it what the topic is held against."""
        path = walk(found.history)
        self._findings.extend(check_order(found, path, self._rules))
        self._findings.extend(self._clients.check(found, path))
        self._count(found)
        waiting = {row.version for row in found.waiting}
        last = 0
        for event in found.history:
            if event.version <= last:
                continue  # a doubled version was found already
            last = event.version
            self.table.add(
                EventRef(found.order_id, event.version),
                event_digest(event.type, event.data.encode()),
                WAITING if event.version in waiting else PUBLISHED,
            )

    def _count(self, found: AuditedOrder) -> None:
        counts, order = self._findings.counts, found.order
        counts["events"] += len(found.history)
        counts["waiting"] += len(found.waiting)
        counts["notices"] += len(found.notices)
        counts["keys"] += len(found.keys)
        counts["refunds"] += len(found.refunds)
        if order is None:
            return
        counts["orders"] += 1
        if order.status not in SETTLED:
            counts["unsettled"] += 1
            if is_overdue(order, self._rules):
                self.overdue.add(order.order_id)


def _count_topic(topic: TopicChecks, table: EventTable, findings: Findings) -> None:
    findings.counts["records"] = topic.records
    findings.counts["events_on_topic"] = table.seen
    findings.counts["events_not_checkable"] = topic.not_checkable
    findings.counts["foreign_records"] = topic.foreign


def _tell(progress: Progress, what: str, count: int) -> None:
    if count % _TOLD_EVERY == 0:
        progress(what, count)
