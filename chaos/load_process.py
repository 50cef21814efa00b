"""The load as the harness sees it: a child that tells how things stand."""

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orders.chaos.load_stats import LoadStats, decode_stats
from orders.devstack.deadline import wait_until

_END_SECONDS = 90.0


class LoadFailedError(Exception):
    """The load process does not do its work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPlan:
    """What load is wanted: ``rate`` is orders a second, over all clients.

    Clients are numbered from ``first_client`` on. They turn to another node after
    ``patience_seconds``, where that is given; without it they wait, and a hang is held
    against the node.
    """

    run: str
    ports: Sequence[int]
    seed: int
    clients: int = 64
    rate: float = 300.0
    patience_seconds: float | None = None
    first_client: int = 0


class LoadProcess:
    """Runs the load and keeps what it told last; used by one thread.

    Args:
        plan: what load is wanted.
        directory: gets ``journal.jsonl`` and ``undocumented.log``.

    """

    def __init__(self, plan: LoadPlan, directory: Path) -> None:
        self.journal = directory / "journal.jsonl"
        self.undocumented = directory / "undocumented.log"
        self._stats = LoadStats(ok_since=[0.0] * len(plan.ports))
        patience = plan.patience_seconds
        with self.undocumented.open("ab") as errors:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "orders.chaos.load"),
                    *("--journal", str(self.journal), "--run", plan.run),
                    *("--ports", ",".join(map(str, plan.ports))),
                    *("--clients", str(plan.clients), "--rate", str(plan.rate)),
                    *("--seed", str(plan.seed)),
                    *("--first-client", str(plan.first_client)),
                    *(("--patience", str(patience)) if patience else ()),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, name="load", daemon=True)
        self._reader.start()

    @property
    def stats(self) -> LoadStats:
        """What it told last; at most some 100 ms old."""
        return self._stats

    def await_stats(self, wanted: Callable[[LoadStats], bool], seconds: float) -> bool:
        """Wait until the stats are as ``wanted``; tell whether they came to be.

        Raises:
            LoadFailedError: the process has ended.

        """

        def look() -> bool:
            if self._process.poll() is not None:
                witnesses = self.undocumented.read_text("utf-8")[-1500:]
                raise LoadFailedError(f"the load process ended:\n{witnesses}")
            return wanted(self._stats)

        return wait_until(look, seconds)

    def finish(self) -> LoadStats:
        """Begin no order any more, wait for what is under way, return the end.

        Raises:
            LoadFailedError: it does not come to an end, or came to a bad one.

        """
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise LoadFailedError("the load does not come to its end") from None
        self.end()
        if code:
            raise LoadFailedError(f"the load ended with {code}: {self.undocumented}")
        return self._stats

    def end(self) -> None:
        """End it at once if it runs, and let go of it."""
        self._process.kill()
        self._process.wait()
        self._reader.join(_END_SECONDS)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _read(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._stats = decode_stats(line)
