from pathlib import Path

import pytest

from orders.cli.verification_metrics import write_metrics
from orders.verification.verdict import Extent, Finding, Findings, Group, Verdict


@pytest.fixture
def verdict() -> Verdict:
    findings = Findings()
    findings.add(Finding(Group.LOST, "rule", None, ""))
    findings.counts["orders"] = 7
    return findings.verdict()


def write(path: Path, verdict: Verdict) -> None:
    write_metrics(path, verdict, finished=1_700_000_000.5, seconds=1.25)


def test_every_group_and_count_is_a_gauge(tmp_path: Path, verdict: Verdict) -> None:
    write(tmp_path / "orders.prom", verdict)

    lines = (tmp_path / "orders.prom").read_text().splitlines()
    assert 'orders_verify_violations{group="lost"} 1' in lines
    assert 'orders_verify_violations{group="consumed"} 0' in lines
    assert "orders_verify_orders 7" in lines
    assert "orders_verify_duration_seconds 1.25" in lines
    assert "orders_verify_last_run_timestamp_seconds 1700000000.5" in lines


def test_a_group_that_was_not_checked_has_no_violations_to_show(tmp_path: Path) -> None:
    findings = Findings()
    findings.limit(Extent.PART, Group.LOST)
    findings.limit(Extent.NONE, Group.REAL_TIME)

    write(tmp_path / "orders.prom", findings.verdict())

    lines = (tmp_path / "orders.prom").read_text().splitlines()
    assert 'orders_verify_violations{group="lost"} 0' in lines
    assert not any(
        line.startswith('orders_verify_violations{group="real_time"}') for line in lines
    )
    whole = [line for line in lines if line.startswith("orders_verify_whole")]
    assert [line for line in whole if line.endswith(" 0")] == [
        'orders_verify_whole{group="lost"} 0',
        'orders_verify_whole{group="real_time"} 0',
    ]


def test_the_collector_may_read_the_file(tmp_path: Path, verdict: Verdict) -> None:
    write(tmp_path / "orders.prom", verdict)

    assert (tmp_path / "orders.prom").stat().st_mode & 0o777 == 0o644


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "orders.prom").write_text("old")

    def full(_number: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)

    with pytest.raises(OSError, match="no space"):
        write(tmp_path / "orders.prom", verdict)

    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]
