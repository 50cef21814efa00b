import pytest

from orders.http.turns import TurnWatch


@pytest.fixture
def reports():
    return []


@pytest.fixture
def watch(reports):
    return TurnWatch(0.1, lambda seconds, dropped: reports.append((seconds, dropped)))


def test_a_turn_at_the_limit_is_reported(watch, reports):
    watch.ended(100.0, 100.5)

    assert reports == [(0.5, 0)]


def test_a_turn_below_the_limit_is_not(watch, reports):
    watch.ended(100.0, 100.09)

    assert reports == []


def test_reports_are_rare_and_count_what_they_left_out(watch, reports):
    for second in range(100, 111):
        watch.ended(second, second + 0.5)

    assert reports == [(0.5, 0), (0.5, 9)]
