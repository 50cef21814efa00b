"""Records of a partition that was paused half read are returned once it is resumed.

kafka-python parks them, and takes them out again only while nothing is in line. But
what was in line stays there when it is used up, as an empty object, until another
fetch takes its place. A parked partition is not fetched either: with nothing more to
fetch on the others it stands still for good, and behind others that always have
records in line it waits as long as they do.

The private parts that are touched are pinned by a test.
"""

from typing import Protocol, cast

from orders.messaging.client_types import ConsumerClient, PartitionId


class _InLine(Protocol):
    topic_partition: PartitionId

    def __bool__(self) -> bool:
        """Whether records are left."""


class _Fetcher(Protocol):
    _next_partition_records: _InLine | None
    _paused_partition_records: dict[PartitionId, _InLine]


class _HasFetcher(Protocol):
    _fetcher: _Fetcher


def take_turns(consumer: ConsumerClient) -> None:
    """Put the records that were parked first in line, if their partition is resumed.

    What is in line is parked in turn, so that each gets a poll. Called by the owner
    between two polls. The client's IO thread only reads both, to see what to fetch: at
    the worst it fetches a partition twice, and drops the second by its offset.
    """
    fetcher = cast("_HasFetcher", consumer)._fetcher  # noqa: SLF001 - pinned by a test
    parked = fetcher._paused_partition_records  # noqa: SLF001 - the same
    if not parked:
        return
    paused = consumer.paused()
    first = next((partition for partition in parked if partition not in paused), None)
    if first is None:
        return
    in_line = fetcher._next_partition_records  # noqa: SLF001 - the same
    fetcher._next_partition_records = parked.pop(first)  # noqa: SLF001 - the same
    if in_line:
        parked[in_line.topic_partition] = in_line
