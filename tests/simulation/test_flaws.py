"""The simulation sees what it is for: each flaw breaks its rule, and soon."""

import sys
from collections.abc import Callable
from typing import Any

import pytest
from sim_campaign import find
from sim_faults import Flaw, Sick

from orders.actors.healing import Healing
from orders.actors.intake_writer import IntakeWriter
from orders.actors.lag_watch import LagWatch
from orders.actors.settlement_writer import SettlementWriter
from orders.actors.sweeper import Sweeper
from orders.messaging import offsets

MOST_SEEDS = 1000
BREAKS = {
    Flaw.ANSWER_BEFORE_COMMIT: "lost",
    Flaw.OFFSETS_AHEAD: "ahead",
    Flaw.NO_COMPARE_AND_SET: "decided",
    Flaw.FORGET_BEFORE_CONFIRM: "untold",
    Flaw.NO_SWEEPER: "unsettled",
    Flaw.NOTICE_APART: "notices",
    Flaw.ETERNAL_LEASE: "unconfirmed",
    Flaw.WAIT_FOR_HELD: "unsettled",
    Flaw.HELD_FORGOTTEN: "ahead",
}
"""The rule that each flaw breaks, by the first words of its witness."""

give_up = IntakeWriter._give_up


def _acknowledge_then_settle(
    settle: Callable[..., None], writer: Any, store: Any, batch: Any
) -> None:
    writer._acknowledge(batch.settlement_receipts)
    batch.settlement_receipts = []
    settle(writer, store, batch)


def _finish_out_of_turn(marks: Any, run: Any) -> None:
    run.done = True
    marks.record_count -= run.record_count
    marks.next_to_commit = run.next_offset


def _do_nothing(*arguments: object) -> None:
    """Stand for a step that somebody forgot."""


def _never_without_news(healing: Any) -> float:
    """Wait for Kafka before anything is healed, as it once was."""
    news = healing._lag.has_news(healing._owner.clock())
    return healing._rules.stuck_after_seconds if news else 1e9


def _settle_late() -> Callable[..., None]:
    settle = SettlementWriter._settle
    return lambda *given: _acknowledge_then_settle(settle, *given)


@pytest.mark.parametrize("flaw", Flaw)
def test_a_flawed_service_is_found_out(
    flaw: Flaw, capsys: pytest.CaptureFixture[str]
) -> None:
    _must_be_seen(flaw, frozenset({flaw}), BREAKS[flaw], capsys)


@pytest.mark.parametrize(
    ("owner", "name", "flawed", "rule"),
    [
        (SettlementWriter, "_settle", _settle_late(), "ahead"),
        (offsets._PartitionMarks, "finish", _finish_out_of_turn, "ahead"),
        (
            IntakeWriter,
            "_give_up",
            lambda *given, unsure: give_up(*given, unsure=False),
            "stored",
        ),
        (Sweeper, "_publish_abandoned", _do_nothing, "unconfirmed"),
        (Healing, "heal", lambda *_: False, "unsettled"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_flaw_in_the_code_of_the_service_is_found_out(
    owner: type[object],
    name: str,
    flawed: Callable[..., object],
    rule: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(owner, name, flawed)

    _must_be_seen(f"{owner.__name__}.{name}", frozenset(), rule, capsys)


@pytest.mark.parametrize(
    ("sick", "owner", "name", "flawed"),
    [
        (Sick.BROKER, Healing, "heal", lambda *_, **__: False),
        (Sick.BROKER, Healing, "_age_to_look_at", _never_without_news),
        (Sick.PARTITION, LagWatch, "_advances", lambda *_: True),
        (Sick.MEMBER, Healing, "_is_excused", lambda *_: True),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_healing_that_depends_on_what_it_heals_is_found_out(
    sick: Sick,
    owner: type[object],
    name: str,
    flawed: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(owner, name, flawed)

    _must_be_seen(f"{owner.__name__}.{name}", frozenset(), "late", capsys, sick)


def _must_be_seen(
    what: str,
    flaws: frozenset[Flaw],
    rule: str,
    capsys: pytest.CaptureFixture[str],
    sick: Sick | None = None,
) -> None:
    found = find(range(MOST_SEEDS), flaws, rule, sick)

    assert found is not None, f"{what} broke no rule '{rule}' in {MOST_SEEDS} seeds"
    taken, witness = found
    with capsys.disabled():
        seen = f"{what}: seen after {taken} seeds: {witness}"
        sys.stdout.write(f"\n{seen}\n")
