import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.load.histogram import Histogram

TIMES = st.lists(st.floats(1e-5, 600), min_size=1, max_size=50)


def of(times: list[float]) -> Histogram:
    histogram = Histogram()
    for seconds in times:
        histogram.add(seconds)
    return histogram


@given(TIMES, st.sampled_from([0.5, 0.99, 1.0]))
def test_a_quantile_is_never_too_short_and_at_most_an_eighth_too_long(
    times: list[float], share: float
) -> None:
    exact = 1000 * sorted(times)[max(0, -int(-share * len(times) // 1) - 1)]

    found = of(times).quantile_ms(share)

    assert exact * (1 - 1e-9) <= found <= exact * 1.125 * (1 + 1e-9)


@given(TIMES)
def test_octaves_hold_every_time_and_follow_each_other(times: list[float]) -> None:
    buckets = list(of(times).octaves())

    assert sum(bucket.number for bucket in buckets) == len(times)
    assert [b.to_ms for b in buckets[:-1]] == [b.from_ms for b in buckets[1:]]


def test_without_times_there_is_nothing_to_show() -> None:
    assert (of([]).quantile_ms(0.99), list(of([]).octaves())) == (0.0, [])


def test_times_are_in_milliseconds() -> None:
    assert of([0.020]).quantile_ms(0.5) == pytest.approx(20, rel=0.126)
