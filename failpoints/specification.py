"""Reads which failpoints are wanted: ``name:nth:action[,name:nth:action...]``."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from orders.failpoints.catalogue import CATALOGUE

LONGEST_SLEEP_SECONDS = 3600.0
"""How long ``sleep`` without a number holds its thread, and the most it may."""

_RULE = re.compile(
    r"(?P<name>[A-Za-z_.]+):(?P<nth>[1-9][0-9]{0,8})(?P<on>\+?):"
    r"(?P<action>exit|raise|fatal|sleep)(=(?P<seconds>[0-9]{1,4}(\.[0-9]{1,6})?))?"
)


class SpecificationError(ValueError):
    """A specification that cannot be used; the text says why and what could be."""


class Action(StrEnum):
    """What is done to whoever passes."""

    EXIT = "exit"
    """The process ends at once with code 137, as after SIGKILL; nothing is flushed."""
    RAISE = "raise"
    """An ordinary exception is raised."""
    FATAL = "fatal"
    """Something is raised that no ``except Exception`` stops."""
    SLEEP = "sleep"
    """The thread is held."""


class Rule(NamedTuple):
    """One failpoint and when it acts; passes are counted from 1 in each process."""

    name: str
    nth: int
    on: bool
    """Whether it acts on every pass from ``nth`` on, not on that one alone."""
    action: Action
    seconds: float = LONGEST_SLEEP_SECONDS
    """How long ``sleep`` lasts."""

    def applies(self, passes: int) -> bool:
        """Tell whether it acts on the pass of that number."""
        return passes >= self.nth if self.on else passes == self.nth


def parse(text: str) -> Sequence[Rule]:
    """Return the rules that ``text`` asks for; none where it is empty.

    Raises:
        SpecificationError: unknown names or another form.

    """
    return [_rule(part.strip()) for part in text.split(",")] if text.strip() else []


def _rule(text: str) -> Rule:
    match = _RULE.fullmatch(text)
    if match is None or (match["seconds"] and match["action"] != Action.SLEEP):
        raise SpecificationError(
            f"{text!r} is not name:nth:action, where nth is a number from 1 on, "
            "with a + for every pass from there on, and action is "
            f"{', '.join(Action)} or sleep=SECONDS"
        )
    if match["name"] not in CATALOGUE:
        raise SpecificationError(
            f"{match['name']!r} is no failpoint; there are {', '.join(CATALOGUE)}"
        )
    seconds = float(match["seconds"] or LONGEST_SLEEP_SECONDS)
    if seconds > LONGEST_SLEEP_SECONDS:
        raise SpecificationError(
            f"{text!r} sleeps for more than {LONGEST_SLEEP_SECONDS:.0f} seconds"
        )
    return Rule(
        match["name"],
        int(match["nth"]),
        on=bool(match["on"]),
        action=Action(match["action"]),
        seconds=seconds,
    )
