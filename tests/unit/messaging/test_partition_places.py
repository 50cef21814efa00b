"""Which partitions count as unwritable, and for how long."""

import pytest

from orders.messaging.partition_places import PartitionPlaces


class Log:
    def warning(self, event: str, **fields: object) -> None: ...

    info = error = debug = warning


@pytest.fixture
def places() -> PartitionPlaces:
    made = PartitionPlaces(20_000, log=Log(), clock=lambda: 0.0)
    made.share_among(6)
    return made


def unwritable(places: PartitionPlaces) -> frozenset[int]:
    places.look([])
    return places.unwritable


def test_one_confirmation_makes_a_refused_partition_writable(
    places: PartitionPlaces,
) -> None:
    places.refuse(5, ValueError())
    refused = unwritable(places)

    places.confirmed(5)

    assert (refused, unwritable(places)) == ({5}, frozenset())


def test_a_partition_that_is_gone_is_not_unwritable(places: PartitionPlaces) -> None:
    places.refuse(5, ValueError())
    places.look([(4, 60.0)])

    places.share_among(3)

    assert unwritable(places) == frozenset()
