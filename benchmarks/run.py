"""Accepted and settled orders a second, beside a floor that stores nothing."""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from statistics import median

from orders.devstack.ports import choose_free

ROOT = Path(__file__).parents[1]
_START_SECONDS = 60.0
_SETTLE_SECONDS = 60.0


def main() -> None:
    """Run the rounds and print the report."""
    options = parse_options()
    print(describe())
    service: list[float] = []
    floor: list[float] = []
    with running_node() as (port, operations), running_floor() as floor_port:
        for number in range(1, options.rounds + 1):
            below = load(floor_port, options)
            floor.append(below["accepted_per_second"])
            figures = load(port, options)
            service.append(figures["accepted_per_second"])
            settled_after = wait_until_settled(operations)
            print(
                f"round {number}: floor {floor[-1]:.0f}/s, "
                f"accepted {service[-1]:.0f}/s, p50 {figures['p50_ms']:.1f} ms, "
                f"p99 {figures['p99_ms']:.1f} ms, refused {figures['refused']:.0f}, "
                f"all settled {settled_after:.1f} s after the load",
                flush=True,
            )
    print(f"median ratio to the floor: {median(service) / median(floor):.2f}")


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="example: python benchmarks/run.py --rounds 5"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0, help="of load a round")
    parser.add_argument("--connections", type=int, default=64)
    return parser.parse_args()


def describe() -> str:
    """Return what a figure needs beside it."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - whichever git
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    parts = ("kafka-python", "psycopg", "falcon", "waitress", "pykka")
    versions = ", ".join(f"{name} {version(name)}" for name in parts)
    return (
        f"{platform.machine()}, {os.cpu_count()} CPUs, {platform.system()}, "
        f"Python {platform.python_version()}, {versions}, commit {commit or 'unknown'}"
    )


def load(port: int, options: argparse.Namespace) -> dict[str, float]:
    """Run the client against ``port``."""
    client = [sys.executable, str(ROOT / "benchmarks" / "load.py")]
    arguments = [str(port), str(options.connections), str(options.seconds)]
    done = subprocess.run(client + arguments, capture_output=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


@contextmanager
def running_floor() -> Iterator[int]:
    """Run the floor; its port."""
    port = choose_free()
    script = str(ROOT / "benchmarks" / "floor.py")
    process = subprocess.Popen([sys.executable, script, str(port)])
    try:
        wait_for(f"http://127.0.0.1:{port}/none", statuses={404})
        yield port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def running_node() -> Iterator[tuple[int, int]]:
    """Run a node with everything at its default; its two ports."""
    # Not under a private folder: PostgreSQL runs under an account of its own.
    data = Path(tempfile.mkdtemp(prefix="orders-bench-"))
    data.chmod(0o711)
    port, operations = choose_free(), choose_free()
    own = {k: v for k, v in os.environ.items() if not k.startswith("ORDERS_")}
    environment = own | {
        "ORDERS_DATABASE__URL": "embedded",
        "ORDERS_KAFKA__BOOTSTRAP_SERVERS": "embedded",
        "ORDERS_DATA_DIR": str(data),
        "ORDERS_HTTP__PORT": str(port),
        "ORDERS_OPERATIONS__PORT": str(operations),
    }
    with (data / "node.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "run.py")], env=environment, stdout=log
        )
        try:
            wait_for(f"http://127.0.0.1:{operations}/readyz", statuses={200})
            yield port, operations
        finally:
            process.terminate()
            process.wait()
            shutil.rmtree(data, ignore_errors=True)


def wait_for(url: str, statuses: set[int]) -> None:
    """Wait until ``url`` answers with one of ``statuses``."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            status = urllib.request.urlopen(url, timeout=1).status  # noqa: S310 - our own
        except urllib.error.HTTPError as error:
            status = error.code
        except OSError:
            status = 0
        if status in statuses:
            return
        time.sleep(0.1)
    raise SystemExit(f"{url} did not answer")


def wait_until_settled(operations: int) -> float:
    """Wait until every accepted order is settled; return the seconds it took."""
    began = time.monotonic()
    while time.monotonic() - began < _SETTLE_SECONDS:
        accepted, settled = counters(operations)
        if settled >= accepted:
            return time.monotonic() - began
        time.sleep(0.05)
    raise SystemExit("orders were left unsettled")


def counters(operations: int) -> tuple[float, float]:
    """Read how many orders were accepted and how many settled."""
    url = f"http://127.0.0.1:{operations}/metrics"
    text = urllib.request.urlopen(url, timeout=5).read().decode()
    sums = {"orders_accepted_total": 0.0, "orders_settled_total": 0.0}
    for line in text.splitlines():
        name = line.split("{")[0].split(" ")[0]
        if name in sums:
            sums[name] += float(line.rsplit(" ", 1)[1])
    return sums["orders_accepted_total"], sums["orders_settled_total"]


if __name__ == "__main__":
    main()
