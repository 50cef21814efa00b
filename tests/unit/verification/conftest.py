"""A service in memory: correct orders, which a test then spoils in one place."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

import pytest

from orders.domain.audit import (
    AuditedOrder,
    AuditedRecord,
    RecordPlace,
    StoredEvent,
    StoredKey,
    StoredOrder,
    StoredRefund,
)
from orders.domain.events import event_data, event_type, with_refund
from orders.domain.notices import notice_of
from orders.domain.payment import PaymentRule
from orders.domain.records import EventRef
from orders.domain.transitions import Change, State, move
from orders.verification.check import verify
from orders.verification.journal import Operation, Outcome, order_fingerprint
from orders.verification.rules import Rules
from orders.verification.verdict import Verdict

ROUTE = "/v1/orders"
DATABASE_ROUTE = f"POST {ROUTE}"
OLD = 3600.0


def order_id_of(number: int) -> str:
    """Number orders; those of the 81st bit on are by milliseconds younger."""
    digits = f"{0x018F0000_0000_7000_8000_000000000000 + number:032x}"
    return str(UUID(digits))


@dataclass
class World:
    """What is stored, what is on the topic, what clients saw.

    It is the database's and the topic's port at once; ``calls`` keeps their order.
    """

    orders: dict[str, AuditedOrder] = field(default_factory=dict)
    records_on_topic: list[AuditedRecord] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    committed_offsets: dict[int, int] = field(default_factory=dict)
    first_offsets: dict[int, int] = field(default_factory=lambda: {0: 0})
    buried: set[RecordPlace] = field(default_factory=set)
    late_events: list[StoredEvent] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    end: int | None = None

    def add(
        self, number: int, *changes: Change, total: int = 99_00, age: float = OLD
    ) -> str:
        """Add a correct order with this history; return its id."""
        order_id = order_id_of(number)
        state: State | None = None
        history, notices, refunds = [], [], list[StoredRefund]()
        for version, change in enumerate((Change.ACCEPTED, *changes), 1):
            state = move(state, change)
            data = event_data(
                *(order_id, "default", 7, total, "EUR", state, version, None)
            )
            left = total - sum(refund.amount for refund in refunds)
            if change in {Change.PARTIALLY_REFUNDED, Change.REFUNDED}:
                amount = left if change is Change.REFUNDED else left // 4
                data = with_refund(data, order_id_of(version), amount, "EUR")
                refunds.append(
                    StoredRefund(
                        order_id, version, "default", "EUR", amount, "SUCCEEDED"
                    )
                )
            history.append(
                StoredEvent(order_id, version, event_type(change), data, None)
            )
            notice = notice_of(change, order_id, version, 7)
            notices += [] if notice is None else [notice]
        assert state is not None
        items = [{"product_id": 3, "quantity": 1, "line_total": total}]
        order = StoredOrder(
            *(order_id, "default", 7, "EUR", total, json.dumps(items)),
            *(f"reference-{number}", *state, len(history), age, age),
        )
        key = StoredKey(order_id, DATABASE_ROUTE, f"key-{number}")
        self.orders[order_id] = AuditedOrder(
            order_id, order, history, notices, [], [key], refunds
        )
        for event in history:
            self.publish(event)
        return order_id

    def paid(self, number: int = 1) -> str:
        """Add an order that was approved."""
        return self.add(number, Change.APPROVED)

    def spoil(self, order_id: str, **parts: object) -> None:
        """Replace parts of what is stored under an id."""
        self.orders[order_id] = self.orders[order_id]._replace(**parts)  # type: ignore[arg-type]

    def spoil_row(self, order_id: str, **columns: object) -> None:
        """Replace columns of an order's row."""
        row = self.orders[order_id].order
        assert row is not None
        self.spoil(order_id, order=row._replace(**columns))  # type: ignore[arg-type]

    def publish(self, event: StoredEvent) -> None:
        """Put an event on the topic."""
        self.records_on_topic.append(
            AuditedRecord(
                *(0, len(self.records_on_topic), event.order_id, event.version),
                *(event.type, event.data.encode()),
            )
        )

    def create(self, number: int, **fields: object) -> Operation:
        """Let a client be told that order ``number`` was taken."""
        given = {"order_id": order_id_of(number), "key": f"key-{number}"} | fields
        return self.operate("create", reference=f"reference-{number}", **given)

    def read(self, number: int, version: int, status: str, **fields: object) -> None:
        """Let a client read order ``number``."""
        given = {"order_id": order_id_of(number), "version": version, "status": status}
        self.operate("read", **(given | fields))

    def operate(
        self,
        kind: str,
        reference: str | None = None,
        started: float = 0.0,
        ended: float | None = None,
        total: int = 99_00,
        **fields: object,
    ) -> Operation:
        body = order_fingerprint(7, "EUR", total, [(3, 1, total)], reference)
        given = {
            "client": 0,
            "key": None,
            "route": ROUTE,
            "fingerprint": body if kind == "create" else "",
            "outcome": Outcome.OK,
            "http_status": 200,
        } | fields
        ended = started + 1 if ended is None else ended
        operation = Operation(kind, started=started, ended=ended, **given)  # type: ignore[arg-type]
        self.operations.append(operation)
        return operation

    def verify(self, *, without_topic: bool = False, **rules: object) -> Verdict:
        """Check all of it."""
        given = {"payment": PaymentRule(Decimal(1000))} | rules
        topic = None if without_topic else self
        return verify(self, topic, self.operations, Rules(**given))  # type: ignore[arg-type]

    @contextmanager
    def snapshot(self) -> Iterator[Iterator[AuditedOrder]]:
        self.calls.append("snapshot")
        yield (self.orders[order_id] for order_id in sorted(self.orders))
        self.calls.append("snapshot left")

    def find_events(self, events: Sequence[EventRef]) -> dict[EventRef, StoredEvent]:
        self.asked.append(len(events))
        known = {EventRef(it.order_id, it.version): it for it in self.late_events}
        return {event: known[event] for event in events if event in known}

    def find_buried(self, places: Sequence[RecordPlace]) -> set[RecordPlace]:
        self.asked.append(len(places))
        return self.buried.intersection(places)

    def count_dead_letters(self) -> int:
        return len(self.buried)

    def committed(self) -> Mapping[int, int]:
        self.calls.append("committed")
        return self.committed_offsets

    def beginnings(self) -> Mapping[int, int]:
        self.calls.append("beginnings")
        return self.first_offsets

    def ends(self) -> Mapping[int, int]:
        self.calls.append("ends")
        return {0: len(self.records_on_topic) if self.end is None else self.end}

    def records(self) -> Iterator[AuditedRecord]:
        self.calls.append("records")
        yield from self.records_on_topic


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def broken():
    """The rules that a verdict finds broken, as ``group/rule``."""

    def rules(verdict: Verdict) -> set[str]:
        return {f"{it.group}/{it.rule}" for it in verdict.findings}

    return rules
