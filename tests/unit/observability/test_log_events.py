import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from orders.observability.log_event_page import render
from orders.observability.log_events import EVENTS
from orders.observability.log_events_of_node import NODE_EVENTS
from orders.observability.log_events_of_work import WORK_EVENTS

ROOT = Path(__file__).parents[3]
ROOMS = "domain actors messaging http persistence observability config cli devstack"
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


class Logged(NamedTuple):
    """One call of a logger in a source file."""

    place: str
    method: str
    name: str | None
    fields: frozenset[str]


def calls() -> Iterator[Logged]:
    for room in ROOMS.split():
        for file in sorted((ROOT / room).rglob("*.py")):
            yield from calls_in(file.read_text("utf-8"), str(file.relative_to(ROOT)))


def calls_in(source: str, file: str) -> Iterator[Logged]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        method = node.func.attr
        if method not in LEVELS | {"log"}:
            continue
        receiver = ast.unparse(node.func.value)
        is_logger = receiver.rpartition(".")[2] in {"log", "_log", "logger", "_logger"}
        if not is_logger and "get_logger(" not in receiver:
            continue
        name = node.args[1 if method == "log" else 0]
        is_text = isinstance(name, ast.Constant) and isinstance(name.value, str)
        fields = frozenset(it.arg for it in node.keywords if it.arg is not None)
        text = str(name.value) if isinstance(name, ast.Constant) and is_text else None
        yield Logged(f"{file}:{node.lineno}", method, text, fields)


CALLS = list(calls())


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.place)
def test_what_is_logged_is_in_the_catalogue(call: Logged) -> None:
    assert call.name is not None, "the event's name must be a literal"
    assert call.name in EVENTS, "add it to observability/log_events.py"

    event = EVENTS[call.name]
    level = "error" if call.method == "exception" else call.method
    fields = {"exception" if it == "exc_info" else it for it in call.fields}
    assert event.level in {level, "as given"}
    assert fields <= set(event.fields.split())


def test_what_is_in_the_catalogue_is_logged() -> None:
    assert EVENTS.keys() - {call.name for call in CALLS} == set()


def test_no_event_is_listed_twice() -> None:
    assert len(EVENTS) == len(WORK_EVENTS + NODE_EVENTS)


def test_the_page_is_what_the_catalogue_says() -> None:
    page = (ROOT / "docs" / "log-events.md").read_text("utf-8")

    assert page == render(EVENTS.values()), (
        "run: python -m orders.observability.log_event_page > docs/log-events.md"
    )


@pytest.mark.parametrize(
    "source",
    [
        'log.info("no.such")',
        'self._log.warning("no.such", a=1)',
        'get_logger("x").error("no.such")',
        'self.role.log.exception("no.such")',
    ],
)
def test_the_search_sees_every_way_of_logging(source: str) -> None:
    assert [call.name for call in calls_in(source, "x.py")] == ["no.such"]


def test_the_search_sees_names_that_are_put_together() -> None:
    (call,) = calls_in('log.info(f"order.{state}")', "x.py")

    assert call.name is None
