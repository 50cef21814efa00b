"""The source of another commit, with its own packages where it locks others."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from orders.chaos import packages, releases
from orders.chaos.releases import THIS, NoReleaseError, unpack

_LOCK = THIS.root / "requirements" / "service.txt"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits: ``HEAD~1`` has the packages of this source, ``HEAD`` has none."""
    root = tmp_path / "repository"
    (root / "requirements").mkdir(parents=True)
    _git(root, "init", "-q")
    for text, lock in (("a = 1", _LOCK.read_text("utf-8")), ("a = 2", "")):
        (root / "run.py").write_text(text)
        (root / "requirements" / "service.txt").write_text(lock)
        _git(root, "add", ".")
        _git(root, "commit", "-qm", "x")
    return root


def _git(root: Path, *arguments: str) -> None:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    subprocess.run(["git", *who, *arguments], cwd=root, check=True)  # noqa: S607 - any git


def test_a_commit_is_unpacked_and_runs_with_the_packages_it_shares(
    repository: Path, tmp_path: Path
) -> None:
    release = unpack("HEAD~1", tmp_path / "other", repository)

    assert release.run.read_text() == "a = 1"
    assert release.python == THIS.python


def test_a_release_that_is_not_installed_has_a_version(
    repository: Path, tmp_path: Path
) -> None:
    release = unpack("HEAD~1", tmp_path / "other", repository)

    [found] = metadata.distributions(
        name="orders", path=[release.environment["PYTHONPATH"]]
    )

    assert found.version == f"0+{release.commit}"


def test_a_commit_is_named_by_its_digits(repository: Path, tmp_path: Path) -> None:
    [by_branch, by_tag] = [
        unpack(name, tmp_path / f"other-{number}", repository).commit
        for number, name in enumerate(("HEAD~1", "HEAD^"))
    ]

    assert by_branch == by_tag
    assert len(by_branch) == 12


def test_other_locked_packages_have_an_environment_of_their_own(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    installed: list[Path] = []

    def install(requirements: Path, folder: Path) -> Path:
        installed.append(requirements)
        return folder / "bin" / "python"

    monkeypatch.setattr(releases, "python_with", install)
    python = unpack("HEAD", tmp_path / "other", repository).python

    assert python.is_relative_to(tmp_path / "releases")
    assert installed == [tmp_path / "other" / "requirements" / "service.txt"]


def test_an_unknown_commit_is_refused_by_its_name(
    repository: Path, tmp_path: Path
) -> None:
    with pytest.raises(NoReleaseError, match="no-such-commit is not in this checkout"):
        unpack("no-such-commit", tmp_path / "other", repository)


def test_an_environment_is_kept_until_other_packages_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = 0

    def make(module: str, *_: str) -> None:
        nonlocal made
        made += module == "venv"
        (tmp_path / "there").mkdir(exist_ok=True)

    monkeypatch.setattr(packages, "_run", make)
    wanted = tmp_path / "wanted.txt"
    counts = []
    for text in ("a==1", "a==1", "a==2"):
        wanted.write_text(text)
        packages.python_with(wanted, tmp_path / "there")
        counts.append(made)

    assert counts == [1, 1, 2]


def test_what_kept_an_environment_from_being_made_is_told(tmp_path: Path) -> None:
    wanted = tmp_path / "wanted.txt"
    wanted.touch()

    with pytest.raises(packages.PackagesError, match=r"venv failed.*wanted\.txt"):
        packages.python_with(wanted, wanted / "there")
