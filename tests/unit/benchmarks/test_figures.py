"""Medians and ratios of rounds that took turns."""

import pytest

from benchmarks.figures import Report, median_interval


@pytest.mark.parametrize(
    ("count", "least", "most"),
    # Conover, table A3: the ranks that hold the median at 95 % or more.
    [(6, 1, 6), (10, 2, 9), (12, 3, 10), (20, 6, 15)],
)
def test_the_interval_of_a_median_is_that_of_order_statistics(
    count: int, least: int, most: int
) -> None:
    values = [float(value) for value in range(count, 0, -1)]

    assert median_interval(values) == (least, most)


def test_five_rounds_are_too_few_for_an_interval() -> None:
    assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0]) is None


@pytest.mark.parametrize(
    ("unit", "ratio"), [("1/s", 1.5), ("ms", 2 / 3), ("us", 2 / 3)]
)
def test_a_ratio_above_one_is_the_better_one(unit: str, ratio: float) -> None:
    report = Report("against", "Better?")

    report.add_pairs("x", unit, [15.0, 10.0, 50.0], [10.0, 7.0, 10.0], "other")

    assert report.figures[-1].ratio == pytest.approx(ratio)


def test_a_ratio_is_the_median_of_pairs_not_the_ratio_of_medians() -> None:
    report = Report("against", "Better?")

    report.add_pairs("x", "1/s", [10.0, 20.0, 60.0], [10.0, 40.0, 20.0], "other")

    assert report.figures[-1].ratio == 1.0
