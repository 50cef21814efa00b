"""Ports are chosen once and kept."""

from pathlib import Path

import pytest

from orders.devstack import ports
from orders.devstack.errors import DevstackError


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """The ports that something listens on: a set to add to."""
    busy: set[int] = set()
    monkeypatch.setattr(ports, "is_free", lambda port: port not in busy)
    return busy


def test_a_chosen_port_is_not_one_of_outgoing_connections(taken: set[int]) -> None:
    assert 20000 <= ports.choose_free() < 32000


def test_taken_ports_are_passed_over(taken: set[int]) -> None:
    taken.update(set(range(20000, 32000)) - set(range(20000, 31000)))

    assert ports.choose_free() < 31000


def test_the_search_ends(taken: set[int]) -> None:
    taken.update(range(20000, 32000))

    with pytest.raises(DevstackError, match="no free port"):
        ports.choose_free()


def test_a_port_is_kept_in_its_file(tmp_path: Path, taken: set[int]) -> None:
    first = ports.remembered(tmp_path / "port")

    assert ports.remembered(tmp_path / "port") == first


def test_a_kept_port_that_was_taken_is_replaced(
    tmp_path: Path, taken: set[int]
) -> None:
    first = ports.remembered(tmp_path / "port")
    taken.add(first)

    second = ports.remembered(tmp_path / "port")

    assert second != first
    assert (tmp_path / "port").read_text() == str(second)
