"""Which source a node runs: this one, or that of another commit."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from orders.chaos.packages import PackagesError, python_with

RELEASE_BEFORE: Final = "a961cf0dbbcaa375f8ff8b1ee88dd7b38d8d7871"
"""The last commit whose schema knows no refunds; from the first release on, its tag."""
_SECONDS = 60.0
_DIGITS = 12
_ROOT = Path(__file__).resolve().parents[1]
_LOCK = Path("requirements", "service.txt")


class NoReleaseError(Exception):
    """The source of a commit cannot be had or run here; the text says why."""


class Release(NamedTuple):
    """The source of one commit, and what runs it."""

    commit: str
    """"" for what is checked out."""
    root: Path
    python: Path
    """Of an environment with the packages that this source has locked."""
    environment: Mapping[str, str]
    """What has Python import ``orders`` from there."""

    @property
    def run(self) -> Path:
        """The program that is a node."""
        return self.root / "run.py"

    def migrate(self, database_url: str, bootstrap_servers: str) -> None:
        """Give an empty database this source's schema; Kafka is named, not asked.

        Raises:
            NoReleaseError: it has no ``orders migrate``, or that failed.

        """
        plain = {k: v for k, v in os.environ.items() if not k.startswith("ORDERS_")}
        given = {
            "ORDERS_DATABASE__URL": database_url,
            "ORDERS_KAFKA__BOOTSTRAP_SERVERS": bootstrap_servers,
        }
        _ask(
            [str(self.python), "-m", "orders.cli.main", "migrate"],
            {**plain, **self.environment, **given},
            "orders migrate failed",
        )


THIS: Final = Release("", _ROOT, Path(sys.executable), {})


def unpack(commit: str, target: Path, repository: Path = _ROOT) -> Release:
    """Unpack the source of ``commit`` into ``target``, a new folder.

    Where it has other packages locked than this source, they are installed into an
    environment of their own beside the present one, which is kept.

    Raises:
        NoReleaseError: git, that commit, or one of its packages is not here.

    """
    git = shutil.which("git")
    if git is None:
        raise NoReleaseError("git is not installed")
    here = (git, "-C", os.fspath(repository))
    absent = f"{commit} is not in this checkout (git fetch --unshallow brings all)"
    which = ("--short=12", "--verify", "--end-of-options", f"{commit}^{{commit}}")
    name = _ask([*here, "rev-parse", *which], os.environ, absent).strip()
    target.mkdir()
    archive = target.with_suffix(".tar")
    _ask([*here, "archive", "-o", os.fspath(archive), name], os.environ, absent)
    with tarfile.open(archive) as packed:
        packed.extractall(target, filter="data")
    archive.unlink()
    # ``typings/orders`` leads to each room; the path comes before what is installed.
    _say_version(target / "typings", name)
    environment = {"PYTHONPATH": os.fspath(target / "typings")}
    return Release(name, target, _python_for(target), environment)


def _say_version(path: Path, commit: str) -> None:
    """Tell ``importlib.metadata`` on ``path`` of a release that is not installed."""
    folder = path / f"orders-0+{commit}.dist-info"
    folder.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: orders\nVersion: 0+{commit}\n"
    (folder / "METADATA").write_text(text, "utf-8")


def _python_for(root: Path) -> Path:
    """Return the Python that has the packages locked in ``root``."""
    try:
        lock = (root / _LOCK).read_bytes()
        if lock == (_ROOT / _LOCK).read_bytes():
            return THIS.python
        name = hashlib.sha256(lock).hexdigest()[:_DIGITS]
        return python_with(root / _LOCK, Path(sys.prefix, "releases", name))
    except (OSError, PackagesError) as error:
        raise NoReleaseError(f"its packages cannot be had: {error}") from error


def _ask(command: list[str], environment: Mapping[str, str], failure: str) -> str:
    """Return what a command prints that ends by itself.

    Raises:
        NoReleaseError: it failed; the text is ``failure`` and what it said.

    """
    asked = subprocess.run(
        command,
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    if asked.returncode:
        raise NoReleaseError(f"{failure}: {asked.stderr.strip()}")
    return asked.stdout
