"""Names the source that a run breaks, so that no results are mixed up."""

import hashlib
import shutil
import subprocess
from pathlib import Path

_UNVERSIONED = "unversioned"
_WITHOUT_DOCS = ("--", ".", ":(exclude)docs")
"""The pages change nothing that is run, and the results are written into one."""
_DIGITS = 8


def name_of_checkout(root: Path) -> str:
    """Return the commit that is checked out in ``root``.

    Where files differ from it, a digest of the differences follows: ``abc-1f2e3d4c``.
    "unversioned" where there is no git, or no commit.
    """
    git = shutil.which("git")
    commit = b"" if git is None else _ask(git, root, "rev-parse", "--short=12", "HEAD")
    if git is None or not commit:
        return _UNVERSIONED
    changes = hashlib.sha256(
        _ask(git, root, "diff", "--binary", "HEAD", *_WITHOUT_DOCS)
    )
    new = _ask(
        *(git, root, "ls-files", "--others", "--exclude-standard", "-z"),
        *_WITHOUT_DOCS,
    )
    for path in filter(None, new.split(b"\0")):
        changes.update(path + b"\0" + (root / path.decode()).read_bytes())
    name = commit.decode().strip()
    if changes.digest() == hashlib.sha256().digest():
        return name
    return f"{name}-{changes.hexdigest()[:_DIGITS]}"


def _ask(git: str, root: Path, *arguments: str) -> bytes:
    """Return what a git command prints, nothing where it fails."""
    asked = subprocess.run(
        [git, *arguments], cwd=root, capture_output=True, check=False
    )
    return asked.stdout if asked.returncode == 0 else b""
