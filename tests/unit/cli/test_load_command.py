import json
from collections.abc import Callable

import pytest

from orders.cli.load_run import progress_line
from orders.cli.main import main
from orders.load.mix import Kind
from orders.load.open_loop import LoadPlan, LoadResult
from orders.verification.verdict import Finding, Findings, Group

Run = Callable[..., int]


def result(**changes: object) -> LoadResult:
    made = LoadResult(sent=2, accepted=2, seconds=1.0, statuses={202: 2})
    for name, value in changes.items():
        setattr(made, name, value)
    made.times[Kind.ORDER].add(0.003)
    return made


@pytest.fixture
def plans() -> list[LoadPlan]:
    """What ``run`` was asked to send."""
    return []


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, plans: list[LoadPlan]) -> Run:
    """Runs ``orders load`` with a load that comes to ``ended``."""
    monkeypatch.delenv("ORDERS_DATABASE__URL", raising=False)

    def run(ended: LoadResult, *words: str) -> int:
        def note(plan: LoadPlan, _journal: object) -> LoadResult:
            plans.append(plan)
            return ended

        monkeypatch.setattr("orders.cli.load_run.run_load", note)
        monkeypatch.setattr("sys.argv", ["orders", "load", *words])
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0)

    return run


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Findings:
    """A database to check, and what the check finds there."""
    findings = Findings()
    monkeypatch.setenv("ORDERS_DATABASE__URL", "postgresql://orders@127.0.0.1:1/orders")
    monkeypatch.setenv("ORDERS_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr("orders.cli.commands.load._await_settled", lambda: None)
    monkeypatch.setattr(
        "orders.cli.verification.verify", lambda *_, **__: findings.verdict()
    )
    return findings


def test_a_load_that_went_well_exits_with_0_and_shows_a_histogram(
    run: Run, capsys
) -> None:
    code = run(result())

    out = capsys.readouterr().out
    assert code == 0
    assert "2 ms   4 ms   1" in out
    assert "not checked: ORDERS_DATABASE__URL is not set" in out


@pytest.mark.parametrize(
    "changes", [{"accepted": 0}, {"undocumented": 1}, {"is_refused": True}]
)
def test_a_load_that_did_not_exits_with_1(run: Run, changes: dict[str, object]) -> None:
    assert run(result(**changes)) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("--mix", "what=1"),
        ("--url", "ftp://host"),
        ("--url", "http://host:x"),
        ("--url", "http://host/v1/orders"),
        ("--api-key", "@/nowhere/at/all"),
        ("--api-key", "ok_k\u00e9y"),
        ("--api-key", "ok_key\nHost: elsewhere"),
        ("--api-key", ""),
        ("--rate", "0"),
    ],
)
def test_wrong_usage_exits_with_2(run: Run, words: tuple[str, ...]) -> None:
    assert run(result(), *words) == 2


def test_nothing_lost_is_said(run: Run, checked: Findings, capsys) -> None:
    checked.counts["operations"] = 2

    assert run(result()) == 0
    assert "checked: nothing lost, of 2 answers" in capsys.readouterr().out


def test_something_lost_exits_with_1(run: Run, checked: Findings, capsys) -> None:
    checked.add(Finding(Group.LOST, "acknowledged_order_missing", "x", "gone"))

    assert run(result()) == 1
    assert "acknowledged_order_missing" in capsys.readouterr().out


def test_the_check_can_be_left_out(run: Run, checked: Findings, capsys) -> None:
    checked.add(Finding(Group.LOST, "acknowledged_order_missing", "x", "gone"))

    assert run(result(), "--no-check") == 0
    assert "not checked" in capsys.readouterr().out


def test_programs_get_all_of_it(run: Run, checked: Findings, capsys) -> None:
    run(result(), "--json")

    told = json.loads(capsys.readouterr().out)
    assert (told["accepted"], told["checked"]["ok"]) == (2, True)
    assert told["latency_ms"]["order"]["count"] == 1


def test_the_plan_is_what_was_asked_for(
    run: Run, plans: list[LoadPlan], tmp_path
) -> None:
    (tmp_path / "key").write_text("ok_1\n")
    words = ["--url", "https://shop.example", "--rate", "5", "--no-keys"]

    run(result(), *words, "--api-key", f"@{tmp_path / 'key'}")

    [plan] = plans
    assert (plan.host, plan.port, plan.tls is None) == ("shop.example", 443, False)
    assert (plan.rate, plan.keyed, plan.api_key) == (5.0, False, "ok_1")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ("127.0.0.1", 8080)),
        ({"HTTP__PORT": "18080"}, ("127.0.0.1", 18080)),
        ({"HTTP__HOST": "::", "HTTP__PORT": "18080"}, ("::1", 18080)),
        ({"HTTP__HOST": "0.0.0.0"}, ("127.0.0.1", 8080)),
    ],
)
def test_the_load_goes_to_the_node_of_the_settings(
    run: Run,
    plans: list[LoadPlan],
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, str],
    expected: tuple[str, int],
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"ORDERS_{name}", value)

    assert run(result()) == 0
    assert [(plan.host, plan.port) for plan in plans] == [expected]


def test_a_port_that_nobody_knows_before_the_start_exits_with_2(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setenv("ORDERS_HTTP__PORT", "0")

    assert run(result()) == 2
    assert "give --url" in capsys.readouterr().err


def test_a_port_where_nobody_listens_is_named_and_nothing_is_checked(
    run: Run, checked: Findings, capsys
) -> None:
    checked.add(Finding(Group.LOST, "acknowledged_order_missing", "x", "gone"))

    silence = "no connection to http://127.0.0.1:1 (no such certificate)"
    outcome = result(accepted=0, not_sent=2, refusal="no such certificate")

    code = run(outcome, "--url", "http://127.0.0.1:1")

    out, err = capsys.readouterr()
    assert code == 1
    assert f"no order was accepted: {silence}\n" in err
    assert f"not checked: {silence}" in out


def test_orders_that_were_all_refused_are_not_called_silence(run: Run, capsys) -> None:
    assert run(result(accepted=0, refused=1, not_sent=1)) == 1
    assert capsys.readouterr().err == "orders: no order was accepted\n"


def test_progress_is_one_line() -> None:
    line = progress_line(result(), 1.0, 10.0, 2.0)

    assert line.startswith("1 of 10 s: 2/s sent, 2 accepted, 0 refused")
