"""What a restored database is excused from knowing."""

import pytest

from orders.chaos.faults.restores import first_told, is_between
from orders.domain.audit import AuditedRecord
from orders.verification.journal import Operation, Outcome


def told(order_id: str | None, ended: float, kind: str = "create") -> Operation:
    fields = (1, "key", "/v1/orders", "", ended - 0.1, ended, Outcome.OK, 202)
    return Operation(kind, *fields, order_id=order_id)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("partition", "offset", "between"),
    [(0, 4, False), (0, 5, True), (0, 7, True), (0, 8, False), (1, 0, True)],
)
def test_only_what_came_after_the_copy_and_before_the_restore(
    partition: int, offset: int, between: bool
) -> None:
    record = AuditedRecord(partition, offset, "a", 1, "", b"")

    assert is_between(record, {0: 5}, {0: 8, 1: 3}) is between


def test_an_order_counts_from_the_first_time_it_was_told_of() -> None:
    told_of_a = [told("a", 12.0), told("a", 9.0), told("a", 14.0)]
    operations = [*told_of_a, told("b", 15.0), told(None, 3.0)]

    assert first_told(operations) == {"a": 9.0, "b": 15.0}


def test_a_look_at_an_order_is_no_order() -> None:
    assert first_told([told("a", 9.0, kind="read")]) == {}
