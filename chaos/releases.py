"""Which source a node runs: this one, or the release before it."""

import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

RELEASE_BEFORE: Final = "a961cf0dbbcaa375f8ff8b1ee88dd7b38d8d7871"
"""The last commit whose schema knows no refunds; from the first release on, its tag."""
_SECONDS = 60.0
_ROOT = Path(__file__).resolve().parents[1]


class NoReleaseError(Exception):
    """The release before cannot be had; the text says why."""


class Release(NamedTuple):
    """The source of one release; its dependencies are those of this one."""

    root: Path
    environment: Mapping[str, str]
    """What has Python import ``orders`` from there."""

    @property
    def run(self) -> Path:
        """The program that is a node."""
        return self.root / "run.py"


THIS: Final = Release(_ROOT, {})


def unpack_release_before(target: Path) -> Release:
    """Unpack the release before this one into ``target``, a new folder.

    Raises:
        NoReleaseError: git, or that commit, is not here.

    """
    git = shutil.which("git")
    if git is None:
        raise NoReleaseError("git is not installed")
    target.mkdir()
    archive = target.with_suffix(".tar")
    asked = subprocess.run(
        [git, "archive", "--output", str(archive), RELEASE_BEFORE],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    if asked.returncode:
        raise NoReleaseError(
            f"{RELEASE_BEFORE[:12]} is not in this checkout (git fetch --unshallow "
            f"brings it): {asked.stderr.strip()}"
        )
    with tarfile.open(archive) as packed:
        packed.extractall(target, filter="data")
    archive.unlink()
    # ``typings/orders`` leads to each room; the path comes before what is installed.
    return Release(target, {"PYTHONPATH": os.fspath(target / "typings")})
