"""Runs tests in a copied tree and says how they ended."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from orders.chaos.mutants.tree import SourceTree

LIMIT_SECONDS = 300.0
"""A run that takes longer is ended, and proves nothing."""

_KILLED_SECONDS = 10.0
_TESTS_FAILED = 1
_FAILED = re.compile(r"^FAILED ", re.MULTILINE)
_FAULT = re.compile(
    r"^(?:FAILED|ERROR) (?P<test>.+?)(?: - (?P<why>.*))?$", re.MULTILINE
)
_ERROR = re.compile(r"^E +(?P<text>.*)$", re.MULTILINE)


class Ending(Enum):
    """How a run of tests ended."""

    PASSED = "passed"
    FAILED = "failed"
    """At least one test was run and failed."""
    BROKEN = "broken"
    """Tests could not be run, or took too long."""


class Run(NamedTuple):
    """One run of pytest."""

    ending: Ending
    seconds: float
    why: str
    """The first failure's own words; for a broken run the end of its output."""
    errors: str = ""
    """What pytest says of each failure in full."""

    def failed_with(self, words: str) -> bool:
        """Tell whether a test failed, and for the reason that is expected."""
        return self.ending is Ending.FAILED and words in self.errors


def run_tests(
    tree: SourceTree, tests: Sequence[str], limit_seconds: float = LIMIT_SECONDS
) -> Run:
    """Run ``tests``, given by their ids, in ``tree``."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=tree.root,
        env=tree.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=limit_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=_KILLED_SECONDS)
        return Run(Ending.BROKEN, limit_seconds, "it took too long")
    seconds = time.monotonic() - began
    return Run(
        ending_of(process.returncode, output),
        seconds,
        reason_in(output),
        errors_in(output),
    )


def ending_of(exit_code: int, output: str) -> Ending:
    """Tell how pytest ended; a test that could not be set up proves nothing."""
    if exit_code == 0:
        return Ending.PASSED
    failed = exit_code == _TESTS_FAILED and _FAILED.search(output)
    return Ending.FAILED if failed else Ending.BROKEN


def errors_in(output: str) -> str:
    """Return the lines in which pytest explains failures, without the source."""
    return "\n".join(match["text"] for match in _ERROR.finditer(output))


def reason_in(output: str) -> str:
    """Return why the first test failed, or else the last line."""
    fault = _FAULT.search(output)
    if fault is not None:
        return f"{fault['test'].rpartition('::')[2]}: {fault['why'] or 'failed'}"
    lines = output.strip().splitlines()
    return lines[-1] if lines else ""
