"""What commands print: aligned columns for people, JSON for programs.

Columns are plain text, the same in a terminal and in a pipe. What others wrote into
the database may hold control characters; none of them reaches a terminal.
"""

import codecs
import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
"""The option of every command that prints data."""

_GAP = "  "
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def print_json(value: object) -> None:
    """Print ``value`` as indented JSON; times are RFC 3339 in UTC."""
    import msgspec  # noqa: PLC0415 - not needed for --help

    print_json_text(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_json_text(text: str) -> None:
    """Print JSON that stays JSON in an encoding that lacks some of its letters."""
    encoding = sys.stdout.encoding or "ascii"
    if codecs.lookup(encoding).name != "utf-8":
        text = _NOT_ASCII.sub(lambda letter: json.dumps(letter[0])[1:-1], text)
    print(text)


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under the names of their columns."""
    print_rows([head, *rows])


def print_rows(rows: Iterable[Sequence[object]]) -> None:
    """Print rows that need no names, such as facts, each with its own."""
    for line in table_lines(rows):
        print(line)


def table_lines(rows: Iterable[Sequence[object]]) -> list[str]:
    """Return rows as lines of aligned columns."""
    cells = [[cell_text(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        _GAP.join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    ]


def cell_text(value: object) -> str:
    """Return ``value`` as text that is safe to print."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        moment = value.astimezone(UTC).replace(tzinfo=None)
        return f"{moment.isoformat(sep=' ', timespec='milliseconds')}Z"
    return printable(str(value))


def printable(text: str) -> str:
    """Return ``text`` with every control character spelt out."""
    return "".join(
        letter
        if letter.isprintable()
        else letter.encode("unicode_escape", "backslashreplace").decode("ascii")
        for letter in text
    )


def age_text(seconds: float) -> str:
    """Return an age in the unit that fits: ``0.2 s``, ``4 min``, ``3 h``, ``2 d``."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < _DAY:
        return f"{seconds / _HOUR:.0f} h"
    return f"{seconds / _DAY:.0f} d"


def count_text(count: int, *, is_more: bool) -> str:
    """Return a count, with words where counting stopped early."""
    return f"{count} or more" if is_more else str(count)
