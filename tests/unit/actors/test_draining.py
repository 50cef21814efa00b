"""How long a drain waits: in time for slow work, briefly where nothing can be done."""

from collections.abc import Callable
from typing import Any

import pytest
from actor_fakes import FakeClock, RecordedRole, World

from orders.actors.draining import OUT_OF_TIME, DrainWait

AWAY = "PostgreSQL is away"


class PatientEvent:
    """An event on the test's clock, set at ``due``."""

    def __init__(self, clock: FakeClock, due: float | None) -> None:
        self._clock = clock
        self.due = due

    def wait(self, seconds: float) -> bool:
        end = self._clock() + seconds
        if self.due is not None and self.due <= end:
            self._clock.now = max(self._clock(), self.due)
            return True
        self._clock.now = end
        return False


class Bench:
    def __init__(self, world: World) -> None:
        self.clock = world.clock
        self.began = world.clock()
        self.world = world
        self.away: Callable[[float], bool] = lambda now: False
        self.wait = DrainWait(self.began + 20, self._obstacle, clock=world.clock)

    def _obstacle(self) -> str | None:
        return AWAY if self.away(self.took) else None

    @property
    def took(self) -> float:
        return self.clock() - self.began

    def role(self, drained_after: float | None) -> RecordedRole[Any]:
        role = self.world.role("role")
        due = None if drained_after is None else self.began + drained_after
        role.drained = PatientEvent(self.clock, due)  # type: ignore[assignment]
        return role


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench(world)


def test_slow_work_is_waited_for(bench: Bench) -> None:
    reason = bench.wait.for_role(bench.role(drained_after=19.9))

    assert reason is None


def test_wait_ends_at_the_deadline(bench: Bench) -> None:
    reason = bench.wait.for_role(bench.role(drained_after=None))

    assert reason == OUT_OF_TIME
    assert bench.took == pytest.approx(20)


def test_where_nothing_can_be_done_the_wait_is_short(bench: Bench) -> None:
    bench.away = lambda now: True

    reason = bench.wait.for_role(bench.role(drained_after=None))

    assert reason == AWAY
    assert bench.took <= 3.5


def test_whole_drain_is_short_where_nothing_can_be_done(bench: Bench) -> None:
    bench.away = lambda now: True

    for _ in range(10):
        bench.wait.for_role(bench.role(drained_after=None))

    assert bench.took <= 6


def test_idle_role_is_drained_whatever_is_away(bench: Bench) -> None:
    bench.away = lambda now: True
    bench.wait.for_role(bench.role(drained_after=None))

    reason = bench.wait.for_role(bench.role(drained_after=bench.took + 0.1))

    assert reason is None


def test_database_that_is_away_for_moments_is_waited_for(bench: Bench) -> None:
    bench.away = lambda now: now % 3 < 2.5

    reason = bench.wait.for_role(bench.role(drained_after=15))

    assert reason is None


def test_all_roles_share_the_deadline(bench: Bench) -> None:
    bench.wait.for_role(bench.role(drained_after=None))

    reason = bench.wait.for_role(bench.role(drained_after=21))

    assert reason == OUT_OF_TIME
    assert bench.took == pytest.approx(20)
