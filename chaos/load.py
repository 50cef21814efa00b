"""The load, a process of its own: clients that order, look, and never forget.

    python -m orders.chaos.load --journal journal.jsonl --ports 8080,8090 --seed 7

It runs until its standard input ends. Then no order is begun any more, what is
under way is retried to its end, and the journal is closed. Standard output gets a
line of ``LoadStats`` every 50 ms, standard error what no document promises.
"""

import argparse
import asyncio
import gc
import random
import sys
import time
from collections import deque
from pathlib import Path

from orders.chaos.load_client import Client
from orders.chaos.load_scene import Scene
from orders.chaos.load_stats import LoadStats, encode_stats
from orders.verification.journal import JournalWriter

_TELL_SECONDS = 0.05
_SYNC_SECONDS = 0.02
_KNOWN_ORDERS = 512


def main() -> int:
    """Run the load as the command line says."""
    options = _options()
    gc.freeze()
    asyncio.run(_run(options))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m orders.chaos.load")
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--ports", required=True, help="HTTP ports, with commas")
    parser.add_argument("--run", default="run", help="makes the keys unique")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--rate", type=float, default=300.0, help="orders a second")
    parser.add_argument("--first-client", type=int, default=0, help="its number")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--patience",
        type=float,
        help="seconds after which a client turns to another node",
    )
    return parser.parse_args()


async def _run(options: argparse.Namespace) -> None:
    ports = [int(port) for port in options.ports.split(",")]
    stats = LoadStats(ok_since=[0.0] * len(ports))
    with JournalWriter(options.journal) as journal:
        scene = Scene(
            run=options.run,
            ports=ports,
            journal=journal,
            stats=stats,
            known=deque(maxlen=_KNOWN_ORDERS),
            stopping=asyncio.Event(),
            interval_seconds=options.clients / options.rate,
            patience_seconds=options.patience,
        )
        clients = [
            asyncio.create_task(
                Client(scene, number, random.Random(f"{options.seed}-{number}")).run()
            )
            for number in range(
                options.first_client, options.first_client + options.clients
            )
        ]
        keeper = asyncio.create_task(_keep(scene))
        await asyncio.to_thread(sys.stdin.read)
        scene.stopping.set()
        await asyncio.gather(*clients)
        keeper.cancel()
    stats.acknowledged += scene.unsynced
    _tell(stats)


async def _keep(scene: Scene) -> None:
    """Bring the journal to the disk and tell how things stand, over and over."""
    told_at = 0.0
    while True:
        await asyncio.sleep(_SYNC_SECONDS)
        # What was written before the sync is on the disk after it, and only that.
        answered, scene.unsynced = scene.unsynced, 0
        await asyncio.to_thread(scene.journal.sync)
        scene.stats.acknowledged += answered
        if time.monotonic() - told_at >= _TELL_SECONDS:
            told_at = time.monotonic()
            _tell(scene.stats)


def _tell(stats: LoadStats) -> None:
    print(encode_stats(stats), flush=True)


if __name__ == "__main__":
    sys.exit(main())
