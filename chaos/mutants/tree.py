"""A copy of the source tree in which tests run as they do in the original."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from orders.chaos.mutants.mutant import Mutant, MutantError

_LEFT_OUT = shutil.ignore_patterns(
    *(".git", ".venv*", ".data", "build", "dist", "*.egg-info"),
    *("__pycache__", ".*_cache", ".hypothesis"),
)
_ASK_SECONDS = 30.0
_COLUMNS = "400"
_WHERE_IS = """
import importlib, sys
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    print(next(iter(module.__path__)))
"""


class SourceTree:
    """A copy of the project; ``orders`` means the copy for whatever runs in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment in which Python imports the rooms from here.

        ``typings/orders`` leads to each room by a link beside it. The import path
        comes before the installed package. Nothing is kept compiled: a file changed
        twice within a second would be taken for unchanged. Lines are wide enough for
        pytest to say why a test failed.
        """
        return {
            **os.environ,
            "PYTHONPATH": str(self.root / "typings"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": _COLUMNS,
        }

    def imported_rooms(self) -> Mapping[str, Path]:
        """Ask a new process where it imports each room from.

        Raises:
            MutantError: one of them comes from elsewhere, so that runs would prove
                nothing.

        """
        names = sorted(f"orders.{p.name}" for p in self._rooms())
        answer = subprocess.run(
            [sys.executable, "-c", _WHERE_IS, *names],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_ASK_SECONDS,
            check=True,
        )
        places = map(Path, answer.stdout.splitlines())
        found = dict(zip(names, places, strict=True))
        for name, place in found.items():
            if not place.resolve().is_relative_to(self.root):
                raise MutantError(f"{name} would be imported from {place}")
        return found

    @contextmanager
    def mutated(self, mutant: Mutant) -> Iterator[None]:
        """Let the tree be the mutant inside, and itself again afterwards.

        Raises:
            MutantError: the mutant does not apply; nothing was changed.

        """
        changed = mutant.files(self.root)
        before = {path: path.read_text("utf-8") for path in changed}
        try:
            for path, text in changed.items():
                path.write_text(text, "utf-8")
            yield
        finally:
            for path, text in before.items():
                path.write_text(text, "utf-8")

    def _rooms(self) -> Iterator[Path]:
        return (self.root / "typings" / "orders").iterdir()


def source_root() -> Path:
    """Return the root of the tree that this module is in.

    Raises:
        MutantError: it is installed without its tests.

    """
    root = Path(__file__).resolve().parents[2]
    if not (root / "tests").is_dir():
        raise MutantError("mutants need the source tree with its tests")
    return root


@contextmanager
def copied_tree(root: Path) -> Iterator[SourceTree]:
    """Copy the tree at ``root`` to a temporary folder, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="orders-mutants-") as folder:
        copy = Path(folder).resolve() / "tree"
        shutil.copytree(root, copy, symlinks=True, ignore=_LEFT_OUT)
        yield SourceTree(copy)
