"""The PostgreSQL account gets as little as it needs."""

from pathlib import Path

import pytest

from orders.devstack import accounts
from orders.devstack.progress import silent


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_normal_user_needs_no_other_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    assert accounts.for_postgres(silent) is None


def test_a_closed_folder_on_the_way_gets_search_permission_only(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)

    accounts.open_path(closed / "data", silent)

    assert _mode(closed) == 0o701


def test_opening_a_folder_is_told(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    lines: list[str] = []

    accounts.open_path(closed / "data", lines.append)

    assert f"letting other accounts pass through {closed} (chmod o+x)" in lines


def test_the_data_themselves_stay_closed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)

    accounts.open_path(data, silent)

    assert _mode(data) == 0o700


def test_programs_installed_under_a_strict_umask_become_readable(
    tmp_path: Path,
) -> None:
    root = tmp_path / "programs"
    root.mkdir(mode=0o700)
    program, page = root / "postgres", root / "page"
    program.touch(mode=0o700)
    page.touch(mode=0o600)

    accounts.open_tree(root)

    assert [_mode(path) for path in (root, program, page)] == [0o755, 0o755, 0o644]
