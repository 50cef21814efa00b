"""Pacing lets work gather under load and costs nothing after a quiet time."""

import pytest

from orders.actors.pace import Pace


class Time:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_the_first_batch_waits_for_nothing() -> None:
    time = Time()

    Pace(0.02, clock=time, sleep=time.sleep).keep()

    assert time.slept == []


def test_a_batch_soon_after_waits_for_the_rest_of_the_time() -> None:
    time = Time()
    pace = Pace(0.02, clock=time, sleep=time.sleep)
    pace.keep()
    pace.took(1)
    time.now += 0.015

    pace.keep()

    assert [round(seconds, 6) for seconds in time.slept] == [0.005]


def test_a_batch_after_a_quiet_time_waits_for_nothing() -> None:
    time = Time()
    pace = Pace(0.02, clock=time, sleep=time.sleep)
    pace.keep()
    pace.took(1)
    time.now += 5.0

    pace.keep()

    assert time.slept == []


def test_a_clock_that_was_set_back_never_costs_more_than_one_pause() -> None:
    time = Time()
    pace = Pace(0.02, clock=time, sleep=time.sleep)
    pace.keep()
    pace.took(1)
    time.now -= 3600.0

    pace.keep()

    assert time.slept == [0.02]


def test_a_full_batch_waits_for_nothing() -> None:
    time = Time()
    pace = Pace(0.02, clock=time, sleep=time.sleep)
    pace.keep()
    pace.took(1)

    pace.keep(full=True)

    assert time.slept == []


def test_the_gap_grows_with_the_batch_before_it() -> None:
    time = Time()
    pace = Pace(0.02, 0.001, clock=time, sleep=time.sleep)
    pace.keep()
    pace.took(3)

    pace.keep()

    assert [round(seconds, 6) for seconds in time.slept] == [0.003]


def test_the_gap_grows_no_further_than_the_longest() -> None:
    time = Time()
    pace = Pace(0.02, 0.001, clock=time, sleep=time.sleep)
    pace.keep()
    pace.took(500)

    pace.keep()

    assert [round(seconds, 6) for seconds in time.slept] == [0.02]


@pytest.mark.parametrize(("a_second", "longest"), [(500, False), (2_000, True)])
def test_a_stage_is_prompt_below_its_rate_and_thrifty_above(
    a_second: int, longest: bool
) -> None:
    time = Time()
    pace = Pace(0.05, 0.001, clock=time, sleep=time.sleep)
    last = time.now

    for _ in range(50):
        pace.keep()
        pace.took(max(1, round((time.now - last) * a_second)))
        last = time.now

    assert (time.slept[-1] == pytest.approx(0.05)) is longest


def test_a_few_in_a_row_wait_for_the_shortest_time() -> None:
    time = Time()
    pace = Pace(0.2, 0.001, 0.01, clock=time, sleep=time.sleep)
    pace.keep()
    pace.took(1)

    pace.keep()

    assert time.slept == [pytest.approx(0.01)]


def test_the_shortest_time_does_not_add_to_what_many_are_worth() -> None:
    time = Time()
    pace = Pace(0.2, 0.001, 0.01, clock=time, sleep=time.sleep)
    pace.keep()
    pace.took(50)

    pace.keep()

    assert time.slept == [pytest.approx(0.05)]
