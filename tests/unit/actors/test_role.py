"""The role: the address that stays when its actor does not."""

from typing import Any, cast

import pykka
import pytest
from actor_fakes import Holder, World

from orders.actors.lane import Lane
from orders.actors.messages import Drain, Ping, Wake
from orders.actors.role import Role

Ref = pykka.ActorRef[Any]


@pytest.fixture
def role(world: World) -> Role[str]:
    return Role("role", Lane(2), log=world.log, clock=world.clock)


def seat(role: Role[str]) -> Holder:
    holder = Holder()
    role.seat(lambda: cast("Ref", holder))
    return holder


def test_offer_wakes_the_holder(role: Role[str]) -> None:
    holder = seat(role)

    role.offer("work")

    assert holder.told == [Wake()]


def test_wakes_are_told_once_until_the_holder_looks(role: Role[str]) -> None:
    holder = seat(role)

    role.offer("a")
    role.offer("b")
    role.wake()

    assert holder.told == [Wake()]


def test_wake_is_told_again_after_the_holder_looked(role: Role[str]) -> None:
    holder = seat(role)
    role.offer("a")

    role.looked()
    role.offer("b")

    assert holder.told == [Wake(), Wake()]


def test_refused_offer_wakes_nobody(role: Role[str]) -> None:
    holder = seat(role)
    role.offer("a")
    role.offer("b")
    holder.told.clear()
    role.looked()

    taken = role.offer("c")

    assert not taken
    assert holder.told == []


def test_work_offered_to_a_vacant_role_waits_for_the_next_holder(
    role: Role[str],
) -> None:
    role.offer("work")

    holder = seat(role)

    assert holder.told == [Wake()]


def test_wake_after_a_restart_is_told_though_the_last_one_was_never_seen(
    role: Role[str],
) -> None:
    seat(role)
    role.offer("a")
    role.vacate()
    holder = seat(role)
    holder.told.clear()
    role.looked()

    role.offer("b")

    assert holder.told == [Wake()]


def test_idle_successor_is_not_woken(role: Role[str]) -> None:
    seat(role)
    role.vacate()

    assert seat(role).told == []


def test_tell_to_a_vacant_role_is_dropped(role: Role[str]) -> None:
    role.tell(Ping())

    assert seat(role).told == []


def test_tell_to_a_dead_holder_is_dropped_with_a_trace(
    role: Role[str], world: World
) -> None:
    class Dead(Holder):
        def tell(self, message: object) -> None:
            raise pykka.ActorDeadError

    role.seat(lambda: cast("Ref", Dead()))

    role.tell(Ping())

    assert world.log.count("actor.message_dropped") == 1


def test_vacating_hands_work_back_and_counts_it(role: Role[str]) -> None:
    seat(role)
    role.offer("a")
    role.offer("b")
    role.lane.take(2)

    handed_back = role.vacate()

    assert handed_back == 2
    assert role.lane.waiting


def test_vacating_asks_the_holder_to_stop(role: Role[str]) -> None:
    holder = seat(role)

    role.vacate()

    assert holder.stops == 1
    assert role.holder is None


def test_vacating_voids_the_generation(role: Role[str]) -> None:
    seat(role)
    before = role.generation

    role.vacate()

    assert role.generation == before + 1


def test_vacating_forgets_what_the_holder_kept_elsewhere(role: Role[str]) -> None:
    seat(role)
    role.pending = 5

    role.vacate()

    assert role.pending == 0


def test_successor_of_a_draining_holder_is_told_to_drain(role: Role[str]) -> None:
    seat(role)
    role.drain()
    role.vacate()

    assert Drain() in seat(role).told


def test_draining_anew_forgets_that_it_was_drained(role: Role[str]) -> None:
    seat(role)
    role.drained.set()

    role.drain()

    assert not role.drained.is_set()


def test_new_holder_starts_with_a_sign_of_life(role: Role[str], world: World) -> None:
    world.clock.advance(100)

    seat(role)

    assert role.silent_seconds(world.clock()) == 0


def test_silence_is_counted_from_the_last_sign_of_life(
    role: Role[str], world: World
) -> None:
    role.seen()

    world.clock.advance(7)

    assert role.silent_seconds(world.clock()) == 7


def test_patience_that_was_asked_for_is_given(role: Role[str], world: World) -> None:
    role.seen(patience_seconds=100)

    world.clock.advance(100)

    assert not role.hangs(world.clock(), limit_seconds=15)


def test_patience_has_an_end(role: Role[str], world: World) -> None:
    role.seen(patience_seconds=100)

    world.clock.advance(101)

    assert role.hangs(world.clock(), limit_seconds=15)


def test_patience_ends_with_the_next_sign_of_life(
    role: Role[str], world: World
) -> None:
    role.seen(patience_seconds=100)
    role.seen()

    world.clock.advance(16)

    assert role.hangs(world.clock(), limit_seconds=15)


def test_patience_outlasts_a_standstill_of_the_process(
    role: Role[str], world: World
) -> None:
    role.seen(patience_seconds=100)
    role.forgive()

    world.clock.advance(16)

    assert not role.hangs(world.clock(), limit_seconds=15)


def test_successor_does_not_inherit_patience(role: Role[str], world: World) -> None:
    role.seen(patience_seconds=100)
    role.vacate()
    seat(role)

    world.clock.advance(16)

    assert role.hangs(world.clock(), limit_seconds=15)


def test_dismissed_holder_is_handed_over(role: Role[str]) -> None:
    holder = seat(role)

    dismissed = role.dismiss()

    assert dismissed is cast("Ref", holder)
    assert role.holder is None
