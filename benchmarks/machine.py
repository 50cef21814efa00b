"""What a figure needs beside it: the machine, the versions, the commit."""

import os
import platform
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
_LIBRARIES = ("kafka-python", "psycopg", "falcon", "waitress", "greenlet", "pykka")
_GIB = 1 << 30


def describe() -> dict[str, str]:
    """Return facts about this run by name, in the order they are shown."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    facts = {
        "machine": f"{_cpu()}, {os.cpu_count()} CPUs, {memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "load average": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "commit": _output("git", "describe", "--always", "--dirty") or "unknown",
    }
    if shutil.which("go"):
        facts["go"] = _output("go", "version").removeprefix("go version ")
    return facts | {name: version(name) for name in _LIBRARIES}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.processor() or "unknown CPU"


def _output(*command: str) -> str:
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
