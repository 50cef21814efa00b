import json
from collections.abc import Callable

import pytest

from orders.cli.main import main
from orders.verification.rules import Rules
from orders.verification.verdict import Extent, Findings, Group

Run = Callable[..., int]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``orders verify`` with a check that is told what to do."""
    monkeypatch.setenv("ORDERS_DATABASE__URL", "postgresql://orders@127.0.0.1:1/orders")
    monkeypatch.setenv("ORDERS_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")

    def run(check: Callable[..., object], *words: str) -> int:
        monkeypatch.setattr("orders.cli.verification.verify", check)
        monkeypatch.setattr("sys.argv", ["orders", "verify", *words])
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0)

    return run


def without_journal(*_: object, **__: object) -> object:
    findings = Findings()
    findings.limit(Extent.PART, Group.LOST)
    findings.limit(Extent.NONE, Group.REAL_TIME)
    return findings.verdict()


def test_an_error_that_nobody_foresaw_is_no_violation(run: Run, capsys) -> None:
    def fail(*_: object, **__: object) -> object:
        raise TypeError("unhashable type: 'list'")

    code = run(fail)

    assert code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "orders: cannot check: TypeError(\"unhashable type: 'list'\")"


def test_wrong_settings_are_listed_line_by_line(run: Run, monkeypatch, capsys) -> None:
    for name in ("ORDERS_DATABASE__URL", "ORDERS_KAFKA__BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(name)

    code = run(without_journal)

    first, second, *_ = capsys.readouterr().err.splitlines()
    assert code == 2
    assert first == "orders: cannot check: 2 settings are wrong:"
    assert second.startswith("  ORDERS_DATABASE__URL: missing")


def test_people_are_told_what_was_not_checked(run: Run, capsys) -> None:
    code = run(without_journal)

    lines = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert code == 0
    assert ["lost", "0", "in part"] in lines
    assert ["real_time", "-", "not checked"] in lines
    assert ["money", "0", "whole"] in lines
    assert lines[-1] == ["nothing", "is", "wrong in what was checked"]


def test_programs_are_told_what_was_not_checked(run: Run, capsys) -> None:
    run(without_journal, "--json")

    told = json.loads(capsys.readouterr().out)
    assert told["limited"] == {"lost": "in part", "real_time": "not checked"}
    assert "real_time" not in told["violations"]
    assert told["violations"]["lost"] == 0


@pytest.mark.parametrize(
    ("words", "grace"), [((), 660.0), (("--grace", "7"), 7.0), (("--grace", "0"), 0.0)]
)
def test_the_grace_is_longer_than_the_repairs_of_the_service(
    run: Run, monkeypatch, words: tuple[str, ...], grace: float
) -> None:
    monkeypatch.setenv("ORDERS_SWEEPER__ABANDONED_AFTER_SECONDS", "300")
    used: list[float] = []

    def check(*arguments: object, **_: object) -> object:
        used.extend(it.grace_seconds for it in arguments if isinstance(it, Rules))
        return Findings().verdict()

    run(check, *words)

    assert used == [grace]


@pytest.mark.parametrize(
    ("words", "witnesses"), [((), 10), (("--witnesses", "25"), 25)]
)
def test_more_witnesses_may_be_asked_for(
    run: Run, words: tuple[str, ...], witnesses: int
) -> None:
    used: list[int] = []

    def check(*arguments: object, **_: object) -> object:
        used.extend(it.witnesses for it in arguments if isinstance(it, Rules))
        return Findings().verdict()

    run(check, *words)

    assert used == [witnesses]
