"""One entry of the catalogue of log events."""

from typing import NamedTuple


class LogEvent(NamedTuple):
    """An event that a node logs."""

    name: str
    """Constant and dotted: the part concerned, then what happened."""
    level: str
    fields: str
    """Its own fields, separated by spaces; empty for none."""
    meaning: str
    action: str
    """What an operator does about it."""
