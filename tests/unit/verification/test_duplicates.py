"""One order for each key, and one answer for it."""

from orders.domain.audit import StoredKey
from orders.domain.transitions import Change
from orders.verification.journal import Outcome


def test_a_repeated_key_may_get_its_order_again(world) -> None:
    world.paid(1)
    world.create(1, outcome=Outcome.UNKNOWN, order_id=None)
    world.create(1, started=2.0)
    world.create(1, started=4.0, version=2)

    assert world.verify(journal_is_complete=True).ok


def test_a_key_with_two_orders_is_found(world, broken) -> None:
    world.paid(1)
    second = world.paid(2)
    world.create(1)
    world.create(2, key="key-1")

    verdict = world.verify()

    assert "duplicates/key_names_two_orders" in broken(verdict)
    assert verdict.findings[0].order_id == second


def test_the_same_key_on_another_route_is_another_key(world) -> None:
    world.paid(1)
    world.paid(2)
    key = StoredKey(world.create(2, key="key-1", route="/Orders").order_id, "", "")
    world.spoil(key.order_id, keys=[key._replace(route="POST /Orders", key="key-1")])
    world.create(1)

    assert world.verify().ok


def test_a_key_that_took_two_bodies_is_found(world, broken) -> None:
    world.paid(1)
    world.create(1)
    world.create(1, total=1_00)

    assert broken(world.verify()) == {"duplicates/key_took_two_bodies"}


def test_one_order_for_two_requests_is_found(world, broken) -> None:
    world.paid(1)
    world.create(1)
    world.create(1, key="another")

    assert broken(world.verify()) == {"duplicates/order_answers_two_requests"}


def test_one_order_for_two_requests_without_keys_is_found(world, broken) -> None:
    world.paid(1)
    world.create(1, key=None)
    world.create(1, key=None)

    assert broken(world.verify()) == {"duplicates/order_answers_two_requests"}


def test_two_orders_of_one_request_are_found(world, broken) -> None:
    world.paid(1)
    doubled = world.paid(2)
    world.spoil_row(doubled, reference="reference-1")
    world.create(1)

    verdict = world.verify()

    assert broken(verdict) == {"duplicates/order_doubled"}
    assert verdict.findings[0].order_id == doubled


def test_a_retry_without_a_key_may_store_a_second_order(world) -> None:
    world.paid(1)
    world.spoil_row(world.paid(2), reference="reference-1")
    world.create(1, key=None, outcome=Outcome.UNKNOWN, order_id=None)
    world.create(1, key=None)

    assert world.verify(journal_is_complete=True).ok


def test_the_tries_of_one_key_are_one_request(world, broken) -> None:
    world.paid(1)
    world.spoil_row(world.paid(2), reference="reference-1")
    world.create(1, outcome=Outcome.UNKNOWN, order_id=None)
    world.create(1)

    assert broken(world.verify()) == {"duplicates/order_doubled"}


def test_requests_without_keys_have_orders_of_their_own(world) -> None:
    for number in (1, 2):
        world.paid(number)
        world.create(number, key=None)

    assert world.verify(journal_is_complete=True).ok


def test_an_order_under_two_keys_is_found(world, broken) -> None:
    order_id = world.paid(1)
    keys = [StoredKey(order_id, "POST /v1/orders", name) for name in ("a", "b")]

    world.spoil(order_id, keys=keys)

    assert broken(world.verify()) == {"duplicates/order_has_two_keys"}


CANCEL_ROUTE = "POST /v1/orders/{order_id}/cancel"


def test_an_order_may_have_keys_for_its_changes_too(world) -> None:
    order_id = world.add(1, Change.CANCELLED)
    made = world.orders[order_id].keys

    world.spoil(order_id, keys=[*made, StoredKey(order_id, CANCEL_ROUTE, "a")])

    assert world.verify().ok


def test_a_key_for_a_change_that_was_not_made_is_found(world, broken) -> None:
    order_id = world.paid(1)

    world.spoil(order_id, keys=[StoredKey(order_id, CANCEL_ROUTE, "a")])

    assert broken(world.verify()) == {"lost/key_without_its_change"}


def test_a_key_that_does_not_lead_to_its_order_is_found(world, broken) -> None:
    order_id = world.paid(1)
    world.create(1)

    world.spoil(order_id, keys=[])

    assert broken(world.verify()) == {"duplicates/key_forgotten"}


def test_a_key_past_its_time_may_be_forgotten(world) -> None:
    order_id = world.paid(1)
    world.create(1)

    world.spoil(order_id, keys=[])

    assert world.verify(key_retention_seconds=10.0).ok
