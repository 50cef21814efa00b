from orders.verification.verdict import MAX_WITNESSES, Finding, Findings, Group


def finding(group: Group, number: int) -> Finding:
    return Finding(group, "rule", None, str(number))


def test_all_findings_are_counted_and_the_first_are_kept() -> None:
    findings = Findings()

    findings.extend(finding(Group.LOST, number) for number in range(25))

    verdict = findings.verdict()
    assert verdict.violations["lost"] == 25
    assert [it.detail for it in verdict.findings] == [
        str(number) for number in range(MAX_WITNESSES)
    ]


def test_more_are_kept_where_more_are_asked_for() -> None:
    findings = Findings(witnesses=20)

    findings.extend(finding(Group.LOST, number) for number in range(25))

    assert len(findings.verdict().findings) == 20


def test_one_group_leaves_room_for_the_others() -> None:
    findings = Findings()

    findings.extend(finding(Group.LOST, number) for number in range(25))
    findings.add(finding(Group.MONEY, 1))

    assert len(list(findings.verdict().witnesses(Group.MONEY))) == 1


def test_every_group_is_named_where_nothing_is_wrong() -> None:
    verdict = Findings().verdict()

    assert verdict.ok
    assert verdict.violations == {group.value: 0 for group in Group}


def test_findings_are_counted_by_rule_too() -> None:
    findings = Findings()
    for rule in ("decided_twice", "decided_twice", "state_impossible"):
        findings.add(Finding(Group.MONEY, rule, None, ""))

    assert findings.verdict().rules == {"decided_twice": 2, "state_impossible": 1}
