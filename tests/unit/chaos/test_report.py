"""The table of what was run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orders.chaos.report import (
    BEGIN,
    END,
    ReportError,
    as_markdown,
    is_sound,
    rows_by_fault,
    rows_by_kind,
    summarise,
    write_table,
)
from orders.chaos.trial import TrialResult

MakeResult = Callable[..., TrialResult]


def test_a_fault_without_work_in_flight_proves_nothing(make_result: MakeResult) -> None:
    row = summarise("F1", [make_result(in_flight=0), make_result(in_flight=3)])

    assert (row.trials, row.hit) == (2, 1)


def test_a_fault_that_did_not_happen_hit_nothing(make_result: MakeResult) -> None:
    assert summarise("F1", [make_result(fired=False)]).hit == 0


def test_three_hundred_hits_claim_one_in_a_hundred(make_result: MakeResult) -> None:
    row = summarise("F1", [make_result() for _ in range(300)])

    assert row.bound == "< 1.0% per fault"


def test_nothing_is_claimed_after_a_failure(make_result: MakeResult) -> None:
    row = summarise("F1", [make_result(), make_result(verdict="violated")])

    assert row.bound == "-"


def test_counts_that_a_batch_shares_are_not_added_up(make_result: MakeResult) -> None:
    row = summarise("F1", [make_result(lost=2), make_result(lost=2)])

    assert row.lost == 2


def test_what_two_batches_found_is_added_up(make_result: MakeResult) -> None:
    found = [make_result(batch=name, lost=1, unsettled=2, other=3) for name in "ab"]

    row = summarise("F1", found)

    assert (row.lost, row.unsettled, row.other) == (2, 4, 6)


def test_failed_trials_are_shown(make_result: MakeResult) -> None:
    verdicts = ("ok", "failed", "violated", "not reached")

    row = summarise("F1", [make_result(verdict=verdict) for verdict in verdicts])

    assert (row.failed, row.not_reached) == (2, 1)


def test_orders_are_added_up(make_result: MakeResult) -> None:
    row = summarise("F1", [make_result(orders=400), make_result(orders=800)])

    assert row.orders == 1200


def test_each_fault_has_a_row(make_result: MakeResult) -> None:
    rows = rows_by_fault([make_result(fault="F8"), make_result(fault="F1")])

    assert [row.name.partition(":")[0] for row in rows] == ["F1", "F8"]


def test_each_kind_has_a_row(make_result: MakeResult) -> None:
    results = [
        make_result(fault="F8", kind="immediate"),
        make_result(fault="F8", kind="kill -9"),
        make_result(fault="F1"),
    ]

    assert [row.name for row in rows_by_kind("F8", results)] == ["kill -9", "immediate"]


def test_the_table_replaces_what_stood_between_the_marks(
    tmp_path: Path, make_result: MakeResult
) -> None:
    page = tmp_path / "faults.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    rows = rows_by_fault([make_result()])

    write_table(page, "abc", rows)

    text = page.read_text()
    assert as_markdown(rows) in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")


def test_a_page_without_marks_is_left_alone(
    tmp_path: Path, make_result: MakeResult
) -> None:
    page = tmp_path / "faults.md"
    page.write_text("nothing\n")

    with pytest.raises(ReportError):
        write_table(page, "abc", rows_by_fault([make_result()]))

    assert page.read_text() == "nothing\n"


def test_a_run_is_sound_when_every_trial_was_ok(make_result: MakeResult) -> None:
    assert is_sound([make_result(number=0), make_result(number=1)], 2)


def test_a_run_that_lacks_a_trial_is_not_sound(make_result: MakeResult) -> None:
    assert not is_sound([make_result()], 2)


@pytest.mark.parametrize("verdict", ["failed", "violated", "not reached"])
def test_a_run_with_a_failed_trial_is_not_sound(
    make_result: MakeResult, verdict: str
) -> None:
    assert not is_sound([make_result(), make_result(verdict=verdict)], 2)


def test_a_run_that_found_nothing_in_flight_is_not_sound(
    make_result: MakeResult,
) -> None:
    assert not is_sound([make_result(in_flight=0)], 1)
