"""An embedded server as a child process that never outlives its starter."""

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orders.devstack import guard
from orders.devstack.accounts import Account
from orders.devstack.errors import DevstackError
from orders.devstack.processes import end_leftover

_GUARD_GRACE_SECONDS = 10.0
_KILL_SECONDS = 10.0
_LOG_TAIL_LINES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to run a server.

    ``name`` is for people; ``mark`` is a part of the command line that no other
    program has (its data directory); ``stop_signal`` asks it to stop in good order.
    """

    name: str
    command: Sequence[str]
    mark: str
    directory: Path
    stop_signal: signal.Signals
    account: Account | None = None
    environment: Mapping[str, str] | None = None


class ServerProcess:
    """Starts, watches and ends one server; not safe for several threads.

    The server gets a session of its own, so that Ctrl-C in a terminal reaches
    only the service, which stops its servers last. A guard process ends the
    server if we die without doing so.
    """

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self.log = launch.directory / "server.log"
        self._pid_file = launch.directory / "server.pid"
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the server.

        Raises:
            DevstackError: it was not started.

        """
        if self._process is None:
            raise DevstackError(f"{self._launch.name} is not running")
        return self._process.pid

    def is_running(self) -> bool:
        """Tell whether the server was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def end_leftover(self) -> None:
        """End a server that an earlier process left behind in this directory."""
        if self._pid_file.exists():
            pid = int(self._pid_file.read_text("ascii") or "0")
            if pid:
                end_leftover(pid, self._launch.mark, self._launch.stop_signal)
            self._pid_file.unlink()

    def spawn(self) -> None:
        """Start the server; it is not ready yet when this returns."""
        self._release()
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("wb") as log:
            self._process = _popen(self._launch, log.fileno())
        self._pid_file.write_text(str(self._process.pid), "ascii")
        self._guard = _guard_of(self._process.pid, self._launch.stop_signal)

    def stop(self, seconds: float) -> bool:
        """Stop the server in good order, or by force after ``seconds``.

        Returns whether it needed no force.
        """
        obeyed = True
        if self._process is not None and self.is_running():
            self._process.send_signal(self._launch.stop_signal)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                obeyed = False
                self._process.kill()
                self._process.wait(_KILL_SECONDS)
        self._pid_file.unlink(missing_ok=True)
        self._release()
        return obeyed

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; after SIGKILL wait until the process is gone."""
        if self._process is None:
            raise DevstackError(f"{self._launch.name} is not running")
        self._process.send_signal(number)
        if number == signal.SIGKILL:
            self._process.wait(_KILL_SECONDS)

    def log_tail(self) -> str:
        """Return the last lines the server wrote, for an error message."""
        if not self.log.exists():
            return ""
        lines = self.log.read_text("utf-8", "replace").splitlines()
        return "\n".join(lines[-_LOG_TAIL_LINES:])

    def _release(self) -> None:
        """Tell the guard that its server is taken care of, and reap both."""
        if self._guard is not None:
            self._guard.communicate(b".", timeout=_KILL_SECONDS)
            self._guard = None
        self._process = None


def _popen(launch: Launch, log: int) -> subprocess.Popen[bytes]:
    account = launch.account
    return subprocess.Popen(
        launch.command,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=launch.directory,
        env=launch.environment,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


def _guard_of(pid: int, polite: signal.Signals) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            sys.executable,
            "-I",
            "-S",
            str(Path(guard.__file__)),
            str(pid),
            str(int(polite)),
            str(_GUARD_GRACE_SECONDS),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
