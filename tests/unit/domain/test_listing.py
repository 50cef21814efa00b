"""Times become a range of ids that is wide enough for clocks that differ."""

from datetime import UTC, datetime, timedelta

from orders.domain.identifiers import first_id_of
from orders.domain.listing import CLOCK_SLACK, FIRST_ID, LAST_ID, OrderFilters

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_without_times_every_id_is_in_the_range() -> None:
    assert OrderFilters().id_range() == (FIRST_ID, LAST_ID)


def test_the_range_reaches_beyond_both_times() -> None:
    later = NOON + timedelta(hours=1)

    first, behind = OrderFilters(created_gte=NOON, created_lt=later).id_range()

    assert first == first_id_of(NOON - CLOCK_SLACK)
    assert behind == first_id_of(later + CLOCK_SLACK)


def test_the_first_and_the_last_times_there_are_have_a_range() -> None:
    beginning = datetime(1, 1, 1, tzinfo=UTC)
    end = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)

    first, behind = OrderFilters(created_gte=beginning, created_lt=end).id_range()

    assert FIRST_ID == first < behind < LAST_ID
