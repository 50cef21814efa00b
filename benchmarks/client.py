"""Runs a load as a process of its own, with wrk or with our own client."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.machine import ROOT
from benchmarks.requests import API_KEY
from benchmarks.tally import Summary

Kind = Literal["wrk", "own"]
_PATIENCE_SECONDS = 60.0


class LoadError(Exception):
    """The client did not come to an end, or got no answers."""


@dataclass(frozen=True, slots=True)
class Load:
    """Where requests go and what they are; see ``requests.py``."""

    port: int
    path: str
    keys: str = ""
    batch: int = 0
    api_key: str = ""
    gets: Path | None = None
    """A file of paths to ask for, instead of placing orders; only our client does."""


def choose(wanted: str) -> Kind:
    """Return the client of a whole run: wrk where it is on the PATH, if "auto"."""
    if wanted == "own" or not shutil.which("wrk"):
        return "own"
    return "wrk"


def run_closed(kind: Kind, load: Load, connections: int, seconds: float) -> Summary:
    """Keep ``connections`` busy for ``seconds``.

    Raises:
        LoadError: the client failed.

    """
    if kind == "own" or load.gets is not None:
        options = ("--connections", str(connections), "--seconds", str(seconds))
        command = _own(load, *options)
        return list(_lines(command, seconds, _told(load)))[-1]
    command = [
        *("wrk", "-t1", f"-c{connections}", f"-d{max(round(seconds), 1)}s"),
        *("-s", str(ROOT / "benchmarks" / "post.lua")),
        f"http://127.0.0.1:{load.port}{load.path}",
    ]
    return list(_lines(command, seconds, _told(load)))[-1]


def run_open(
    load: Load, rate: float, seconds: float, interval: float = 0.0
) -> Iterator[Summary]:
    """Send ``rate`` requests a second; yield each interval, then the whole.

    It is always our own client: wrk has no open loop.

    Raises:
        LoadError: the client failed.

    """
    options = ("--rate", str(rate), "--interval", str(interval))
    command = _own(load, *options, "--seconds", str(seconds))
    yield from _lines(command, seconds, _told(load))


def _own(load: Load, *options: str) -> list[str]:
    gets = () if load.gets is None else ("--gets", str(load.gets))
    return [
        *(sys.executable, "-m", "benchmarks.load", "--port", str(load.port)),
        *("--path", load.path, "--keys", load.keys, "--batch", str(load.batch)),
        *gets,
        *options,
    ]


def _told(load: Load) -> dict[str, str]:
    """Return what the environment tells wrk's script, and both clients of the key."""
    return {
        "BENCH_KEYS": load.keys,
        "BENCH_BATCH": str(load.batch),
        API_KEY: load.api_key,
    }


def _lines(
    command: list[str], seconds: float, told: dict[str, str]
) -> Iterator[Summary]:
    """Yield the JSON lines of a client, each a summary."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | told,
    )
    found = False
    try:
        for line in process.stdout or ():
            if line.startswith("{"):
                found = True
                yield Summary(**json.loads(line))
        code = process.wait(seconds + _PATIENCE_SECONDS)
    finally:
        process.kill()
        process.wait()
    if code or not found:
        raise LoadError(f"{command[:3]} ended with {code}")
