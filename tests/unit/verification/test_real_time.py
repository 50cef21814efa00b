"""What a client was told once is never taken back."""

import pytest

from orders.verification.journal import Outcome

ABSENT = {"outcome": Outcome.FAILED, "http_status": 404}


def test_answers_that_only_move_forward_are_fine(world) -> None:
    world.paid(1)
    world.create(1, version=1, status="PENDING", payment_status="PENDING")
    world.read(1, 1, "PENDING", started=2.0)
    world.read(1, 2, "PAID", started=4.0, payment_status="SUCCESS")
    world.read(1, 2, "PAID", started=6.0, client=1)

    assert world.verify().ok


@pytest.mark.parametrize("client", [0, 1])
def test_a_version_that_went_back_is_found(world, broken, client: int) -> None:
    order_id = world.paid(1)
    world.read(1, 2, "PAID", started=0.0, ended=1.0)

    world.read(1, 1, "PENDING", started=1.0, ended=2.0, client=client)

    verdict = world.verify()
    assert broken(verdict) == {"real_time/version_went_back"}
    assert verdict.findings[0].order_id == order_id


def test_answers_to_requests_at_the_same_time_may_cross(world) -> None:
    world.paid(1)
    world.read(1, 2, "PAID", started=0.0, ended=1.0)
    world.read(1, 1, "PENDING", started=0.9, ended=2.0)

    assert world.verify().ok


def test_an_older_answer_that_came_later_hides_nothing(world, broken) -> None:
    world.paid(1)
    world.read(1, 2, "PAID", started=0.0, ended=1.0)
    world.read(1, 1, "PENDING", started=0.0, ended=2.0)
    world.read(1, 1, "PENDING", started=3.0)

    verdict = world.verify()
    assert broken(verdict) == {"real_time/version_went_back"}
    assert verdict.violations["real_time"] == 1


def test_a_broken_history_is_no_fault_of_the_answers(world, broken) -> None:
    order_id = world.paid(1)
    world.read(1, 2, "PAID")
    history = world.orders[order_id].history

    world.spoil(order_id, history=history[1:])

    verdict = world.verify(without_topic=True)
    assert broken(verdict) == {"transitions/history_has_gap"}


def test_the_order_of_the_journal_does_not_count(world, broken) -> None:
    world.paid(1)
    world.read(1, 1, "PENDING", started=5.0)
    world.read(1, 2, "PAID", started=0.0)

    assert broken(world.verify()) == {"real_time/version_went_back"}


def test_a_404_after_the_order_was_acknowledged_is_found(world, broken) -> None:
    world.paid(1)
    world.create(1)

    world.read(1, None, None, started=2.0, **ABSENT)

    assert broken(world.verify()) == {"real_time/order_not_found"}


@pytest.mark.parametrize("started", [0.5, -5.0])
def test_a_404_before_the_acknowledgement_is_fine(world, started: float) -> None:
    world.paid(1)
    world.create(1)

    world.read(1, None, None, started=started, **ABSENT)

    assert world.verify().ok


@pytest.mark.parametrize(
    ("version", "status", "payment_status"),
    [
        (3, "PAID", None),
        (2, "FAILED", None),
        (2, "PAID", "FAILED"),
        (None, "FAILED", None),
    ],
)
def test_an_answer_that_the_history_does_not_have_is_found(
    world, broken, version, status, payment_status
) -> None:
    world.paid(1)

    world.read(1, version, status, payment_status=payment_status)

    assert broken(world.verify()) == {"real_time/answer_unlike_history"}


def test_an_answer_without_a_version_shows_a_state_of_the_history(world) -> None:
    world.paid(1)
    world.create(1, status="PENDING")
    world.read(1, None, "PAID", started=2.0)

    assert world.verify().ok


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.FAILED])
def test_an_answer_without_an_order_tells_nothing(world, outcome: Outcome) -> None:
    world.paid(1)
    world.read(1, 3, "FAILED", outcome=outcome, http_status=503)
    world.read(1, 1, "PENDING", started=2.0)

    assert world.verify().ok
