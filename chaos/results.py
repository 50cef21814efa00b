"""The results of a commit: one line of JSON a trial, kept and added to."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from pathlib import Path

from orders.chaos.trial import NOT_REACHED, TrialResult


class ResultsError(Exception):
    """The file holds something else; the message says where."""


class ResultsFile:
    """Appends trials, so that a long count can be collected in pieces.

    A line cut short by a crash is passed over. A trial counts as it came first: no
    later luck undoes a failure. Only one whose fault was not reached is made again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, results: Iterable[TrialResult]) -> None:
        """Add lines and bring them to the disk."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            for result in results:
                line = asdict(result) | {"measured": dict(result.measured)}
                file.write(json.dumps(line, separators=(",", ":")) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[TrialResult]:
        """Return the trials, in the order they came first; none without a file.

        Raises:
            ResultsError: a line is not one of ours.

        """
        if not self.path.exists():
            return []
        by_trial: dict[tuple[str, int, int], TrialResult] = {}
        for result in self._lines():
            trial = (result.fault, result.seed, result.number)
            if trial not in by_trial or by_trial[trial].verdict == NOT_REACHED:
                by_trial[trial] = result
        return list(by_trial.values())

    def done(self, fault: str, seed: int) -> set[int]:
        """Return the numbers of the trials that were made, well or not."""
        return {
            result.number
            for result in self.read()
            if (result.fault, result.seed) == (fault, seed)
            and result.verdict != NOT_REACHED
        }

    def require_load(self, fault: str, seed: int, rate: float, clients: int) -> None:
        """Refuse to add trials to others that were made under another load.

        Raises:
            ResultsError: there are such trials.

        """
        for result in self.read():
            load = (result.rate, result.clients)
            if (result.fault, result.seed) == (fault, seed) and load != (rate, clients):
                raise ResultsError(
                    f"{self.path} has trials of {fault} with seed {seed} at"
                    f" {load[0]:g} orders a second of {load[1]} clients; take the"
                    " same, or another seed"
                )

    def _lines(self) -> Iterator[TrialResult]:
        with self.path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.endswith("\n"):
                    yield _result(line, f"{self.path}, line {number}")


_NAMES = {field.name for field in fields(TrialResult)}


def _result(line: str, where: str) -> TrialResult:
    try:
        values = json.loads(line)
        known = {name: value for name, value in values.items() if name in _NAMES}
        known["problems"] = tuple(known.get("problems", ()))
        return TrialResult(**known)
    except (ValueError, TypeError, AttributeError) as error:
        raise ResultsError(f"{where}: not a trial: {error}") from error
