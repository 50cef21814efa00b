"""The tests pass wherever they are started from, in a copy of the checkout."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from orders.chaos.mutants.tree import SourceTree, copied_tree, source_root

pytestmark = pytest.mark.more

SECONDS = 900.0
FEW_DESCRIPTORS = 256
UNIT = ("tests/unit", "tests/test_layout.py", "--hypothesis-profile", "quick")
SERVERS = (
    "tests/acceptance/test_demo.py",
    "tests/integration/test_embedded_stack.py",
    "tests/acceptance/test_one_order.py",
)


@pytest.fixture
def tree() -> Iterator[SourceTree]:
    """A copy at a path with a blank and an umlaut in it."""
    with copied_tree(source_root()) as copy:
        yield SourceTree(copy.root.rename(copy.root.with_name("my örders")))


@pytest.mark.parametrize("tests", [UNIT, SERVERS], ids=["unit", "servers"])
def test_a_background_job_without_an_environment_is_green(
    tree: SourceTree, tests: tuple[str, ...]
) -> None:
    assert _run(tree, tests) == ""


def _run(tree: SourceTree, tests: tuple[str, ...]) -> str:
    """Run ``tests``; return how they failed, "" where they passed."""
    kept = {**tree.environment, "LC_ALL": "C"}
    names = ("PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "LC_ALL")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", *tests],
        cwd=tree.root,
        env={name: kept[name] for name in names},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        start_new_session=True,  # without a terminal
        preexec_fn=_become_a_background_job,
    )
    return (done.stdout + done.stderr)[-4000:] if done.returncode else ""


def _become_a_background_job() -> None:
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.close(0)
    os.umask(0o077)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_DESCRIPTORS, hard))
