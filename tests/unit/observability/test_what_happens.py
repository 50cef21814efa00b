"""What is counted, named and documented does happen, or is said to be reserved."""

import re
from pathlib import Path

import pytest

from orders.actors.ports import Telemetry
from orders.domain.transitions import Change
from orders.http.backend import RequestMeter
from orders.http.problems import KINDS
from orders.observability import gauges

ROOT = Path(__file__).parents[3]
RESERVED = {
    *(Change.ATTEMPT_STARTED, Change.NOT_SENT, Change.OUTCOME_LOST),
    *(Change.REFUND_FAILED, Change.LATE_SUCCESS),
}
"""Changes that payment gateways will bring; docs/delivery-guarantees.md says so."""


def sources(*rooms: str) -> str:
    return "\n".join(
        path.read_text("utf-8")
        for room in rooms
        for path in (ROOT / room).rglob("*.py")
    )


def methods(protocol: type) -> list[str]:
    return [name for name in vars(protocol) if not name.startswith("_")]


@pytest.mark.parametrize("name", methods(Telemetry) + methods(RequestMeter))
def test_every_counter_is_counted_up(name: str) -> None:
    assert re.search(rf"(telemetry|meter)\.{name}\(", sources("actors", "http"))


@pytest.mark.parametrize("gauge", gauges.GAUGES, ids=lambda gauge: gauge.name)
def test_every_gauge_is_read(gauge: gauges.Gauge) -> None:
    assert re.search(rf"\b{gauge.name.upper()}\b", sources("cli"))


@pytest.mark.parametrize("code", KINDS)
def test_every_problem_is_told_by_some_line(code: str) -> None:
    told = re.compile(rf'"{code}"(?!: Kind)')

    assert told.search(sources("http")) or code.upper() in sources("actors")


def test_every_change_is_made_or_said_to_be_reserved() -> None:
    tables = {"transitions.py", "notices.py"}
    makers = [
        path.read_text("utf-8")
        for room in ("domain", "actors", "http", "persistence")
        for path in (ROOT / room).glob("*.py")
        if path.name not in tables
    ]
    page = (ROOT / "docs" / "delivery-guarantees.md").read_text("utf-8")

    unmade = [c for c in Change if not any(f"Change.{c.name}" in it for it in makers)]

    assert set(unmade) == RESERVED
    assert [name for name in RESERVED if f"`{name}`" not in page] == []
