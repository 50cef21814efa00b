"""Waiting ends, one way or the other."""

from orders.devstack.deadline import wait_until


def test_a_condition_that_holds_is_not_waited_for() -> None:
    assert wait_until(lambda: True, 0)


def test_a_condition_that_never_holds_ends_at_the_deadline() -> None:
    assert not wait_until(lambda: False, 0)


def test_a_condition_is_asked_again() -> None:
    answers = iter([False, True])

    assert wait_until(lambda: next(answers), 5)
