"""What a hit and a verdict make of a trial."""

from orders.chaos.evaluation import BatchEnd, result_of, traffic_of
from orders.chaos.plan import plan_trial
from orders.chaos.trial import FAILED, OK, VIOLATED, Hit, TrialResult
from orders.verification.journal import Operation, Outcome
from orders.verification.verdict import Finding, Findings, Group

HIT = Hit(fired=True, at=10.0, over=12.0)


def end(
    *groups: Group, undocumented: int = 0, problems: tuple[str, ...] = ()
) -> BatchEnd:
    findings = Findings()
    for group in groups:
        findings.add(Finding(group, "rule", None, ""))
    return BatchEnd(findings.verdict(), undocumented, problems)


def judged(hit: Hit, batch: BatchEnd) -> TrialResult:
    return result_of(
        plan_trial("F1", 7, 0), hit, end=batch, in_flight=3, orders=40, settle_seconds=1
    )


def create(
    started: float, ended: float, key: str = "k", status: int | None = 202
) -> Operation:
    outcome = Outcome.UNKNOWN if status is None else Outcome.OK
    return Operation(
        "create", 1, key, "/v1/orders", "f", started, ended, outcome, status
    )


def test_a_clean_check_is_ok() -> None:
    assert judged(HIT, end()).verdict == OK


def test_a_finding_is_a_violation() -> None:
    assert judged(HIT, end(Group.LOST)).verdict == VIOLATED


def test_findings_are_counted_by_what_they_mean() -> None:
    groups = (Group.LOST, Group.MONEY, Group.DUPLICATES, Group.NOTIFICATIONS)

    result = judged(HIT, end(*groups, Group.EVENTS))

    counts = (result.lost, result.doubled, result.notifications, result.other)
    assert counts == (1, 2, 1, 1)


def test_a_fault_that_did_not_happen_fails() -> None:
    result = judged(Hit(fired=False, at=1, over=2), end())

    assert result.verdict == FAILED
    assert "NOT REACHED" in result.problems[0]


def test_an_undocumented_answer_fails() -> None:
    assert judged(HIT, end(undocumented=1)).verdict == FAILED


def test_a_problem_of_the_batch_fails_each_of_its_trials() -> None:
    assert judged(HIT, end(problems=("not settled",))).verdict == FAILED


def test_a_create_that_waits_is_in_flight() -> None:
    traffic = traffic_of([create(9.0, 11.0), create(9.0, 9.5), create(10.5, 11.0)])

    assert traffic.open_at(10.0) == 1


def test_a_create_that_broke_just_then_was_in_flight() -> None:
    traffic = traffic_of([create(9.0, 9.95, status=None), create(8, 9, status=None)])

    assert traffic.open_at(10.0) == 1


def test_an_order_counts_when_it_was_first_sent() -> None:
    again = [create(1.0, 2.0, "a", None), create(5.0, 6.0, "a"), create(5.5, 6.0, "b")]

    traffic = traffic_of(again)

    assert traffic.orders_between(4.0, 7.0) == 1
    assert traffic.orders_between(0.0, 7.0) == 2
