"""Keys go where librdkafka's default partitioner sends them."""

import pytest

from orders.domain.identifiers import IdFactory
from orders.messaging.partitioning import partition_of


@pytest.mark.parametrize(
    ("key", "crc"), [(b"123456789", 0xCBF43926), (b"", 0), (b"a", 0xE8B7BE43)]
)
def test_the_hash_is_the_common_crc_32(key: bytes, crc: int) -> None:
    assert partition_of(key, 2**33) == crc


def test_order_ids_spread_evenly() -> None:
    make_id = IdFactory()

    counts = [0] * 6
    for _ in range(6_000):
        counts[partition_of(make_id().encode(), 6)] += 1

    assert min(counts) > 800
