"""The name of the source that a run breaks."""

import subprocess
from pathlib import Path

import pytest

from orders.chaos.checkout import name_of_checkout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").write_text("page")
    (tmp_path / "node.py").write_text("a = 1")
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    for command in (("init", "-q"), ("add", "."), (*who, "commit", "-qm", "x")):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)  # noqa: S607 - any git
    return tmp_path


def test_a_clean_tree_is_named_by_its_commit(root: Path) -> None:
    assert len(name_of_checkout(root)) == 12


def test_two_changes_have_two_names(root: Path) -> None:
    names = {name_of_checkout(root)}

    for text in ("a = 2", "a = 3"):
        (root / "node.py").write_text(text)
        names.add(name_of_checkout(root))

    assert len(names) == 3


def test_a_new_file_is_a_change(root: Path) -> None:
    clean = name_of_checkout(root)

    (root / "new.py").write_text("b = 1")

    assert name_of_checkout(root).startswith(f"{clean}-")


def test_a_page_is_no_change(root: Path) -> None:
    clean = name_of_checkout(root)

    (root / "docs" / "page.md").write_text("other")

    assert name_of_checkout(root) == clean


def test_a_folder_without_git_has_no_version(tmp_path: Path) -> None:
    assert name_of_checkout(tmp_path) == "unversioned"
