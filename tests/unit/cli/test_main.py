import json
import subprocess
import sys

import pytest
import typer

from orders.cli.main import app, main

NOT_FOR_HELP = ("psycopg", "kafka", "pydantic", "rich", "falcon", "msgspec", "waitress")


def leaf_commands() -> dict[str, typer.models.CommandInfo]:
    apps = [
        ("", app),
        *((f"{g.name} ", g.typer_instance) for g in app.registered_groups),
    ]
    return {
        f"{prefix}{command.name}": command
        for prefix, typer_app in apps
        for command in typer_app.registered_commands
    }


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int | str | None:
    for name in ("ORDERS_DATABASE__URL", "ORDERS_KAFKA__BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.argv", ["orders", *words])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code


@pytest.mark.parametrize("name", leaf_commands())
def test_the_help_of_every_command_shows_how_to_call_it(name: str) -> None:
    command = leaf_commands()[name].callback

    assert f"orders {name}" in command.__doc__.partition("Example:")[2]


def test_help_needs_no_heavy_library() -> None:
    program = f"""
import sys, orders.cli.main
print([name for name in {NOT_FOR_HELP} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_help_exits_with_0(monkeypatch, capsys) -> None:
    assert run(monkeypatch, "--help") == 0
    assert "dead-letters" in capsys.readouterr().out


def test_missing_settings_are_one_message_and_exit_with_1(monkeypatch, capsys) -> None:
    code = run(monkeypatch, "status")

    out, err = capsys.readouterr()
    assert code == 1
    assert out == ""
    assert err.startswith("orders: 2 settings are wrong:")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("list", "--nonsense"),
        ("list", "--limit", "0"),
        ("list", "--status", "LOST"),
        ("list", "--before", "7"),
        ("show", "not-an-id"),
        ("show",),
        ("history", "../etc"),
        ("dead-letters", "show", "x"),
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2(monkeypatch, capsys, words: tuple[str, ...]) -> None:
    assert run(monkeypatch, *words) == 2
    assert "Usage: orders" in capsys.readouterr().err


def test_an_embedded_stack_that_does_not_run_is_said_plainly(
    monkeypatch, capsys, tmp_path
) -> None:
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setenv("ORDERS_DATA_DIR", tmp_path.name)
    monkeypatch.setattr("sys.argv", ["orders", "status"])
    monkeypatch.setenv("ORDERS_DATABASE__URL", "embedded")
    monkeypatch.setenv("ORDERS_KAFKA__BOOTSTRAP_SERVERS", "embedded")

    with pytest.raises(SystemExit) as left:
        main()

    err = capsys.readouterr().err
    assert left.value.code == 1
    assert f"the embedded PostgreSQL of {tmp_path} does not run" in err
    assert "start it with `make run`" in err
    assert "ORDERS_DATA_DIR" in err


def test_the_demo_refuses_a_database_that_is_not_its_own(monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["orders", "demo"])
    monkeypatch.setenv("ORDERS_DATABASE__URL", "postgresql://orders@db/orders")

    with pytest.raises(SystemExit) as left:
        main()

    assert left.value.code == 1
    assert "embedded" in capsys.readouterr().err


def test_version_can_be_read_by_programs(monkeypatch, capsys) -> None:
    assert run(monkeypatch, "version", "--json") == 0
    assert set(json.loads(capsys.readouterr().out)) == {"version", "python"}
