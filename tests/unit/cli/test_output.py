from datetime import UTC, datetime, timedelta, timezone

import pytest

from orders.cli.output import age_text, cell_text, count_text, table_lines


def test_columns_are_aligned_without_trailing_space() -> None:
    lines = table_lines([("A", "LONG"), ("value", 1)])

    assert lines == ["A      LONG", "value  1"]


def test_no_rows_are_no_lines() -> None:
    assert table_lines([]) == []


def test_control_characters_never_reach_a_terminal() -> None:
    assert cell_text("a\x1b[2J\nb\u202e\ud800") == r"a\x1b[2J\nb\u202e\ud800"


def test_other_scripts_stay_readable() -> None:
    assert cell_text("Grüße 注文") == "Grüße 注文"


def test_times_are_shown_in_utc() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 6000, tzinfo=timezone(timedelta(hours=1)))

    assert cell_text(moment) == "2026-01-02 02:04:05.006Z"
    assert cell_text(moment.astimezone(UTC)) == cell_text(moment)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.24, "0.2 s"), (240, "4 min"), (10_800, "3 h"), (172_800, "2 d")],
)
def test_an_age_has_the_unit_that_fits(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


def test_a_count_that_was_cut_short_says_so() -> None:
    assert count_text(5, is_more=True) == "5 or more"
    assert count_text(5, is_more=False) == "5"
