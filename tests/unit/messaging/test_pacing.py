"""Backoff, pausing and the watch on a silent consumer."""

import pytest

from orders.messaging.backoff import Backoff
from orders.messaging.flow_control import flow_change
from orders.messaging.stall_watch import StallWatch


class FakeClock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_delays_double_up_to_the_most(clock: FakeClock) -> None:
    backoff = Backoff(clock, first_seconds=1.0, most_seconds=5.0, spread=lambda: 1.0)

    delays = []
    for _ in range(5):
        backoff.failed()
        delays.append(backoff.remaining_seconds)

    assert delays == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_the_spread_takes_away_at_most_half_of_a_delay(clock: FakeClock) -> None:
    backoff = Backoff(clock, first_seconds=1.0, spread=lambda: 0.0)

    backoff.failed()

    assert backoff.remaining_seconds == 0.5


def test_a_delay_runs_out(clock: FakeClock) -> None:
    backoff = Backoff(clock, first_seconds=1.0, spread=lambda: 1.0)
    backoff.failed()

    clock.now += 1.0

    assert backoff.remaining_seconds == 0.0


def test_only_the_first_failure_and_the_success_after_it_are_news(
    clock: FakeClock,
) -> None:
    backoff = Backoff(clock)

    news = [backoff.succeeded(), backoff.failed(), backoff.failed()]
    news += [backoff.succeeded(), backoff.succeeded()]

    assert news == [False, True, False, True, False]


def test_a_success_starts_over(clock: FakeClock) -> None:
    backoff = Backoff(clock, first_seconds=1.0, spread=lambda: 1.0)
    backoff.failed()
    backoff.failed()

    backoff.succeeded()
    before = backoff.remaining_seconds
    backoff.failed()

    assert (before, backoff.remaining_seconds) == (0.0, 1.0)


def test_a_partition_with_its_share_outstanding_is_paused() -> None:
    change = flow_change({0, 1}, set(), {0: 50, 1: 49}.__getitem__, 100, hold=False)

    assert change == ({0}, set())


@pytest.mark.parametrize(("outstanding", "resumed"), [(26, False), (25, True)])
def test_a_paused_partition_resumes_at_half_of_its_share(
    outstanding: int, resumed: bool
) -> None:
    change = flow_change(
        {0, 1}, {0}, {0: outstanding, 1: 0}.__getitem__, 100, hold=False
    )

    assert change == (set(), {0} if resumed else set())


def test_holding_pauses_everything() -> None:
    change = flow_change({0, 1, 2}, {1}, lambda _: 0, 100, hold=True)

    assert change == ({0, 2}, set())


def test_the_end_of_holding_resumes_what_is_below_its_share() -> None:
    change = flow_change({0, 1}, {0, 1}, {0: 0, 1: 50}.__getitem__, 100, hold=False)

    assert change == (set(), {0})


def test_a_partition_that_moved_away_is_not_resumed() -> None:
    change = flow_change({0}, {0, 1}, lambda _: 0, 100, hold=False)

    assert change.resume == {0}


def test_a_member_that_is_not_stable_for_long_is_stuck(clock: FakeClock) -> None:
    watch = StallWatch(clock, unstable_seconds=40.0)
    watch.polled(stable=True, lively=True)

    clock.now += 39.9
    watch.polled(stable=False, lively=True)
    early = watch.unstable_for_too_long
    clock.now += 0.1

    assert (early, watch.unstable_for_too_long) == (False, True)


def test_a_silent_member_is_worth_a_question(clock: FakeClock) -> None:
    watch = StallWatch(clock, silent_seconds=30.0)

    clock.now += 30.0
    watch.polled(stable=True, lively=False)
    silent = watch.silent_for_long
    watch.polled(stable=True, lively=True)

    assert (silent, watch.silent_for_long) == (True, False)


def test_a_new_client_gets_its_full_time(clock: FakeClock) -> None:
    watch = StallWatch(clock)
    clock.now += 1000.0

    watch.restart()

    assert (watch.unstable_for_too_long, watch.silent_for_long) == (False, False)
