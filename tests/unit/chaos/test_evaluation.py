"""What a hit and a verdict make of a trial."""

from orders.chaos.evaluation import BatchEnd, result_of, traffic_of
from orders.chaos.plan import plan_trial
from orders.chaos.trial import (
    FAILED,
    NOT_REACHED,
    OK,
    VIOLATED,
    Hindsight,
    Hit,
    TrialResult,
)
from orders.verification.journal import Operation, Outcome
from orders.verification.verdict import Finding, Findings, Group

HIT = Hit(fired=True, at=10.0, over=12.0)


def end(
    *groups: Group, undocumented: int = 0, problems: tuple[str, ...] = ()
) -> BatchEnd:
    findings = Findings()
    for group in groups:
        findings.add(Finding(group, "rule", None, ""))
    return BatchEnd("b", 300, 64, findings.verdict(), undocumented, problems)


def judged(hit: Hit, batch: BatchEnd) -> TrialResult:
    trial = plan_trial("F1", 7, 0)
    return result_of(trial, hit, end=batch, in_flight=3, orders=40)


def found(group: Group, rule: str) -> BatchEnd:
    findings = Findings()
    findings.add(Finding(group, rule, None, ""))
    return BatchEnd("b", 300, 64, findings.verdict())


def create(
    started: float,
    ended: float,
    key: str = "k",
    status: int | None = 202,
    node: int = 0,
) -> Operation:
    outcome = Outcome.UNKNOWN if status is None else Outcome.OK
    about = ("create", 1, key, "/v1/orders", "f", started, ended)
    return Operation(*about, outcome, status, node=node)


def test_a_clean_check_is_ok() -> None:
    assert judged(HIT, end()).verdict == OK


def test_a_finding_is_a_violation() -> None:
    assert judged(HIT, end(Group.LOST)).verdict == VIOLATED


def test_findings_are_counted_by_what_they_mean() -> None:
    groups = (Group.LOST, Group.DUPLICATES, Group.DUPLICATES, Group.NOTIFICATIONS)

    result = judged(HIT, end(*groups, Group.EVENTS))

    counts = (result.lost, result.doubled, result.notifications, result.other)
    assert counts == (1, 2, 1, 1)


def test_an_unsettled_order_is_not_a_doubled_one() -> None:
    result = judged(HIT, found(Group.TRANSITIONS, "order_not_settled"))

    assert (result.unsettled, result.doubled, result.other) == (1, 0, 0)


def test_a_second_decision_is_a_doubling() -> None:
    result = judged(HIT, found(Group.MONEY, "decided_twice"))

    assert (result.unsettled, result.doubled, result.other) == (0, 1, 0)


def test_a_fault_that_did_not_happen_is_not_reached() -> None:
    result = judged(Hit(fired=False, at=1, over=2), end())

    assert result.verdict == NOT_REACHED
    assert "NOT REACHED" in result.problems[0]


def test_a_fault_that_did_not_happen_and_did_harm_fails() -> None:
    hit = Hit(fired=False, at=1, over=2, problems=("node-1 ended by itself with 1",))

    assert judged(hit, end()).verdict == FAILED


def test_hindsight_is_held_against_the_trial() -> None:
    hit = Hit(fired=True, at=1, over=2, judge=lambda _: Hindsight(problems=("slow",)))

    assert judged(hit.in_hindsight([]), end()).verdict == FAILED


def test_hindsight_may_show_that_nothing_was_noticed() -> None:
    hit = Hit(fired=True, at=1, over=2, judge=lambda _: Hindsight(fired=False))

    assert judged(hit.in_hindsight([]), end()).verdict == NOT_REACHED


def test_an_undocumented_answer_fails() -> None:
    assert judged(HIT, end(undocumented=1)).verdict == FAILED


def test_a_problem_of_the_batch_fails_each_of_its_trials() -> None:
    assert judged(HIT, end(problems=("not settled",))).verdict == FAILED


def test_a_create_that_waits_is_in_flight() -> None:
    traffic = traffic_of([create(9.0, 11.0), create(9.0, 9.5), create(10.5, 11.0)])

    assert traffic.open_at(10.0, 0) == 1


def test_a_create_that_waits_for_another_node_is_not_struck() -> None:
    traffic = traffic_of([create(9.0, 11.0, node=1)])

    assert (traffic.open_at(10.0, 0), traffic.open_at(10.0, None)) == (0, 1)


def test_a_create_that_broke_just_then_was_in_flight() -> None:
    traffic = traffic_of([create(9.0, 9.95, status=None), create(8, 9, status=None)])

    assert traffic.open_at(10.0, 0) == 1


def test_an_order_counts_when_it_was_first_sent() -> None:
    again = [create(1.0, 2.0, "a", None), create(5.0, 6.0, "a"), create(5.5, 6.0, "b")]

    traffic = traffic_of(again)

    assert traffic.orders_between(4.0, 7.0) == 1
    assert traffic.orders_between(0.0, 7.0) == 2
