"""docs/api.md is true: its commands are run in order, its answers come back."""

import json
import os
import re
import shutil
import string
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from orders.http.access import ROUTES

pytestmark = pytest.mark.acceptance

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
EXAMPLE_URL = "http://127.0.0.1:8080"
BLOCK = re.compile(r"^```(sh|http)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"(\w+)=\S+  # (\w+) of the answer\n")
GIVEN = re.compile(r"(\w+)=(\S+)\n")
ANYTHING = "..."


class Example(NamedTuple):
    """A command and what comes of it; a command without an answer names a value."""

    line: int
    command: str
    answer: str


def examples() -> list[Example]:
    text = PAGE.read_text("utf-8")
    blocks = [
        (text.count("\n", 0, match.start()) + 1, match[1], match[2])
        for match in BLOCK.finditer(text)
    ]
    after = [*blocks[1:], (0, "", "")]
    return [
        Example(line, command, following if kind == "http" else "")
        for (line, language, command), (_, kind, following) in zip(
            blocks, after, strict=True
        )
        if language == "sh"
    ]


def differences(wanted: object, got: object, place: str = "") -> Iterator[str]:
    """Tell where ``got`` is not what the page says; ``...`` is any text."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        if wanted.keys() != got.keys():
            yield f"{place}: has {sorted(got)}, not {sorted(wanted)}"
        for name in wanted.keys() & got.keys():
            yield from differences(wanted[name], got[name], f"{place}/{name}")
    elif isinstance(wanted, list) and isinstance(got, list):
        if len(wanted) != len(got):
            yield f"{place}: has {len(got)} members, not {len(wanted)}"
        for index, pair in enumerate(zip(wanted, got, strict=False)):
            yield from differences(*pair, f"{place}/{index}")
    elif not fits(wanted, got):
        yield f"{place}: is {got!r}, not {wanted!r}"


def fits(wanted: object, got: object) -> bool:
    if isinstance(wanted, str) and isinstance(got, str):
        pattern = ".+".join(map(re.escape, wanted.split(ANYTHING)))
        return re.fullmatch(pattern, got) is not None
    return type(wanted) is type(got) and wanted == got


def compare(wanted: str, got: str) -> list[str]:
    """Return where an answer is another than the page says."""
    head, _, body = wanted.partition("\n\n")
    got_head, _, got_body = got.replace("\r\n", "\n").partition("\n\n")
    status, *fields = head.strip().split("\n")
    got_status, *got_fields = got_head.strip().split("\n")
    # Phrases differ between versions of Python's table; the number is what counts.
    wrong = [] if status[:12] == got_status[:12] else [f"{got_status}, not {status}"]
    wrong += [
        f"no {field}"
        for field in fields
        if not any(fits(field, one) for one in got_fields)
    ]
    if body.strip():
        wrong += differences(json.loads(body), json.loads(got_body))
    return wrong


def test_every_command_of_the_page_is_answered_as_it_says(node, tmp_path: Path) -> None:
    assert shutil.which("curl"), "install curl: this test runs the page's commands"
    known = {"PATH": os.environ["PATH"]}
    last, answered = "", 0
    for example in examples():
        if named := NAMED.fullmatch(example.command):
            known[named[1]] = str(json.loads(last)[named[2]])
        elif given := GIVEN.fullmatch(example.command):
            known[given[1]] = given[2].replace(EXAMPLE_URL, node.url)
        else:
            run = subprocess.run(
                ["/bin/sh", "-euc", example.command],
                env=known,
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            )
            wanted = string.Template(example.answer).safe_substitute(known)
            assert compare(wanted, run.stdout) == [], f"{PAGE}:{example.line}"
            last = run.stdout.replace("\r\n", "\n").partition("\n\n")[2]
            answered += 1

    assert answered > len(ROUTES) // 2


def test_the_page_has_every_route() -> None:
    shown = {
        ("POST" if " -d " in command or "-X POST" in command else "GET", url[1])
        for command in (example.command for example in examples())
        for url in [re.search(r"\$ORDERS(/[^\s\"?]*)", command)]
        if url is not None
    }
    missing = [
        (method, path)
        for method, path in ROUTES
        if method != "HEAD"
        and not any(
            (method, True) == (kind, bool(re.fullmatch(pattern_of(path), url)))
            for kind, url in shown
        )
    ]

    assert missing == []


def pattern_of(path: str) -> str:
    return re.sub(r"\{\w+\}", r"[^/]+", path)
