"""Nothing lies below a committed offset and stays unsettled."""

import pytest

from orders.domain.audit import AuditedRecord, RecordPlace

JUNK = AuditedRecord(0, 0, None, None, "", b"\xff")


def test_settled_orders_below_the_offset_are_fine(world) -> None:
    world.paid()
    world.committed_offsets = {0: 2}

    assert world.verify().ok


def test_an_unsettled_order_below_the_offset_is_found(world, broken) -> None:
    order_id = world.add(1)
    world.committed_offsets = {0: 1}

    verdict = world.verify()

    assert "consumed/unsettled_below_offset" in broken(verdict)
    assert {it.order_id for it in verdict.findings} == {order_id}


def test_an_unsettled_order_at_the_offset_is_not_consumed_yet(world, broken) -> None:
    world.add(1)
    world.committed_offsets = {0: 0}

    assert broken(world.verify()) == {"transitions/order_not_settled"}


def test_an_order_that_was_passed_over_is_given_the_time_of_the_sweeper(
    world, broken
) -> None:
    world.add(1, age=100.0)
    world.committed_offsets = {0: 1}

    assert world.verify().ok
    assert broken(world.verify(grace_seconds=99.0)) == {
        "consumed/unsettled_below_offset",
        "transitions/order_not_settled",
    }


def test_an_offset_beyond_the_end_is_found(world, broken) -> None:
    world.paid()
    world.committed_offsets = {0: 3}

    assert broken(world.verify()) == {"consumed/offset_beyond_end"}


def test_an_offset_of_a_partition_that_is_gone_is_found(world, broken) -> None:
    world.committed_offsets = {7: 1}

    assert broken(world.verify()) == {"consumed/offset_beyond_end"}


@pytest.mark.parametrize(
    ("committed", "buried", "rules"),
    [
        (1, False, {"consumed/foreign_record_not_buried"}),
        (1, True, set()),
        (0, False, set()),
    ],
)
def test_junk_below_the_offset_must_have_a_dead_letter(
    world, broken, committed: int, buried: bool, rules: set[str]
) -> None:
    world.records_on_topic = [JUNK]
    world.committed_offsets = {0: committed}
    world.buried = {RecordPlace(0, 0)} if buried else set()

    verdict = world.verify()

    assert broken(verdict) == rules
    assert verdict.counts["foreign_records"] == 1
    assert verdict.counts["dead_letters"] == len(world.buried)


def test_much_junk_is_all_counted(world) -> None:
    world.records_on_topic = [JUNK._replace(offset=it) for it in range(2_500)]
    world.committed_offsets = {0: 2_500}

    assert world.verify().violations["consumed"] == 2_500
    assert world.asked == [1_000, 1_000, 500]
