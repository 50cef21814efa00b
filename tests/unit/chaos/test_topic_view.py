"""Which records a check sees when a fault wrote to the topic or destroyed it."""

from collections.abc import Iterator, Mapping

from orders.chaos.topic_view import TopicAsNodesLeftIt
from orders.domain.audit import AuditedRecord, RecordPlace


def record(partition: int, offset: int, order_id: str | None = "a") -> AuditedRecord:
    return AuditedRecord(partition, offset, order_id, 1, "t", b"")


class Topic:
    def __init__(self, *records: AuditedRecord) -> None:
        self._records = records

    def committed(self) -> Mapping[int, int]:
        return {0: 2}

    def beginnings(self) -> Mapping[int, int]:
        return {0: 0}

    def ends(self) -> Mapping[int, int]:
        return {0: 3}

    def records(self) -> Iterator[AuditedRecord]:
        return iter(self._records)


def test_forged_records_that_name_an_order_are_left_out() -> None:
    topic = Topic(record(0, 1), record(0, 2))

    seen = list(TopicAsNodesLeftIt(topic, [], {RecordPlace(0, 2)}).records())

    assert seen == [record(0, 1)]


def test_forged_records_that_name_no_order_must_still_have_dead_letters() -> None:
    topic = Topic(record(0, 2, None))

    seen = list(TopicAsNodesLeftIt(topic, [], {RecordPlace(0, 2)}).records())

    assert seen == [record(0, 2, None)]


def test_what_an_earlier_life_held_comes_first() -> None:
    view = TopicAsNodesLeftIt(Topic(record(0, 0)), [record(-1, 9)], ())

    assert list(view.records()) == [record(-1, 9), record(0, 0)]
    assert view.ends() == {0: 3}
    assert view.committed() == {0: 2}
    assert view.beginnings() == {0: 0}
