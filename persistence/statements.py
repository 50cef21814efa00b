"""The SQL of this room: plain files, each statement with a name and a sentence.

A statement begins with ``-- name: <name>``, goes on with at least one comment line
that says what it does, and ends where the next one begins.
"""

from importlib.resources import files
from typing import NamedTuple

_HEADER = "-- name: "


class Statement(NamedTuple):
    """One statement with ``$1``-style parameters, as it is sent."""

    name: str
    text: bytes


class StatementError(Exception):
    """A statement file is not in the form above, or lacks a statement."""


class Statements:
    """The statements of one file in ``persistence/sql``, by name."""

    def __init__(self, file: str) -> None:
        text = files("orders.persistence").joinpath("sql", file).read_text("utf-8")
        self._file = file
        self._by_name = parse_statements(text)

    def __getitem__(self, name: str) -> Statement:
        """Return the statement called ``name``.

        Raises:
            StatementError: the file has none of that name.

        """
        try:
            return self._by_name[name]
        except KeyError:
            raise StatementError(f"{self._file} has no statement {name!r}") from None


def parse_statements(text: str) -> dict[str, Statement]:
    """Return the statements in ``text`` by name.

    Raises:
        StatementError: a name comes twice, or a sentence or the SQL is missing.

    """
    found: dict[str, Statement] = {}
    for section in f"\n{text}".split(f"\n{_HEADER}")[1:]:
        name, _, rest = section.partition("\n")
        lines = [line for line in rest.splitlines() if line.strip()]
        sql = [line for line in lines if not line.lstrip().startswith("--")]
        if name in found:
            raise StatementError(f"statement {name!r} comes twice")
        if not lines or lines[0] in sql or not sql:
            raise StatementError(f"statement {name!r} lacks its sentence or its SQL")
        found[name] = Statement(name, "\n".join(sql).rstrip(";").encode())
    return found
