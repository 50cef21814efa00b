"""What ``make more`` runs: tests that need what not every machine has."""

import shutil
from collections.abc import Callable

import pytest

Program = Callable[[str, str], str]


@pytest.fixture(scope="session")
def program() -> Program:
    """A function that finds a program, or leaves the test out and says why.

    ``program("pgbouncer", "apt-get install pgbouncer")`` returns its path.
    """

    def find(name: str, remedy: str) -> str:
        path = shutil.which(name)
        if path is None:
            pytest.skip(f"left out: {name} is not on this machine ({remedy})")
        return path

    return find
