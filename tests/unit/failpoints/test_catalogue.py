"""Holds the catalogue of failpoints against the code that has them."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from orders.actors.supervised import SupervisedActor
from orders.cli import children
from orders.failpoints.catalogue import ACTOR_PREFIX, CATALOGUE

ROOT = Path(__file__).parents[3]
ROOMS = ("actors", "http", "messaging", "persistence")
STEPS = sorted(name for name in CATALOGUE if not name.startswith(ACTOR_PREFIX))


class Step(NamedTuple):
    """A failpoint that a class keeps: ``self.attribute = failpoint(name)``."""

    module: str
    holder: ast.ClassDef
    attribute: str

    def passed_by(self) -> set[str]:
        """The methods that call what is kept."""
        return {
            f"{self.module}.{self.holder.name}.{method.name}"
            for method in self.holder.body
            if isinstance(method, ast.FunctionDef)
            for node in ast.walk(method)
            if isinstance(node, ast.Call)
            and ast.unparse(node.func) == f"self.{self.attribute}"
        }


def _placed() -> Iterator[tuple[str, Step]]:
    """Every name that is looked up by a literal, and who keeps it."""
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            source = path.read_text("utf-8")
            if "failpoint(" not in source:
                continue  # parsing all of them takes a second
            for holder in ast.walk(ast.parse(source)):
                if isinstance(holder, ast.ClassDef):
                    yield from _kept_by(module, holder)


def _kept_by(module: str, holder: ast.ClassDef) -> Iterator[tuple[str, Step]]:
    for node in ast.walk(holder):
        match node:
            case ast.Assign(
                targets=[ast.Attribute(attr=attribute)],
                value=ast.Call(
                    func=ast.Name(id="failpoint"), args=[ast.Constant(value=str(name))]
                ),
            ):
                yield name, Step(module, holder, attribute)


PLACED = list(_placed())


def test_every_step_of_the_catalogue_is_in_the_code_once_and_no_other() -> None:
    found = Counter(name for name, _ in PLACED)

    assert found == Counter(STEPS)


@pytest.mark.parametrize("name", STEPS)
def test_a_step_is_passed_where_the_catalogue_says(name: str) -> None:
    [step] = [step for found, step in PLACED if found == name]

    assert CATALOGUE[name].where in step.passed_by()


def test_every_actor_of_a_node_has_a_failpoint() -> None:
    actors = {
        value.__name__
        for value in vars(children).values()
        if isinstance(value, type)
        and issubclass(value, SupervisedActor)
        and value is not SupervisedActor
    }

    named = {
        name.removeprefix(ACTOR_PREFIX)
        for name in CATALOGUE
        if name.startswith(ACTOR_PREFIX)
    }
    assert named == actors
