"""Pacing lets work gather under load and costs nothing after a quiet time."""

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
    time.now += 0.015

    pace.keep()

    assert [round(seconds, 6) for seconds in time.slept] == [0.005]


def test_a_batch_after_a_quiet_time_waits_for_nothing() -> None:
    time = Time()
    pace = Pace(0.02, clock=time, sleep=time.sleep)
    pace.keep()
    time.now += 5.0

    pace.keep()

    assert time.slept == []


def test_a_clock_that_was_set_back_never_costs_more_than_one_pause() -> None:
    time = Time()
    pace = Pace(0.02, clock=time, sleep=time.sleep)
    pace.keep()
    time.now -= 3600.0

    pace.keep()

    assert time.slept == [0.02]
