import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from orders.failpoints import registry
from orders.failpoints.registry import (
    KILLED,
    FailpointError,
    FatalFailpointError,
    arm,
    failpoint,
)
from orders.failpoints.specification import LONGEST_SLEEP_SECONDS, parse

NAME = "settle.before_commit"


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    arm(())
    yield
    arm(())


def passes_that_raise(count: int) -> list[int]:
    """Pass the failpoint ``count`` times; return the numbers of those that raised."""
    step = failpoint(NAME)
    assert step is not None
    raised = []
    for number in range(1, count + 1):
        try:
            step()
        except FailpointError:
            raised.append(number)
    return raised


def test_a_failpoint_that_is_not_armed_is_none() -> None:
    assert failpoint(NAME) is None


def test_other_failpoints_stay_disarmed() -> None:
    arm(parse(f"{NAME}:1:raise"))

    assert failpoint("settle.after_commit") is None


def test_only_the_nth_pass_fails() -> None:
    arm(parse(f"{NAME}:2:raise"))

    assert passes_that_raise(4) == [2]


def test_every_pass_from_the_nth_on_fails() -> None:
    arm(parse(f"{NAME}:2+:raise"))

    assert passes_that_raise(4) == [2, 3, 4]


def test_a_failpoint_may_have_two_rules() -> None:
    arm(parse(f"{NAME}:1:raise,{NAME}:3:raise"))

    assert passes_that_raise(4) == [1, 3]


def test_passes_go_on_for_whoever_looks_it_up_again() -> None:
    arm(parse(f"{NAME}:3:raise"))
    passes_that_raise(2)

    assert passes_that_raise(1) == [1]


def test_the_error_names_the_failpoint() -> None:
    arm(parse(f"{NAME}:1:raise"))
    step = failpoint(NAME)
    assert step is not None

    with pytest.raises(FailpointError, match=NAME):
        step()


def test_a_fatal_one_passes_through_what_catches_every_exception() -> None:
    arm(parse(f"{NAME}:1:fatal"))
    step = failpoint(NAME)
    assert step is not None

    with pytest.raises(FatalFailpointError) as caught:
        step()

    assert not isinstance(caught.value, Exception)


@pytest.mark.parametrize(
    ("action", "seconds"), [("sleep=0.5", 0.5), ("sleep", LONGEST_SLEEP_SECONDS)]
)
def test_a_sleep_holds_the_thread(
    action: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(registry.time, "sleep", slept.append)
    arm(parse(f"{NAME}:1:{action}"))
    step = failpoint(NAME)
    assert step is not None

    step()

    assert slept == [seconds]


def test_an_exit_flushes_nothing_and_looks_like_a_kill() -> None:
    program = (
        "import sys\n"
        "from orders.failpoints.registry import arm, failpoint\n"
        "from orders.failpoints.specification import parse\n"
        f"arm(parse('{NAME}:1:exit'))\n"
        "sys.stdout.write('in the buffer')\n"
        f"failpoint('{NAME}')()\n"
        "print('not reached')\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"},
        capture_output=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (KILLED, b"")
