"""The jars of Apache Kafka: resolved once, checked always.

A release has a lock file of ``jgo``, which holds a SHA-256 for every jar. Nothing
that differs from it ever gets on a class path. To move to another Kafka: change
``CURRENT``, run ``python -m orders.devstack.kafka_jars`` and commit the lock file.
"""

import fcntl
import hashlib
import os
import random
import shutil
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Protocol, cast

from orders.devstack.errors import DevstackError
from orders.devstack.progress import Progress, silent, step


class Release(NamedTuple):
    """One version of Apache Kafka, and the lock file of its jars."""

    version: str
    lock_file: Path

    @property
    def endpoint(self) -> str:
        """What ``jgo`` is asked for."""
        return (
            f"org.apache.kafka:kafka_2.13:{self.version}+org.slf4j:slf4j-simple:1.7.36"
        )


CURRENT: Final = Release("4.4.0", Path(__file__).with_name("kafka.lock.toml"))

_ATTEMPTS = 4
_FIRST_PAUSE_SECONDS = 1.0


class _Environment(Protocol):
    """What we use of ``jgo.env.Environment``."""

    path: Path
    lock_path: Path


def class_path(progress: Progress = silent, release: Release = CURRENT) -> list[Path]:
    """Return every jar of the broker, fetching them on the first call of a machine.

    They are kept in ``$XDG_CACHE_HOME`` (``~/.cache``), in a folder named after the
    content of the lock file; ``jgo`` honours ``M2_REPO`` and ``JGO_CACHE_DIR``.
    Safe for several processes at once.

    Raises:
        DevstackError: the jars cannot be fetched, or differ from the lock file.

    """
    version, lock_file = release
    expected = locked_hashes(lock_file)
    home = _cache_home()
    folder = home / f"kafka-{version}-{_short_hash(lock_file)}"
    if not _is_whole(folder, expected):
        home.mkdir(parents=True, exist_ok=True)
        with (
            step(progress, f"fetching Apache Kafka {version} (43 MB, once)"),
            _alone(home),
        ):
            if not _is_whole(folder, expected):
                _publish(_resolve(release).path, expected, folder)
    return sorted(folder.glob("*.jar"))


def locked_hashes(lock_file: Path) -> dict[str, str]:
    """Return the SHA-256 of each jar in a ``jgo`` lock file, by file name."""
    document = tomllib.loads(lock_file.read_text("utf-8"))
    return {
        f"{entry['artifactId']}-{entry['version']}.jar": entry["sha256"]
        for entry in document["dependencies"]
    }


def verify(jars: Mapping[str, Path], expected: Mapping[str, str]) -> None:
    """Compare jars with the lock file.

    Raises:
        DevstackError: a jar is missing, unknown, or has another SHA-256.

    """
    wrong = sorted(set(jars) ^ set(expected)) or sorted(
        name for name, jar in jars.items() if _sha256(jar) != expected[name]
    )
    if wrong:
        raise DevstackError(
            f"Apache Kafka's jars differ from its lock file: {', '.join(wrong)}; "
            "remove them from the local Maven repository and start again"
        )


def _is_whole(folder: Path, expected: Mapping[str, str]) -> bool:
    if not folder.is_dir():
        return False
    try:
        verify(_jars_under(folder), expected)
    except DevstackError:
        return False  # damaged in the cache: fetched again, and verified then
    return True


def _publish(source: Path, expected: Mapping[str, str], folder: Path) -> None:
    """Copy verified jars in place by one rename: a folder is whole or not there."""
    verify(_jars_under(source), expected)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent))
    for name, jar in _jars_under(source).items():
        shutil.copyfile(jar, fresh / name)
    verify(_jars_under(fresh), expected)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def _resolve(release: Release) -> _Environment:
    """Let jgo fetch what is missing, again after a failure of the network.

    jgo keeps what it has, so that another try goes on where the last one ended.
    """
    import jgo  # noqa: PLC0415 - slow, and only the first start needs it
    from requests import RequestException  # noqa: PLC0415 - comes with jgo

    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return cast("_Environment", jgo.build(release.endpoint, update=True))
        except (RequestException, OSError, RuntimeError, ValueError) as error:
            if attempt == _ATTEMPTS:
                raise DevstackError(
                    f"Apache Kafka could not be fetched in {_ATTEMPTS} tries: {error}"
                ) from error
            pause = _FIRST_PAUSE_SECONDS * 2**attempt
            time.sleep(random.uniform(pause / 2, pause))  # noqa: S311 - jitter
    raise AssertionError("unreachable")


def _jars_under(folder: Path) -> dict[str, Path]:
    """Return jars by name: jgo sorts them into two folders."""
    return {jar.name: jar for jar in folder.rglob("*.jar")}


def _cache_home() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "orders-devstack"


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Let one process at a time fetch; the others wait and find the result."""
    with (home / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _sha256(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _short_hash(file: Path) -> str:
    return _sha256(file)[:12]


if __name__ == "__main__":
    shutil.copyfile(_resolve(CURRENT).lock_path, CURRENT.lock_file)
