"""Runs one batch: faults under load, then quiet, then the check."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from orders.chaos.arena import Arena
from orders.chaos.check import check_batch
from orders.chaos.database import count_left, session, underway_at
from orders.chaos.evaluation import BatchEnd, result_of, traffic_of
from orders.chaos.load_process import LoadFailedError
from orders.chaos.strikes import Strike
from orders.chaos.trial import Hit, Trial, TrialResult, as_epoch
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
        end: names the batch and its load.

    """

    def __init__(
        self, arena: Arena, strike: Strike, on_hit: OnHit, end: BatchEnd
    ) -> None:
        self._arena = arena
        self._strike = strike
        self._on_hit = on_hit
        self._end = end
        self._hits: list[tuple[Trial, Hit]] = []
        self._problems: list[str] = []
        self._began = 0.0
        self.verdict: Verdict | None = None

    def run(self, trials: Sequence[Trial]) -> list[TrialResult]:
        """Carry the trials out and return their lines; fewer when one went wrong.

        Whatever keeps the check from being made once trials have begun fails them:
        it may be the worst that a fault can do.

        Raises:
            NodeFailedError, LoadFailedError: not even the start came about.

        """
        try:
            return self._run(trials)
        except Exception as error:
            if not self._hits:
                raise
            return self._unchecked(error)

    def _run(self, trials: Sequence[Trial]) -> list[TrialResult]:
        arena = self._arena
        with arena.running():
            self._began = time.monotonic()
            for trial in trials:
                hit = self._carry_out(trial)
                self._hits.append((trial, hit))
                self._on_hit(trial, hit)
                if hit.problems:
                    break  # what it left behind would be held against the next ones
            self._come_to_rest()
            self._problems.extend(arena.stop_nodes())
        self.verdict = check_batch(arena)
        results = self._evaluate(self.verdict)
        if all(result.ok for result in results):
            arena.drop()
        return results

    def _carry_out(self, trial: Trial) -> Hit:
        began = time.monotonic()
        try:
            hit = self._strike(self._arena, trial)
        except Exception as error:  # noqa: BLE001 - whatever it was, the trial was made
            hit = Hit(
                fired=True,
                at=began,
                over=time.monotonic(),
                problems=(f"{type(error).__name__}: {error}",),
                node=trial.node,
            )
        return replace(hit, problems=(*hit.problems, *self._arena.deaths()))

    def _unchecked(self, error: Exception) -> list[TrialResult]:
        """Return the lines of the trials so far when ``error`` ended the batch.

        What the check found, if it came that far, is held against them still.
        """
        told = f"not checked: {type(error).__name__}: {error}"
        end = replace(self._end, problems=(*self._problems, told))
        if self.verdict is not None:
            end = replace(end, verdict=self.verdict)
        return [result_of(trial, hit, end=end) for trial, hit in self._hits]

    def _come_to_rest(self) -> None:
        """End load and faults, and wait for quiet."""
        arena = self._arena
        for gates in arena.stack.gates:
            gates.open()
        arena.stack.bring_back()
        self._problems.extend(arena.deaths())
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
        self._end = replace(
            self._end,
            undocumented=stats.undocumented,
            settle_seconds=time.monotonic() - over,
        )

    def _evaluate(self, verdict: Verdict) -> list[TrialResult]:
        end = replace(self._end, verdict=verdict, problems=tuple(self._problems))
        operations = list(self._arena.operations())
        traffic = traffic_of(operations)
        starts = [self._began, *(hit.over for _, hit in self._hits[:-1])]
        results = []
        with session(self._arena.database_url) as asked:
            for start, (trial, hit) in zip(starts, self._hits, strict=True):
                underway = underway_at(asked, as_epoch(hit.at))
                seen = hit.in_hindsight(operations)
                measured = {
                    **seen.measured,
                    "underway": underway.count,
                    "underway_done_seconds": underway.done_at - as_epoch(hit.over),
                }
                results.append(
                    result_of(
                        trial,
                        replace(seen, measured=measured),
                        end=end,
                        in_flight=traffic.open_at(hit.at, hit.node),
                        orders=traffic.orders_between(start, hit.over),
                    )
                )
        return results
