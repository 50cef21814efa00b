"""Runs one batch: faults under load, then quiet, then the check."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from orders.chaos.arena import Arena
from orders.chaos.check import check_batch
from orders.chaos.database import count_left, session, underway_at
from orders.chaos.evaluation import BatchEnd, Traffic, result_of, traffic_of
from orders.chaos.load_process import LoadFailedError
from orders.chaos.node import NodeFailedError
from orders.chaos.strikes import Strike
from orders.chaos.trial import Hit, Trial, TrialResult, as_epoch
from orders.devstack.errors import DevstackError
from orders.domain.errors import DatabaseUnavailableError
from orders.verification.journal import read_journal
from orders.verification.verdict import Verdict

SETTLE_SECONDS = 30.0
"""From the end of the last fault until nothing may be left to do."""

OnHit = Callable[[Trial, Hit], None]


class Batch:
    """Some trials on one arena; run once.

    Args:
        arena: fresh.
        strike: carries one trial out.
        on_hit: told of each trial as it was carried out.

    """

    def __init__(self, arena: Arena, strike: Strike, on_hit: OnHit) -> None:
        self._arena = arena
        self._strike = strike
        self._on_hit = on_hit
        self._hits: list[tuple[Trial, Hit]] = []
        self._problems: list[str] = []
        self._began = 0.0
        self._settle_seconds = 0.0
        self.verdict: Verdict | None = None

    def run(self, trials: Sequence[Trial]) -> list[TrialResult]:
        """Carry the trials out and return their lines; fewer when one went wrong.

        Raises:
            NodeFailedError, LoadFailedError: not even the start came about.

        """
        arena = self._arena
        with arena.running():
            self._began = time.monotonic()
            for trial in trials:
                hit = self._carry_out(trial)
                self._hits.append((trial, hit))
                self._on_hit(trial, hit)
                if hit.problems:
                    break  # what it left behind would be held against the next ones
            undocumented = self._come_to_rest()
            self._problems.extend(arena.stop_nodes())
        self.verdict = check_batch(arena)
        end = BatchEnd(self.verdict, undocumented, tuple(self._problems))
        results = self._evaluate(end)
        if all(result.ok for result in results):
            arena.drop()
        return results

    def _carry_out(self, trial: Trial) -> Hit:
        began = time.monotonic()
        try:
            return self._strike(self._arena, trial)
        except (NodeFailedError, DevstackError, DatabaseUnavailableError) as error:
            return Hit(
                fired=True,
                at=began,
                over=time.monotonic(),
                problems=(f"{type(error).__name__}: {error}",),
            )

    def _come_to_rest(self) -> int:
        """End load and faults, wait for quiet; return the undocumented answers."""
        arena = self._arena
        for gates in arena.stack.gates:
            gates.open()
        arena.stack.start_postgres()
        for node in arena.nodes:
            if not node.is_running:
                node.start()
        over = time.monotonic()  # from here on no fault holds
        try:
            stats = arena.load.finish()
        except LoadFailedError as error:
            self._problems.append(str(error))
            stats = arena.load.stats
        if stats.given_up:
            self._problems.append(f"{stats.given_up} orders were never answered")
        if not arena.await_settled(over + SETTLE_SECONDS):
            left = count_left(arena.database_url)
            self._problems.append(f"{left} {SETTLE_SECONDS} s after the last fault")
        self._settle_seconds = time.monotonic() - over
        return stats.undocumented

    def _evaluate(self, end: BatchEnd) -> list[TrialResult]:
        traffic = traffic_of(list(read_journal(self._arena.journal)))
        starts = [self._began, *(hit.over for _, hit in self._hits[:-1])]
        results = []
        with session(self._arena.database_url) as asked:
            for start, (trial, hit) in zip(starts, self._hits, strict=True):
                underway = underway_at(asked, as_epoch(hit.at))
                measured = {
                    **hit.measured,
                    "underway_done_seconds": underway.done_at - as_epoch(hit.over),
                }
                results.append(
                    result_of(
                        trial,
                        replace(hit, measured=measured),
                        end=end,
                        in_flight=underway.count + traffic.open_at(hit.at),
                        orders=_orders(traffic, start, hit),
                        settle_seconds=self._settle_seconds,
                    )
                )
        return results


def _orders(traffic: Traffic, start: float, hit: Hit) -> int:
    return traffic.orders_between(start, hit.over)
