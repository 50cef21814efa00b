"""A check must have looked at something."""

import pytest

from orders.chaos.check import NothingSeenError, require_seen
from orders.verification.verdict import Finding, Findings, Group

SEEN = {"operations": 3, "orders": 2, "records": 4}


@pytest.mark.parametrize("name", SEEN)
def test_a_check_that_saw_nothing_is_none(name: str) -> None:
    findings = Findings()
    findings.counts.update(SEEN | {name: 0})

    with pytest.raises(NothingSeenError, match=name):
        require_seen(findings.verdict())


def test_a_check_that_saw_everything_stands() -> None:
    findings = Findings()
    findings.counts.update(SEEN)

    require_seen(findings.verdict())


def test_a_check_that_found_something_stands() -> None:
    findings = Findings()
    findings.add(Finding(Group.LOST, "acknowledged_order_missing", "x", ""))

    require_seen(findings.verdict())
