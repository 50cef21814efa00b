"""Measures the service beside its peers and ceilings, in rounds that take turns."""

import argparse
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import client, machine, report
from benchmarks.bench import Bench, Sizes
from benchmarks.figures import Report
from benchmarks.servers import Servers
from benchmarks.suite import (
    against,
    batch,
    drain,
    footprint,
    growth,
    guarded,
    intake,
    keyed,
    latency,
    overload,
    soak,
    waiting,
)
from orders.chaos.releases import NoReleaseError, unpack

_SUITE: Final[Mapping[str, Callable[[Bench], Report]]] = {
    "intake": intake.run,
    "latency": latency.run,
    "keyed": keyed.run,
    "guarded": guarded.run,
    "batch": batch.run,
    "drain": drain.run,
    "waiting": waiting.run,
    "footprint": footprint.run,
    "overload": overload.run,
    "growth": growth.run,
    "soak": soak.run,
}
_BY_DEFAULT: Final = ("intake", "latency", "keyed", "batch")
_CONNECTIONS: Final = (1, 16, 64, 256)
_DEFAULT: Final = Sizes(
    rounds=5,
    seconds=2,
    connections=_CONNECTIONS,
    orders=100_000,
    waiting=2_000,
    stored=(0, 200_000),
    minutes=30,
    idle_seconds=3,
)
_QUICK: Final = Sizes(
    rounds=1,
    seconds=1,
    connections=(1, 64),
    orders=20_000,
    waiting=200,
    stored=(0, 20_000),
    minutes=0.5,
    idle_seconds=1,
)
_AGAINST: Final = replace(_DEFAULT, rounds=12, seconds=4, orders=20_000)
"""Of twelve rounds, the third to the tenth ratio holds the median at 96 %; of ten it
takes the second to the ninth."""
_FULL: Final = Sizes(
    rounds=5,
    seconds=10,
    connections=_CONNECTIONS,
    orders=100_000,
    waiting=2_000,
    stored=(0, 1_000_000, 10_000_000),
    minutes=30,
    idle_seconds=10,
)
_DESCRIPTORS: Final = 16_384


def main() -> int:
    """Run what was asked for; return 0 where every benchmark came to its end."""
    given = _options()
    known = list(against.PARTS if given.against else _SUITE)
    by_default = known if given.against else _BY_DEFAULT
    names = given.only.split(",") if given.only else by_default
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}", file=sys.stderr)
        return 2
    _allow_descriptors()
    kind = client.choose(given.client)
    facts = machine.describe() | {"client of closed loops": kind}
    folder = given.results or _results(quick=given.quick)
    done: list[Report] = []
    began = time.monotonic()
    with Servers() as servers:
        facts |= servers.versions()
        for name, fact in facts.items():
            print(f"{name}: {fact}")
        bench = Bench(servers, _sizes(given), kind)
        facts["sizes"] = str(bench.sizes)
        try:
            runs = _runs(given, bench, names)
        except NoReleaseError as error:
            print(f"--against: {error}", file=sys.stderr)
            return 1
        for name, run in runs.items():
            print(f"\n{name}", flush=True)
            done.append(run(bench))
            report.show(done[-1])
            stamp = _stamp(began) + (f"-{done[-1].name}" if given.against else "")
            file = report.write(folder, stamp, facts, done)
    print(f"written to {file}, {time.monotonic() - began:.0f} s")
    return 0


def _runs(
    given: argparse.Namespace, bench: Bench, names: Sequence[str]
) -> dict[str, Callable[[Bench], Report]]:
    """Return what is to be run, by name."""
    if not given.against:
        return {name: _SUITE[name] for name in names}
    other = unpack(given.against, bench.logs / "against")
    return {f"against {other.commit}": lambda it: against.run(it, other, names)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=f"benchmarks: {', '.join(_SUITE)}; without --only: "
        f"{', '.join(_BY_DEFAULT)}. example: python -m benchmarks --only intake",
    )
    parser.add_argument("--only", default="", help="names, with commas between")
    parser.add_argument(
        "--against",
        metavar="COMMIT",
        default="",
        help=f"measure {', '.join(against.PARTS)} of this source and of that commit,"
        " in turns; --only takes some of them",
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="one small round of each")
    size.add_argument("--full", action="store_true", help="the sizes for publication")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int, help="of one load")
    parser.add_argument("--orders", type=int, help="that wait for drain")
    parser.add_argument("--stored", help="sizes for growth, with commas between")
    parser.add_argument("--minutes", type=float, help="of soak")
    parser.add_argument(
        "--client",
        choices=("auto", "wrk", "own"),
        default="auto",
        help="of closed loops, for all targets of a run; auto: wrk where it is",
    )
    parser.add_argument("--results", type=Path, help="where JSON and plots go")
    return parser.parse_args()


def _sizes(given: argparse.Namespace) -> Sizes:
    usual = _AGAINST if given.against else _DEFAULT
    base = _QUICK if given.quick else _FULL if given.full else usual
    stored = given.stored and tuple(int(size) for size in given.stored.split(","))
    return Sizes(
        rounds=given.rounds or base.rounds,
        seconds=given.seconds or base.seconds,
        connections=base.connections,
        orders=given.orders or base.orders,
        waiting=base.waiting,
        stored=stored or base.stored,
        minutes=given.minutes or base.minutes,
        idle_seconds=base.idle_seconds,
    )


def _results(*, quick: bool) -> Path:
    folder = machine.ROOT / "benchmarks" / "results"
    return folder / "quick" if quick else folder


def _stamp(began: float) -> str:
    """Return the time at which the run began, for a file name."""
    moment = datetime.now(UTC).timestamp() - (time.monotonic() - began)
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d-%H%M")


def _allow_descriptors() -> None:
    """Let this process and its targets open as many connections as they may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    sys.exit(main())
