"""Which failpoints of this process are armed, and what passing one does.

Whoever has a failpoint looks it up once, when it is made, and passes it so::

    self._before_store = failpoint("intake.before_store")
    ...
    if self._before_store is not None:
        self._before_store()

A failpoint that is not armed is ``None``: it costs a comparison.
"""

import os
import time
from collections.abc import Callable, Iterable
from itertools import count

from orders.failpoints.specification import Action, Rule

KILLED = 137
"""The exit code of a process that SIGKILL ended, as a shell tells it: 128 + 9."""

Pass = Callable[[], None]
"""Passes an armed failpoint; may be called from any thread."""


class FailpointError(Exception):
    """Raised by the action ``raise``: a bug or a fault that nobody foresaw."""


class FatalFailpointError(BaseException):
    """Raised by the action ``fatal``: stands for what ``except Exception`` lets by."""


class _Armed:
    """The rules of one failpoint and its passes so far, over all threads."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._rules: list[Rule] = []
        self._passes = count(1)

    def add(self, rule: Rule) -> None:
        """Let ``rule`` hold too."""
        self._rules.append(rule)

    def __call__(self) -> None:
        """Count one pass and do what the rules ask for."""
        passes = next(self._passes)  # one step of the interpreter: no lock needed
        for rule in self._rules:
            if rule.applies(passes):
                self._act(rule)

    def _act(self, rule: Rule) -> None:
        match rule.action:
            case Action.EXIT:
                os._exit(KILLED)
            case Action.RAISE:
                raise FailpointError(self._name)
            case Action.FATAL:
                raise FatalFailpointError(self._name)
            case Action.SLEEP:
                time.sleep(rule.seconds)


_armed: dict[str, _Armed] = {}


def arm(rules: Iterable[Rule]) -> None:
    """Let ``rules``, and no earlier ones, hold for what is made from now on."""
    _armed.clear()
    for rule in rules:
        _armed.setdefault(rule.name, _Armed(rule.name)).add(rule)


def failpoint(name: str) -> Pass | None:
    """Return how to pass the failpoint; None while it is not armed.

    An actor or a store that is made anew gets the same one: its passes go on.
    """
    return _armed.get(name)
