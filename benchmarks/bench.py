"""What every benchmark is given: servers, sizes, the client, and targets to start."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import client
from benchmarks.client import Kind, Load
from benchmarks.figures import Report
from benchmarks.servers import Place, Servers
from benchmarks.tally import Summary
from benchmarks.targets import CannotRunError, Service, Target
from orders.chaos.releases import THIS, Release


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is done; the defaults of a whole run are in ``__main__.py``.

    Attributes:
        rounds: of every measurement; what is reported is their median.
        seconds: of one load.
        connections: of the closed loops of ``intake``.
        orders: that wait on the topic for ``drain``.
        waiting: clients of ``waiting``.
        stored: sizes of the database for ``growth``.
        minutes: of ``soak``.
        idle_seconds: how long ``footprint`` watches an idle node.

    """

    rounds: int
    seconds: int
    connections: tuple[int, ...]
    orders: int
    waiting: int
    stored: tuple[int, ...]
    minutes: float
    idle_seconds: float


@dataclass(frozen=True, slots=True)
class Bench:
    """One run of the suite."""

    servers: Servers
    sizes: Sizes
    client: Kind

    @property
    def logs(self) -> Path:
        """Where targets write their output."""
        return self.servers.directory

    @contextmanager
    def place(self, name: str, *, schema: bool = False) -> Iterator[Place]:
        """Give a fresh database and topic, dropped at the end."""
        place = self.servers.fresh(name, schema=schema)
        try:
            yield place
        finally:
            self.servers.drop(place)

    @contextmanager
    def running(
        self, kinds: Sequence[type[Target]], report: Report
    ) -> Iterator[list[Target]]:
        """Start each kind of target; note in ``report`` which cannot run here."""
        with ExitStack() as exits:
            targets: list[Target] = []
            for kind in kinds:
                target = kind(exits.enter_context(self.place(kind.name)), self.logs)
                exits.callback(target.stop)
                try:
                    target.start()
                except CannotRunError as error:
                    report.skipped.append(f"{kind.name}: {error}")
                else:
                    targets.append(target)
            yield targets

    @contextmanager
    def service(
        self,
        place: Place,
        settings: dict[str, str] | None = None,
        release: Release = THIS,
    ) -> Iterator[Service]:
        """Start a node of ``release`` on ``place``."""
        node = Service(place, self.logs, settings, release)
        try:
            node.start()
            yield node
        finally:
            node.stop()

    def closed(self, load: Load, connections: int) -> Summary:
        """Run a closed loop for the seconds of a round."""
        return client.run_closed(self.client, load, connections, self.sizes.seconds)

    def warm(self, target: Target) -> None:
        """Load a target for a second, unmeasured: connections, caches, group."""
        client.run_closed(self.client, target.load(), 16, 1)
        target.wait_settled()

    def rounds(self, say: Callable[[int], None]) -> None:
        """Run each round, and say on the terminal that it goes on."""
        for number in range(1, self.sizes.rounds + 1):
            print(f"  round {number} of {self.sizes.rounds}", flush=True)
            say(number)
