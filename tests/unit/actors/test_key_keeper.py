"""KeyKeeper: all keys are read again and again, while there is a PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from actor_fakes import RecordedRole, World
from port_fakes import Flaky

from orders.actors.key_keeper import KeyKeeper
from orders.domain.api_keys import ActiveKey, Scope
from orders.domain.errors import DatabaseUnavailableError

KEY = ActiveKey("a" * 16, bytes(32), "acme", frozenset({Scope.READ}), None, None)
AWAY = DatabaseUnavailableError("away")


class FakeKeyStore(Flaky):
    """Has the ``keys``; reading them takes ``seconds``."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.keys: tuple[ActiveKey, ...] = (KEY,)
        self.seconds = 0.0
        self.read_at: list[float] = []

    def active_keys(self, limit: int) -> tuple[ActiveKey, ...]:
        self.read_at.append(self._world.clock())
        self._world.clock.advance(self.seconds)
        self.trip()
        return self.keys[:limit]


@dataclass
class Ring:
    renewed: list[tuple[Sequence[ActiveKey], float]] = field(default_factory=list)

    def renew(self, keys: Sequence[ActiveKey], read_at: float) -> None:
        self.renewed.append((keys, read_at))


@dataclass
class Bench:
    world: World
    store: FakeKeyStore
    ring: Ring
    role: RecordedRole[Any]
    actor: KeyKeeper

    def wait(self, seconds: float) -> None:
        self.world.pass_time(self.actor, seconds)


@pytest.fixture
def bench(world: World) -> Bench:
    store, ring, role = FakeKeyStore(world), Ring(), world.role("key-keeper")
    actor = KeyKeeper(
        role,
        make_store=lambda: store,
        ring=ring,
        status=world.status,
        refresh_seconds=10,
    )
    actor.on_start()
    return Bench(world, store, ring, role, actor)


def test_keys_are_read_at_once(bench: Bench) -> None:
    bench.wait(0.1)

    assert bench.ring.renewed == [((KEY,), 1000)]


def test_keys_are_read_again_at_intervals(bench: Bench) -> None:
    bench.wait(35)

    assert bench.store.read_at == [1000, 1010, 1020, 1030]


def test_a_reading_is_as_old_as_its_question(bench: Bench) -> None:
    bench.store.seconds = 3

    bench.wait(0.1)

    assert bench.ring.renewed[0][1] == 1000


def test_nothing_is_asked_of_a_server_that_is_away(bench: Bench) -> None:
    bench.world.status.database_errors["writer"] = "away"

    bench.wait(5)
    asked = list(bench.store.read_at)
    bench.world.status.database_errors["writer"] = ""
    bench.wait(1)

    assert asked == []
    assert len(bench.ring.renewed) == 1


def test_a_reading_that_failed_leaves_the_ring_and_is_soon_tried_again(
    bench: Bench,
) -> None:
    bench.wait(0.1)
    bench.store.errors = [AWAY]

    bench.wait(10)
    failed = len(bench.ring.renewed)
    bench.wait(1)

    assert failed == 1
    assert len(bench.ring.renewed) == 2
    assert bench.world.log.count("keys.unread") == 1


def test_having_no_key_is_said_once(bench: Bench) -> None:
    bench.store.keys = ()

    bench.wait(35)

    assert bench.world.log.count("keys.none") == 1


def test_the_number_of_keys_is_said_when_it_changes(bench: Bench) -> None:
    bench.wait(15)
    bench.store.keys = ()
    bench.wait(10)
    bench.store.keys = (KEY,)
    bench.wait(10)

    events = [event for _, event, _ in bench.world.log.lines]
    assert events == ["keys.read", "keys.none", "keys.read"]


def test_the_store_is_closed_at_the_end(bench: Bench) -> None:
    bench.actor.on_stop()

    assert bench.store.closed
