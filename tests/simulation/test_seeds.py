"""Nothing accepted is lost or settled twice, whatever the seed brings."""

import sys

from sim_campaign import MUST_HAPPEN, campaign
from sim_run import simulate

ENOUGH_SEEDS = 1000
"""From so many on, a chunk must have met every fault."""


def test_every_promise_holds(seeds: range) -> None:
    report = campaign(seeds)

    sys.stdout.write(f"{report.describe()}\n{dict(report.counts)}\n")
    tame = [what for what in MUST_HAPPEN if not report.counts[what]]
    assert not report.failures, report.describe()
    assert not tame or len(seeds) < ENOUGH_SEEDS, f"never happened: {tame}"


def test_a_seed_runs_the_same_again() -> None:
    first, second = simulate(7), simulate(7)

    assert (first.counts, first.trace) == (second.counts, second.trace)
