"""Runs commands in forks on given streams: JSON in, JSON out; for test_streams.py."""

import json
import os
import sys
import tempfile
from importlib import import_module

from orders.cli.main import main

HEAVY = (
    "orders.cli.given_settings",
    "orders.contract.documents",
    "orders.persistence.operator_reads",
)
"""What commands import when they run: here once, in place of once a command."""


def run(words: list[str], streams: str) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error of one command."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            give(streams, out.fileno(), err.fileno())
            sys.argv = ["orders", *words]
            finish()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="backslashreplace"))
        return code, texts[0], texts[1]


def give(streams: str, out: int, err: int) -> None:
    """Make standard input, output and error what ``streams`` says."""
    os.dup2(out, 1)
    os.dup2(err, 2)
    for number, (name, attribute) in enumerate(
        (("in", "stdin"), ("out", "stdout"), ("err", "stderr"))
    ):
        if f"{name}=full" in streams:
            os.dup2(os.open("/dev/full", os.O_WRONLY), number)
        if f"{name}=pipe" in streams:
            reader, writer = os.pipe()
            os.dup2(writer, number)
            os.close(reader)
        if f"{name}=closed" in streams:
            os.close(number)
            # As the interpreter does with what it was not given.
            setattr(sys, attribute, None)
            setattr(sys, f"__{attribute}__", None)


def finish() -> None:
    """Run the command and end like an interpreter that flushes its streams."""
    code = 255
    try:
        main()
    except SystemExit as left:
        code = 0 if left.code is None else int(left.code)
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except Exception:  # noqa: BLE001 - the interpreter's own code for it
            code = 120
        os._exit(code)


if __name__ == "__main__":
    for name in HEAVY:
        import_module(name)
    results = [run(words, streams) for words, streams in json.load(sys.stdin)]
    json.dump(results, sys.stdout)
