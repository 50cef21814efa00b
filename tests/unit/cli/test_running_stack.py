from pathlib import Path

import pytest

from orders.cli.running_stack import running_brokers, running_database_url


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    for name, port in (("postgres", "20001"), ("kafka", "20002")):
        directory = tmp_path / name
        directory.mkdir()
        (directory / "server.pid").write_text("4711")
        (directory / "port").write_text(port)
    return tmp_path


@pytest.fixture
def process_runs(monkeypatch: pytest.MonkeyPatch, stack: Path) -> None:
    monkeypatch.setattr(
        "orders.devstack.processes.command_line",
        lambda pid: f"{pid} {stack}/postgres/x",
    )


@pytest.mark.usefixtures("process_runs")
def test_a_server_that_runs_is_found_at_its_kept_port(stack: Path) -> None:
    url = running_database_url(stack)

    assert url == "postgresql://orders@127.0.0.1:20001/orders"


@pytest.mark.usefixtures("process_runs")
def test_a_process_id_that_went_to_another_program_is_no_server(stack: Path) -> None:
    assert running_brokers(stack) is None


def test_a_server_that_ended_without_a_word_is_not_found(
    stack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orders.devstack.processes.command_line", lambda _pid: "")

    assert running_database_url(stack) is None


def test_a_folder_that_was_never_used_has_no_servers_and_stays_as_it_is(
    tmp_path: Path,
) -> None:
    assert running_database_url(tmp_path) is None
    assert running_brokers(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
