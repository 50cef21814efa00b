"""What becomes of trials when their batch goes wrong."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import pytest

from orders.chaos.arena import Arena
from orders.chaos.batch import Batch
from orders.chaos.evaluation import BatchEnd
from orders.chaos.load_process import LoadFailedError
from orders.chaos.plan import plan_trial
from orders.chaos.trial import FAILED, Hit, Trial, TrialResult
from orders.devstack.errors import DevstackError

TRIALS = [plan_trial("F1", 7, number) for number in range(2)]


class FakeStack:
    gates = ()

    def bring_back(self) -> None:
        raise DevstackError("it does not start")


class FakeArena:
    """Nodes that die as ``dying`` says, on a PostgreSQL that does not come back."""

    stack = FakeStack()
    nodes = ()

    def __init__(self, *dying: str) -> None:
        self.dying = list(dying)

    @contextmanager
    def running(self) -> Iterator[None]:
        yield

    def deaths(self) -> Iterator[str]:
        while self.dying:
            yield self.dying.pop()


def run(arena: FakeArena, strike: Callable[[Arena, Trial], Hit]) -> list[TrialResult]:
    end = BatchEnd("b", 300, 64)
    batch = Batch(cast("Arena", arena), strike, lambda *_: None, end)
    return batch.run(TRIALS)


def hit(_arena: Arena, _trial: Trial) -> Hit:
    return Hit(fired=True, at=1.0, over=2.0)


def test_trials_that_could_not_be_checked_have_failed() -> None:
    results = run(FakeArena(), hit)

    assert [result.verdict for result in results] == [FAILED, FAILED]
    assert "not checked: DevstackError: it does not start" in results[0].problems


def test_a_node_that_died_by_itself_fails_the_trial() -> None:
    [result] = run(FakeArena("node-1 ended by itself with 70"), hit)

    assert "node-1 ended by itself with 70" in result.problems


@pytest.mark.parametrize("error", [LoadFailedError("load"), KeyError("bug")])
def test_a_strike_that_breaks_off_fails_its_trial(error: Exception) -> None:
    def strike(_arena: Arena, _trial: Trial) -> Hit:
        raise error

    [result] = run(FakeArena(), strike)

    assert result.verdict == FAILED
    assert result.problems[0].startswith(type(error).__name__)
