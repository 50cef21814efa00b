"""The unprivileged account that PostgreSQL runs as when we are root.

PostgreSQL refuses to run as root. The account needs to pass through every folder
on the way to its programs and its data; the folders that block it get search
permission for others, nothing more, and the user is told.
"""

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path
from typing import NamedTuple

from orders.devstack.errors import DevstackError
from orders.devstack.progress import Progress

_NAME = "pgserver"
_READ = stat.S_IRGRP | stat.S_IROTH
_SEARCH = stat.S_IXGRP | stat.S_IXOTH


class Account(NamedTuple):
    """A user of this machine."""

    uid: int
    gid: int


def for_postgres(progress: Progress) -> Account | None:
    """Return the account to switch to, or None when we are not root.

    Raises:
        DevstackError: we are root and the account can be neither found nor made.

    """
    if os.geteuid() != 0:
        return None
    found = _look_up()
    if found is None:
        progress(f"adding the system account {_NAME}: PostgreSQL refuses to be root")
        _add()
        found = _look_up()
    if found is None:
        raise DevstackError(
            f"PostgreSQL cannot run as root and the account {_NAME!r} is missing; "
            f"add it, or run as a normal user"
        )
    return found


def _look_up() -> Account | None:
    try:
        entry = pwd.getpwnam(_NAME)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)


def _add() -> None:
    program = shutil.which("useradd", path=f"{os.defpath}:/usr/sbin:/sbin")
    if program is None:
        return
    # Unchecked: another run may add it in the same moment; the caller looks again.
    subprocess.run(
        [program, "--system", "--user-group", "--no-create-home", _NAME],
        check=False,
        capture_output=True,
    )


def open_path(target: Path, progress: Progress) -> None:
    """Let other accounts pass through the folders above ``target``.

    Raises:
        DevstackError: a folder cannot be changed; the text gives the command.

    """
    for folder in target.resolve().parents:
        mode = folder.stat().st_mode
        if mode & stat.S_IXOTH:
            continue
        progress(f"letting other accounts pass through {folder} (chmod o+x)")
        try:
            folder.chmod(mode | stat.S_IXOTH)
        except OSError as error:
            raise DevstackError(
                f"the PostgreSQL account cannot pass through {folder}: {error}; "
                f"try: chmod o+x {folder}"
            ) from error


def open_tree(root: Path) -> None:
    """Let other accounts read and run the programs under ``root``.

    Needed when they were installed under a strict umask.
    """
    if root.stat().st_mode & (_READ | _SEARCH) == _READ | _SEARCH:
        return
    for path in (root, *root.rglob("*")):
        if path.is_symlink():
            continue
        mode = path.stat().st_mode
        runs = _SEARCH if mode & stat.S_IXUSR else 0
        path.chmod(mode | _READ | runs)
