"""What every test of an actor gets."""

from collections.abc import Iterator

import pykka
import pytest
from actor_fakes import World


@pytest.fixture
def world() -> Iterator[World]:
    """Surroundings; a failure that the test does not expect fails it."""
    world = World()
    yield world
    assert world.failures == []


@pytest.fixture(autouse=True)
def _no_actor_outlives_its_test() -> Iterator[None]:
    yield
    pykka.ActorRegistry.stop_all(timeout=5)
