"""Times that Python cannot hold become the nearest that it can."""

from datetime import UTC, datetime

import pytest

from orders.persistence.moments import MomentLoader


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (
            b"2026-12-01 00:58:34.381476+00",
            datetime(2026, 12, 1, 0, 58, 34, 381476, UTC),
        ),
        (b"infinity", datetime.max.replace(tzinfo=UTC)),
        (b"20000-01-01 00:00:00+00", datetime.max.replace(tzinfo=UTC)),
        (b"-infinity", datetime.min.replace(tzinfo=UTC)),
        (b"0044-03-15 00:00:00+00 BC", datetime.min.replace(tzinfo=UTC)),
    ],
)
def test_every_time_of_postgresql_is_a_time(text: bytes, moment: datetime) -> None:
    assert MomentLoader(0).load(text) == moment
