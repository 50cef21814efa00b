from orders.verification.retention import (
    EVERYTHING,
    MARGIN_MS,
    NOTHING,
    Retention,
    accepted_ms,
)


def order_id_at(time_ms: int) -> str:
    text = f"{time_ms:012x}"
    return f"{text[:8]}-{text[8:]}-7000-8000-000000000000"


def test_an_id_tells_when_its_order_was_accepted() -> None:
    assert accepted_ms("0192a5c4-3b00-7abc-8def-000000000001") == 0x0192A5C43B00


def test_where_nothing_was_deleted_everything_is_judged() -> None:
    assert Retention().judged_from({0: 0, 1: 0}) == EVERYTHING


def test_where_a_partition_has_nothing_left_nothing_is_judged() -> None:
    retention = Retention()
    retention.note(0, 4, order_id_at(5))

    assert retention.judged_from({0: 5}) == NOTHING
    assert retention.judged_from({0: 0, 1: 1}) == NOTHING


def test_the_latest_of_the_partitions_that_lost_records_counts() -> None:
    retention = Retention()
    for partition, time_ms in enumerate((5, 9, 99)):
        retention.note(partition, 1, order_id_at(time_ms))

    assert retention.judged_from({0: 1, 1: 1, 2: 0}) == 9 + MARGIN_MS


def test_an_old_order_in_front_does_not_stand_for_those_behind() -> None:
    retention = Retention()
    for offset, time_ms in enumerate((7, 700, 70)):
        retention.note(0, offset + 1, order_id_at(time_ms))

    assert retention.judged_from({0: 1}) == 700 + MARGIN_MS


def test_what_came_long_after_the_oldest_record_left_is_not_waited_for() -> None:
    retention = Retention()
    for offset in range(10_000):
        retention.note(0, offset, order_id_at(offset))

    judged_from = retention.judged_from({0: 2_500}) - MARGIN_MS
    assert 3_500 <= judged_from < 4_500
