"""What a mutant is, and how it is made in a copy of the tree."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class MutantError(Exception):
    """A mutant cannot be made: the source has moved on without it."""


class Replacement(NamedTuple):
    """An exact text and what stands in its place."""

    path: str
    """Below the root of the tree."""
    old: str
    """Must be in the file exactly once."""
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """One broken guard.

    Attributes:
        name: short, for the command line.
        breaks: what the mutant does, and so what would go wrong.
        replacements: how it is made.
        caught_by: the id of the test that fails on it, as pytest takes it.
        why: what pytest then says of the failure, and of no other.
    """

    name: str
    breaks: str
    replacements: Sequence[Replacement]
    caught_by: str
    why: str

    def files(self, tree: Path) -> Mapping[Path, str]:
        """Return the changed files of ``tree`` with their new text; writes nothing.

        Raises:
            MutantError: a file is absent, or a text is not in it exactly once.

        """
        by_path: defaultdict[str, list[Replacement]] = defaultdict(list)
        for replacement in self.replacements:
            by_path[replacement.path].append(replacement)
        return {
            tree / path: self._changed(tree, path, by_path[path]) for path in by_path
        }

    def _changed(
        self, tree: Path, path: str, replacements: Sequence[Replacement]
    ) -> str:
        try:
            text = (tree / path).read_text("utf-8")
        except OSError as error:
            raise MutantError(f"{self.name}: {path}: {error.strerror}") from error
        for replacement in replacements:
            found = text.count(replacement.old)
            if found != 1:
                raise MutantError(
                    f"{self.name}: {path} has {found} times, not once: "
                    f"{replacement.old!r}"
                )
            text = text.replace(replacement.old, replacement.new)
        return text
