"""Nothing accepted is lost or settled twice, whatever the seed brings."""

import sys

import pytest
from sim_campaign import MUST_HAPPEN, campaign
from sim_faults import Sick
from sim_run import simulate

SICK_SEEDS = 40
ENOUGH_SEEDS = 1000
"""From so many on, a chunk must have met every fault."""


def test_every_promise_holds(seeds: range) -> None:
    report = campaign(seeds)

    sys.stdout.write(f"{report.describe()}\n{dict(report.counts)}\n")
    tame = [what for what in MUST_HAPPEN if not report.counts[what]]
    assert not report.failures, report.describe()
    assert not tame or len(seeds) < ENOUGH_SEEDS, f"never happened: {tame}"


@pytest.mark.parametrize("sick", Sick)
def test_all_settle_within_their_bound_while_one_part_is_sick(sick: Sick) -> None:
    for seed in range(SICK_SEEDS):
        outcome = simulate(seed, sick=sick)

        assert not outcome.broken, outcome.describe()


def test_a_seed_runs_the_same_again() -> None:
    first, second = simulate(7), simulate(7)

    assert (first.counts, first.trace) == (second.counts, second.trace)
