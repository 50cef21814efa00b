"""Two servers that start and stop as one."""

from pathlib import Path

import pytest

from orders.devstack.errors import DevstackError
from orders.devstack.stack import EmbeddedStack

Calls = list[str]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """What was asked of the servers, which do nothing."""
    seen: Calls = []
    for name in ("Postgres", "Kafka"):
        server = f"orders.devstack.stack.Embedded{name}"
        for method in ("start", "stop"):
            text = f"{method} {name}"
            monkeypatch.setattr(
                f"{server}.{method}", lambda self, text=text: seen.append(text)
            )
    return seen


def test_both_servers_start(calls: Calls, tmp_path: Path) -> None:
    EmbeddedStack(tmp_path).start()

    assert sorted(calls) == ["start Kafka", "start Postgres"]


def test_both_servers_stop_at_the_end(calls: Calls, tmp_path: Path) -> None:
    with EmbeddedStack(tmp_path):
        calls.clear()

    assert sorted(calls) == ["stop Kafka", "stop Postgres"]


def test_when_one_does_not_start_both_are_stopped(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object) -> None:
        raise DevstackError("no Java")

    monkeypatch.setattr("orders.devstack.stack.EmbeddedKafka.start", fail)

    with pytest.raises(DevstackError, match="no Java"):
        EmbeddedStack(tmp_path).start()

    assert sorted(calls[-2:]) == ["stop Kafka", "stop Postgres"]


def test_a_second_stack_on_the_same_data_is_refused(
    calls: Calls, tmp_path: Path
) -> None:
    with (
        EmbeddedStack(tmp_path),
        pytest.raises(DevstackError, match="in use by process"),
    ):
        EmbeddedStack(tmp_path).start()


def test_a_refused_stack_leaves_the_first_one_alone(
    calls: Calls, tmp_path: Path
) -> None:
    with EmbeddedStack(tmp_path):
        calls.clear()
        with pytest.raises(DevstackError):
            EmbeddedStack(tmp_path).start()

        assert calls == []
