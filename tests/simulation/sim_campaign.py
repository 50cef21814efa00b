"""Many runs, one after another: what broke, and how much was put to the test."""

import gc
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sim_faults import Flaw, Sick
from sim_run import Outcome, simulate

_COLLECT_EVERY = 100
_MOST_SHOWN = 3

MUST_HAPPEN = (
    *("crash", "restart", "stays_dead", "actor_failed", "actor_hung", "freeze"),
    *("reply_cut", "request_cut", "request_late", "ambiguous_commit"),
    *("database_away", "broker_away", "lock_timeout", "lease_taken_over"),
    *("record_doubled", "record_lost", "answer_lost", "tail_lost"),
    *("rebalance", "commit_failed", "commit_refused"),
    *("replayed", "told", "compare_and_set_lost", "settlements_held", "expired"),
)
"""What a campaign must have met, or it proves nothing."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of some seeds."""

    seeds: int
    failures: tuple[Outcome, ...]
    counts: Counter[str]

    def describe(self) -> str:
        """Return the first failures, and how to see one again."""
        shown = "\n\n".join(f.describe() for f in self.failures[:_MOST_SHOWN])
        seeds = ", ".join(str(f.seed) for f in self.failures)
        return (
            f"{len(self.failures)} of {self.seeds} seeds fail: {seeds}\n"
            f"again: pytest tests/simulation --sim-seed {self.failures[0].seed}"
            f"\n\n{shown}"
            if self.failures
            else f"{self.seeds} seeds, all well"
        )


def campaign(seeds: Iterable[int]) -> Report:
    """Run every seed."""
    counts: Counter[str] = Counter()
    failures = []
    done = 0
    with _rare_collections():
        for done, seed in enumerate(seeds, 1):
            outcome = simulate(seed)
            counts.update(outcome.counts)
            if outcome.broken:
                failures.append(outcome)
            _collect_sometimes(done)
    return Report(done, tuple(failures), counts)


def find(
    seeds: Iterable[int],
    flaws: frozenset[Flaw],
    rule: str,
    sick: Sick | None = None,
) -> tuple[int, str] | None:
    """Return how many seeds it took to see ``rule`` broken, and what showed it."""
    with _rare_collections():
        for taken, seed in enumerate(seeds, 1):
            witness = simulate(seed, flaws, sick).witness(rule)
            if witness is not None:
                return taken, witness
            _collect_sometimes(taken)
    return None


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Each run leaves cycles; to look for them all the time doubles the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _collect_sometimes(done: int) -> None:
    if done % _COLLECT_EVERY == 0:
        gc.collect()
