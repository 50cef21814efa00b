"""A limit is seen to hold, or the fault does not count."""

import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest

from orders.chaos import limits
from orders.chaos.limits import NotLimitedError, limited, soft_limit

FILES = resource.RLIMIT_NOFILE


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE
    ) as process:
        yield process


def test_a_process_is_held_to_its_limit_and_freed_of_it(process) -> None:
    before = soft_limit(process.pid, FILES)

    with limited(process.pid, FILES, 7):
        during = soft_limit(process.pid, FILES)

    assert during == "7"
    assert soft_limit(process.pid, FILES) == before


def test_a_limit_that_does_not_hold_is_told(
    process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_limit", lambda *_: None)

    with pytest.raises(NotLimitedError), limited(process.pid, FILES, 7):
        pass


def test_a_process_that_has_ended_has_no_limit(process) -> None:
    process.communicate()

    with limited(process.pid, FILES, 7):
        assert soft_limit(process.pid, FILES) is None
