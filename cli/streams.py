"""Standard input, output and error such that no command ends in a traceback of them.

One place for all commands: whatever is printed goes through here.
"""

import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from orders.config.redaction import redact

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_TOLERANT = "backslashreplace"
"""For letters that the locale's encoding does not have."""
_KEPT = "surrogateescape"
"""For bytes of another encoding than UTF-8, which pass as they are."""


class OutputError(Exception):
    """Standard output does not take what is printed; the text says why."""


class _Output(io.FileIO):
    """Standard output; tells its own failures from those of other files."""

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write some of ``data``.

        Raises:
            OutputError: the reader has left, the disk is full, or it was closed.

        """
        try:
            return super().write(data)
        except OSError as error:
            raise OutputError(
                f"standard output cannot be written: {error.strerror}"
            ) from error


class _Remarks(io.FileIO):
    """Standard error, without secrets: click quotes arguments, others their texts.

    What it does not take is lost, since there is no place left to say so.
    """

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write all of ``data``, which comes a line or a message at a time."""
        given = bytes(data)
        rest = redact(given.decode(errors=_KEPT)).encode(errors=_KEPT)
        with suppress(OSError):
            while rest:
                rest = rest[super().write(rest) or len(rest) :]
        return len(given)


def guard_streams() -> None:
    """Make the three streams usable, whatever this process was given; once, at start.

    A closed descriptor is opened, or the next file or socket would become standard
    output or error by its number. Writing to a standard output that was closed fails
    as for any program; a closed standard error swallows what it is told.
    """
    closed = [number for number in (_STDIN, _STDOUT, _STDERR) if _is_closed(number)]
    for number in closed:  # in this order: each gets the lowest number that is free
        os.open(os.devnull, os.O_WRONLY if number == _STDERR else os.O_RDONLY)
    if sys.stdout is sys.__stdout__:
        sys.stdout = _text(_Output(_STDOUT, "w", closefd=False), sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(_Remarks(_STDERR, "w", closefd=False), sys.stderr)


def give_output_up() -> None:
    """Let what was printed and not written go, so that it fails no second time."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, _STDOUT)
    os.close(nothing)


def _is_closed(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return True
    return False


def _text(raw: io.FileIO, replaced: TextIO | None) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=None if replaced is None else replaced.encoding,
        errors=_TOLERANT,
        line_buffering=raw.fileno() == _STDERR or raw.isatty(),
    )
