"""Virtual environments with other packages than this one, made once and kept."""

import subprocess
import sys
from pathlib import Path

_SECONDS = 600.0


class PackagesError(Exception):
    """Packages could not be installed; the text ends with what the installer said."""


def python_with(requirements: Path, folder: Path) -> Path:
    """Return the Python of an environment in ``folder`` that has ``requirements``.

    It is made with the first call, and again once ``requirements`` changed.

    Raises:
        PackagesError: there is no package index, or it lacks something.

    """
    python, stamp = folder / "bin" / "python", folder / "installed.txt"
    wanted = requirements.read_text("utf-8")
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        print(f"installing {requirements} into {folder} (once)", flush=True)
        _run("venv", "--clear", "--without-pip", str(folder))
        install = ("install", "--quiet", "--disable-pip-version-check")
        _run("pip", "--python", str(python), *install, "-r", str(requirements))
        stamp.write_text(wanted, "utf-8")
    return python


def _run(*module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *module],
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    if done.returncode:
        said = " ".join((done.stdout + done.stderr).split())[-400:]
        raise PackagesError(f"python -m {module[0]} failed: {said}")
