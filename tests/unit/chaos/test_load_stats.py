"""What the load process tells about itself."""

import pytest

from orders.chaos.load_stats import LoadStats, decode_stats, encode_stats


def test_stats_survive_their_line() -> None:
    stats = LoadStats(acknowledged=3, ok_since=[1.0, 2.0])

    assert decode_stats(encode_stats(stats)) == stats


def test_a_foreign_line_is_no_stats() -> None:
    with pytest.raises(ValueError, match="load process"):
        decode_stats('{"what": 1}')
