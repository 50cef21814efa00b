"""Tells who watches what is being done: a line that is written over, or lines."""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TextIO

from orders.chaos.trial import OK, Hit, Trial, TrialResult
from orders.verification.verdict import Verdict

_WIDTH = 100


class Progress:
    """A live line on a terminal; elsewhere a line for each trial.

    Args:
        total: how many trials are to be made.
        stream: where to write.

    """

    def __init__(self, total: int, stream: TextIO = sys.stderr) -> None:
        self._total = total
        self._stream = stream
        self._is_live = stream.isatty()
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """Show what is being done now."""
        self._show(text)

    def hit(self, trial: Trial, hit: Hit) -> None:
        """Show a trial that was carried out."""
        measured = " ".join(f"{k} {v:.2f}" for k, v in hit.measured.items())
        self._show(
            f"{trial.fault} {trial.number + 1}/{self._total}: {trial.kind}, "
            f"node {trial.node + 1} {measured}"
        )
        for problem in hit.problems:
            self.keep(f"  PROBLEM {problem}")

    def checked(self, verdict: Verdict | None, lines: Sequence[TrialResult]) -> None:
        """Show what the check of a batch came to."""
        bad = [line for line in lines if line.verdict != OK]
        counts = "nothing" if verdict is None else _words(verdict.counts)
        self.keep(f"checked: {counts}; {len(lines) - len(bad)} of {len(lines)} ok")
        for finding in () if verdict is None else verdict.findings:
            self.keep(
                f"  {finding.group} {finding.rule} {finding.order_id}: {finding.detail}"
            )
        for problem in sorted({p for line in bad for p in line.problems}):
            self.keep(f"  PROBLEM {problem}")

    def keep(self, text: str) -> None:
        """Write a line that stays."""
        self._clear()
        print(text, file=self._stream, flush=True)

    def _show(self, text: str) -> None:
        line = f"[{time.monotonic() - self._began:6.1f} s] {text}"
        if not self._is_live:
            print(line, file=self._stream, flush=True)
            return
        self._clear()
        self._stream.write(line[:_WIDTH])
        self._stream.flush()

    def _clear(self) -> None:
        if self._is_live:
            self._stream.write("\r" + " " * _WIDTH + "\r")


def _words(counts: Mapping[str, int]) -> str:
    return " ".join(f"{name} {count}" for name, count in counts.items())
