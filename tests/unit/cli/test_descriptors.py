import resource

import pytest

from orders.cli import descriptors
from orders.cli.descriptors import ClientRoom, room_for_clients

CONSUMERS = 2
OWN = 128


class Log:
    def __init__(self) -> None:
        self.warnings: list[dict[str, object]] = []

    def warning(self, event: str, **fields: object) -> None:
        self.warnings.append(fields)

    debug = info = error = warning


class Limit:
    """Stands for the operating system's limit of open files."""

    def __init__(self, soft: int, hard: int) -> None:
        self.now = (soft, hard)

    def getrlimit(self, which: int) -> tuple[int, int]:
        assert which == resource.RLIMIT_NOFILE
        return self.now

    def setrlimit(self, which: int, limits: tuple[int, int]) -> None:
        assert which == resource.RLIMIT_NOFILE
        self.now = limits


def room(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, wanted: int = 1000
) -> tuple[ClientRoom, int, list[dict[str, object]]]:
    limit, log = Limit(soft, hard), Log()
    monkeypatch.setattr(descriptors.resource, "getrlimit", limit.getrlimit)
    monkeypatch.setattr(descriptors.resource, "setrlimit", limit.setrlimit)
    found = room_for_clients(wanted, CONSUMERS, log)
    return found, limit.now[0], log.warnings


@pytest.mark.parametrize(
    ("soft", "hard", "raised"),
    [
        (256, 20_000, OWN + 1256),
        (256, resource.RLIM_INFINITY, OWN + 1256),
        (20_000, 20_000, 20_000),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, resource.RLIM_INFINITY),
    ],
)
def test_the_soft_limit_is_raised_as_far_as_is_needed(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, raised: int
) -> None:
    assert room(monkeypatch, soft, hard) == (ClientRoom(1000, 256), raised, [])


def test_fewer_clients_are_served_below_a_low_hard_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, limit, warnings = room(monkeypatch, 100, 256)

    assert (found, limit) == (ClientRoom(96, 32), 256)
    assert warnings == [{"count": 96, "wanted": 1000, "files": 256}]


def test_a_little_too_low_a_limit_costs_room_for_refusals_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, _, warnings = room(monkeypatch, OWN + 940, OWN + 940, wanted=700)

    assert found == ClientRoom(700, 235)
    assert warnings == []


def test_a_limit_without_room_for_clients_ends_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(OSError, match="may open 159 files, and needs 160"):
        room(monkeypatch, 159, 159)
