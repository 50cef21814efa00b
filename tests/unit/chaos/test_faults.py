"""The judgement of single faults."""

import pytest

from orders.chaos.database import says_full
from orders.chaos.faults.absences import judge_absence
from orders.chaos.faults.actors import ending_problems, failed_at, role_of
from orders.chaos.faults.brokers import judge_intake
from orders.chaos.faults.postgres import judge_outage, outage_problems
from orders.chaos.faults.restarts import Stop, judge_stops
from orders.chaos.faults.slow_clients import judge_others
from orders.verification.journal import Operation, Outcome


def read(seconds: float, status: int | None = 503) -> Operation:
    return Operation(
        "read", 1, None, "/v1/orders", "", 5.0, 5.0 + seconds, Outcome.UNKNOWN, status
    )


def test_quick_refusals_are_as_promised() -> None:
    assert list(outage_problems([read(0.1), read(1.9)])) == []


def test_a_slow_answer_is_a_problem() -> None:
    [problem] = outage_problems([read(0.1), read(2.1)])

    assert problem.startswith("1 answers took over 2.0 s")


def test_no_answer_is_a_problem() -> None:
    [problem] = outage_problems([read(0.1, None)])

    assert problem.startswith("1 requests without an answer")


@pytest.mark.parametrize(
    ("actor", "role"),
    [("OrderIntake", "order-intake"), ("Sweeper", "sweeper")],
)
def test_an_actor_is_known_by_its_role(actor: str, role: str) -> None:
    assert role_of(actor) == role


def test_an_answer_that_came_long_after_the_outage_is_judged() -> None:
    seen = judge_outage(5.0, 8.0, [read(0.1), read(25.0)])

    assert len(seen.problems) == 1
    assert seen.measured["slowest_seconds"] == 25.0


def test_an_outage_that_nobody_noticed_did_not_happen() -> None:
    assert not judge_outage(5.0, 8.0, [read(0.1, 200)]).fired


@pytest.mark.parametrize(
    ("refusal", "full"),
    [
        ("hold: FATAL:  sorry, too many clients already", True),
        ("hold: FATAL:  remaining connection slots are reserved", True),
        ("hold: connection refused", False),
    ],
)
def test_only_a_full_server_is_full(refusal: str, full: bool) -> None:
    assert says_full(refusal) is full


def log_line(event: str, **fields: object) -> dict[str, object]:
    return {"timestamp": "2026-01-01T00:00:10Z", "event": event, **fields}


FAILURE = log_line("actor.failed", error="FailpointError('actor.Sweeper')")
HANG = log_line("actor.hung", actor="sweeper", silent_seconds=6.0)
TEN_SECONDS = 1_767_225_610.0


def test_a_failpoint_is_found_in_the_log() -> None:
    assert failed_at([FAILURE], "Sweeper", "raise") == TEN_SECONDS


def test_a_hang_began_with_the_silence() -> None:
    assert failed_at([HANG], "Sweeper", "sleep") == TEN_SECONDS - 6.0


def test_another_failure_is_not_the_failpoints() -> None:
    other = log_line("actor.failed", error="KeyError('x')")

    assert failed_at([other, HANG], "Sweeper", "raise") is None


def problems(*, has_failed: bool, replaced: bool, code: int | None) -> list[str]:
    return list(
        ending_problems("it", has_failed=has_failed, replaced=replaced, code=code)
    )


def test_a_replaced_actor_is_as_promised() -> None:
    assert problems(has_failed=True, replaced=True, code=None) == []


def test_a_node_that_gave_itself_up_is_as_promised() -> None:
    assert problems(has_failed=True, replaced=False, code=70) == []


@pytest.mark.parametrize("code", [0, 1, -9])
def test_any_other_end_of_a_node_is_a_problem(code: int) -> None:
    assert len(problems(has_failed=True, replaced=False, code=code)) == 1


def test_an_actor_that_stays_failed_is_a_problem() -> None:
    assert len(problems(has_failed=True, replaced=False, code=None)) == 1


def test_a_restart_for_another_reason_is_a_problem() -> None:
    assert len(problems(has_failed=False, replaced=True, code=None)) == 1


def asked(
    started: float, ended: float, status: int | None = None, node: int = 0
) -> Operation:
    about = ("read", 1, None, "/v1/orders", "", started, ended)
    return Operation(*about, Outcome.UNKNOWN, status, node=node)


STOPS = [Stop(0, told=10.0, gone=12.0)]


def test_a_request_that_a_stopping_node_cut_off_is_a_problem() -> None:
    assert len(judge_stops(STOPS, [asked(9.0, 11.0)]).problems) == 1


def test_a_request_that_met_the_closing_of_its_connection_is_counted_only() -> None:
    seen = judge_stops(STOPS, [asked(9.99, 10.01)])

    assert (seen.problems, seen.measured["broken"]) == ((), 1)


@pytest.mark.parametrize(
    "answered_or_elsewhere",
    [asked(9.0, 11.0, 200), asked(9.0, 11.0, node=1), asked(8.0, 9.0)],
)
def test_other_requests_are_not_held_against_a_stop(
    answered_or_elsewhere: Operation,
) -> None:
    seen = judge_stops(STOPS, [answered_or_elsewhere])

    assert (seen.problems, seen.measured["broken"]) == ((), 0)


def created(started: float, status: int | None) -> Operation:
    about = ("create", 1, "k", "/v1/orders", "", started, started + 0.1)
    return Operation(*about, Outcome.UNKNOWN, status)


def test_an_order_refused_while_kafka_is_away_is_a_problem() -> None:
    seen = judge_intake(5.0, 8.0, [created(6.0, 201), created(7.0, 503)])

    assert len(seen.problems) == 1
    assert seen.measured["taken_meanwhile"] == 1


def test_orders_refused_before_or_after_are_not_held_against_kafka() -> None:
    others = [created(4.0, 503), created(6.0, 201), created(9.0, 503)]

    assert judge_intake(5.0, 8.0, others).problems == ()


def test_an_outage_without_orders_shows_nothing() -> None:
    assert not judge_intake(5.0, 8.0, [created(4.0, 201)]).fired


@pytest.mark.parametrize(
    ("seen", "problems"),
    [
        (read(0.1, 200), 0),
        (read(0.1, 503), 1),
        (read(2.5, 200), 1),
        (read(0.1, None), 1),
    ],
    ids=["answered", "refused", "late", "unanswered"],
)
def test_nobody_may_notice_slow_clients(seen: Operation, problems: int) -> None:
    judged = judge_others(4.0, 9.0, [seen])

    assert (judged.fired, len(judged.problems)) == (True, problems)


def create(ended: float, status: int = 202) -> Operation:
    return Operation(
        "create", 1, "key", "/v1/orders", "", ended - 0.1, ended, Outcome.OK, status
    )


def test_orders_that_go_on_without_kafka_are_as_promised() -> None:
    operations = [create(second / 2) for second in range(1, 81)]

    seen = judge_absence(10.0, 40.0, operations)

    assert (seen.fired, seen.problems) == (True, ())
    assert seen.measured["share_of_before"] == pytest.approx(1.0, abs=0.1)


def test_intake_that_falls_while_kafka_is_away_is_a_problem() -> None:
    before = [create(second / 2) for second in range(1, 20)]
    meanwhile = [create(float(second)) for second in range(10, 40)]

    seen = judge_absence(10.0, 40.0, before + meanwhile)

    [problem] = seen.problems
    assert problem.startswith("intake fell to 5")
