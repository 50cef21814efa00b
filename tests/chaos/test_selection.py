"""A few of each fault but F4, which takes long; `make chaos` runs many more.

The same ones every time.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from orders.chaos.campaign import CampaignPlan, run_batch
from orders.chaos.plan import FAULTS, NODES, plan_trial
from orders.chaos.progress import Progress
from orders.chaos.stack import ChaosStack
from orders.chaos.trial import TrialResult

pytestmark = pytest.mark.chaos

SEED = 7
ORDERS_A_SECOND = 200


@pytest.fixture(scope="module")
def stack() -> Iterator[ChaosStack]:
    directory = Path(tempfile.mkdtemp(prefix="orders-chaos-test-"))
    with ChaosStack(directory, NODES) as running:
        yield running
    shutil.rmtree(directory)


def run(
    stack: ChaosStack, directory: Path, fault: str, numbers: Sequence[int]
) -> list[TrialResult]:
    plan = CampaignPlan(
        fault=fault,
        trials=len(numbers),
        seed=SEED,
        rate=ORDERS_A_SECOND,
        clients=64,
        directory=directory,
    )
    trials = [plan_trial(fault, SEED, number) for number in numbers]
    progress = Progress(len(trials))
    progress.keep(f"logs and journals are in {directory}")
    return run_batch(stack, plan, 1, trials, progress)


def assert_survived(results: Sequence[TrialResult], trials: int) -> None:
    assert [(r.kind, r.verdict, r.problems) for r in results if not r.ok] == []
    assert len(results) == trials
    # An answer takes a few milliseconds: a single fault may find no request open.
    found = [r.in_flight or r.measured["underway"] for r in results]
    assert any(found), "no fault found work in flight"


def numbers_of(fault: str, *kinds: str) -> list[int]:
    return [FAULTS[fault].kinds.index(kind) for kind in kinds]


def test_nothing_is_lost_when_nodes_are_killed(
    stack: ChaosStack, tmp_path: Path
) -> None:
    results = run(stack, tmp_path, "F1", range(3))

    assert_survived(results, 3)


def test_nothing_is_lost_between_two_steps(stack: ChaosStack, tmp_path: Path) -> None:
    steps = numbers_of(
        "F2",
        "intake.after_commit",
        "http.before_answer",
        "publish.after_confirm",
        "settle.before_commit",
    )

    results = run(stack, tmp_path, "F2", steps)

    assert_survived(results, len(steps))


def test_an_outage_of_postgres_is_said_and_survived(
    stack: ChaosStack, tmp_path: Path
) -> None:
    ways = numbers_of("F8", "kill -9", "read-only")

    results = run(stack, tmp_path, "F8", ways)

    assert_survived(results, len(ways))


def test_an_answer_lost_on_its_way_changes_nothing(
    stack: ChaosStack, tmp_path: Path
) -> None:
    results = run(stack, tmp_path, "F10", range(12))

    assert_survived(results, 12)


def test_a_rolling_restart_loses_nothing(stack: ChaosStack, tmp_path: Path) -> None:
    results = run(stack, tmp_path, "F22", range(1))

    assert_survived(results, 1)


def test_a_node_that_woke_up_late_does_nothing_twice(
    stack: ChaosStack, tmp_path: Path
) -> None:
    results = run(stack, tmp_path, "F3", numbers_of("F3", "8 s"))

    assert_survived(results, 1)


def test_a_topic_that_comes_again_changes_nothing(
    stack: ChaosStack, tmp_path: Path
) -> None:
    results = run(stack, tmp_path, "F14", numbers_of("F14", "topic replayed"))

    assert_survived(results, 1)


def test_orders_go_on_while_kafka_is_away(stack: ChaosStack, tmp_path: Path) -> None:
    results = run(stack, tmp_path, "F5", numbers_of("F5", "kill -9"))

    assert_survived(results, 1)
