"""What a check came to: how much was looked at, and what was wrong."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MAX_WITNESSES = 10
"""Findings that are kept of each group where nobody asks for more; all are counted."""


class Group(StrEnum):
    """What a finding breaks."""

    LOST = "lost"
    """An accepted order is there, as it was asked for; no other one is."""
    DUPLICATES = "duplicates"
    """One order for each key, and one answer for it."""
    TRANSITIONS = "transitions"
    """Each history is a legal path that ends where the order stands."""
    EVENTS = "events"
    """Each history row is on the topic, byte for byte, or waits in the outbox."""
    MONEY = "money"
    """One outcome for each payment attempt, and the one the rule asks for."""
    NOTIFICATIONS = "notifications"
    """One notice for each outcome and channel."""
    REAL_TIME = "real_time"
    """What a client was told once is never taken back."""
    CONSUMED = "consumed"
    """Nothing lies below a committed offset and stays unsettled."""


class Extent(StrEnum):
    """How much of a group's rules could be checked with what was given."""

    WHOLE = "whole"
    PART = "in part"
    NONE = "not checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule, with what shows it.

    Attributes:
        group: the group of the rule.
        rule: the rule's name, a constant such as ``acknowledged_order_missing``.
        order_id: the order it is about, None where it is about none.
        detail: a sentence for a person.

    """

    group: Group
    rule: str
    order_id: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one check.

    Attributes:
        counts: what was looked at, by name, such as ``orders`` or ``records``.
        findings: the first witnesses of each group, in the order of the groups.
        violations: how many findings each group has; every group is named.
        rules: how many findings each rule has; those that are broken are named.
        limited: the groups that were checked in part or not at all.

    """

    counts: Mapping[str, int]
    findings: tuple[Finding, ...]
    violations: Mapping[str, int]
    rules: Mapping[str, int] = field(default_factory=dict)
    limited: Mapping[str, Extent] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """True where no rule that was checked is broken; see ``limited``."""
        return not any(self.violations.values())

    def extent(self, group: str) -> Extent:
        """Return how much of ``group`` was checked."""
        return self.limited.get(group, Extent.WHOLE)

    def witnesses(self, group: Group) -> Iterator[Finding]:
        """Yield the kept findings of one group."""
        return (finding for finding in self.findings if finding.group == group)


class Findings:
    """Collects findings and counts; owned by one thread, bounded in memory.

    Args:
        witnesses: how many findings are kept of each group.

    """

    def __init__(self, witnesses: int = MAX_WITNESSES) -> None:
        self._witnesses = witnesses
        self._kept: dict[Group, list[Finding]] = {group: [] for group in Group}
        self._violations = dict.fromkeys(Group, 0)
        self._rules: Counter[str] = Counter()
        self._limited: dict[Group, Extent] = {}
        self.counts: Counter[str] = Counter()

    def add(self, finding: Finding) -> None:
        """Count ``finding``, and keep it while its group has few."""
        self._violations[finding.group] += 1
        self._rules[finding.rule] += 1
        kept = self._kept[finding.group]
        if len(kept) < self._witnesses:
            kept.append(finding)

    def extend(self, findings: Iterable[Finding]) -> None:
        """Add each of ``findings``."""
        for finding in findings:
            self.add(finding)

    def limit(self, extent: Extent, *groups: Group) -> None:
        """Note that no more than ``extent`` of ``groups`` is checked."""
        self._limited.update(dict.fromkeys(groups, extent))

    def verdict(self) -> Verdict:
        """Return what was collected."""
        return Verdict(
            dict(self.counts),
            tuple(found for kept in self._kept.values() for found in kept),
            {group.value: count for group, count in self._violations.items()},
            dict(self._rules),
            {group.value: extent for group, extent in self._limited.items()},
        )
