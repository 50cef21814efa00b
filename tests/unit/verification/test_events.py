"""Each history row is on the topic, byte for byte, or waits in the outbox."""

import json

import pytest

from orders.domain.audit import WaitingEvent
from orders.domain.transitions import Change
from orders.verification.verdict import Extent

OLD = 3600.0
HOURS_IN_ID = 3_600_000 << 80
"""The number that makes an order's id one hour younger."""


def test_events_may_be_published_again_and_out_of_order(world) -> None:
    order_id = world.paid()
    for event in reversed(world.orders[order_id].history):
        world.publish(event)

    verdict = world.verify()

    assert verdict.ok
    assert (verdict.counts["records"], verdict.counts["events_on_topic"]) == (4, 2)


def test_an_event_that_is_neither_published_nor_waiting_is_found(world, broken) -> None:
    order_id = world.paid()
    del world.records_on_topic[1]

    verdict = world.verify()

    assert broken(verdict) == {"events/event_not_published"}
    assert verdict.findings[0].order_id == order_id


def test_an_event_may_wait_in_the_outbox_for_a_while(world, broken) -> None:
    order_id = world.paid()
    del world.records_on_topic[1]
    world.spoil(order_id, waiting=[WaitingEvent(order_id, 2, 50.0)])

    assert world.verify(grace_seconds=60.0).ok
    assert broken(world.verify(grace_seconds=40.0)) == {"events/event_waits_too_long"}


def test_an_event_may_be_published_and_wait(world) -> None:
    order_id = world.paid()
    world.spoil(order_id, waiting=[WaitingEvent(order_id, 2, 1.0)])

    assert world.verify().ok


def test_where_retention_left_nothing_absence_proves_nothing(world) -> None:
    world.paid()
    del world.records_on_topic[1]
    world.first_offsets = {0: 0, 1: 5}

    verdict = world.verify()

    assert verdict.ok
    assert verdict.counts["events_not_checkable"] == 1
    assert verdict.extent("events") is Extent.PART


def test_what_is_younger_than_the_oldest_record_left_is_still_checked(
    world, broken
) -> None:
    old, left = world.paid(1), world.paid(2)
    young = world.add(2 * HOURS_IN_ID)
    world.records_on_topic = world.records_on_topic[2:4]
    world.first_offsets = {0: 2}

    verdict = world.verify(grace_seconds=2 * OLD)

    assert old < left < young
    assert broken(verdict) == {"events/event_not_published"}
    assert {it.order_id for it in verdict.findings} == {young}
    assert verdict.counts["events_not_checkable"] == 2


def test_an_outbox_row_without_its_event_is_found(world, broken) -> None:
    order_id = world.paid()

    world.spoil(order_id, waiting=[WaitingEvent(order_id, 3, 1.0)])

    assert broken(world.verify()) == {"events/outbox_row_without_event"}


@pytest.mark.parametrize("part", [{"value": b"{}"}, {"type": "orders.order.failed.v1"}])
def test_a_record_with_other_bytes_than_its_event_is_found(
    world, broken, part: dict[str, object]
) -> None:
    order_id = world.paid()
    world.records_on_topic.append(world.records_on_topic[1]._replace(**part))

    verdict = world.verify()

    assert broken(verdict) == {"events/record_differs"}
    assert verdict.findings[0].order_id == order_id


def test_a_record_without_an_event_is_found(world, broken) -> None:
    stranger = world.paid(2)
    del world.orders[stranger]

    verdict = world.verify()

    assert broken(verdict) == {"events/record_without_event"}
    assert {it.order_id for it in verdict.findings} == {stranger}


def test_a_record_that_names_no_version_is_no_event(world, broken) -> None:
    world.paid()
    world.records_on_topic.append(world.records_on_topic[0]._replace(version=None))

    assert broken(world.verify()) == {"events/record_without_event"}


def test_an_event_that_came_after_the_view_is_looked_for_once_more(world) -> None:
    late = world.paid(2)
    world.late_events = list(world.orders.pop(late).history)

    assert world.verify().ok


def test_a_late_record_with_other_bytes_is_found(world, broken) -> None:
    late = world.paid(2)
    first, second = world.orders.pop(late).history
    world.late_events = [first, second._replace(data="{}")]

    assert broken(world.verify()) == {"events/record_differs"}


def test_many_strangers_are_all_counted(world) -> None:
    for number in range(2_500):
        world.add(number)
    world.orders.clear()

    assert world.verify().violations["events"] == 2_500
    assert world.asked == [1_000, 1_000, 500]


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 3},
        {"status": "PENDING"},
        {"payment_status": "PENDING"},
        {"total": "1.00"},
        {"user_id": 8},
        {"reason": None},
    ],
)
def test_an_event_that_misstates_its_order_is_found(world, broken, wrong) -> None:
    order_id = world.add(1, Change.APPROVED)
    first, second = world.orders[order_id].history
    told = json.loads(second.data)
    text = json.dumps({**told, **wrong}) if wrong != {"reason": None} else "no JSON"

    world.spoil(order_id, history=[first, second._replace(data=text)])

    verdict = world.verify(without_topic=True)
    assert broken(verdict) == {"events/event_misstates_order"}


def test_a_clients_reason_is_in_the_history_and_not_in_the_event(world) -> None:
    order_id = world.add(1, Change.CANCELLED)
    first, second = world.orders[order_id].history

    world.spoil(order_id, history=[first, second._replace(reason='the "wrong" size')])

    assert world.verify().ok


def test_the_rules_reason_is_in_the_event(world, broken) -> None:
    order_id = world.add(1, Change.DECLINED, total=1000_00)
    first, second = world.orders[order_id].history

    world.spoil(order_id, history=[first, second._replace(reason="amount_limit")])

    assert broken(world.verify()) == {"events/event_misstates_order"}


def test_an_event_may_say_more_than_this_release_writes(world) -> None:
    order_id = world.paid()
    first, second = world.orders[order_id].history
    text = json.dumps({**json.loads(second.data), "more": 1})

    world.spoil(order_id, history=[first, second._replace(data=text)])

    assert world.verify(without_topic=True).ok


def test_the_spelling_of_an_event_is_its_own(world) -> None:
    order_id = world.paid()
    first, second = world.orders[order_id].history
    text = json.dumps(json.loads(second.data), indent=1)

    world.spoil(order_id, history=[first, second._replace(data=text)])

    assert world.verify(without_topic=True).ok
