"""Cheap facts about the Dockerfile, which is not built here."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LINES = (ROOT / "Dockerfile").read_text("utf-8").splitlines()


def _sources() -> list[str]:
    """What the build copies from the project, not from its first stage."""
    copies = [line.split()[1:-1] for line in LINES if line.startswith("COPY ")]
    return [name for words in copies for name in words if "--from" not in words[0]]


@pytest.mark.parametrize("source", _sources())
def test_what_is_copied_exists(source: str) -> None:
    assert (ROOT / source).exists()


@pytest.mark.parametrize("source", _sources())
def test_what_is_copied_is_not_ignored(source: str) -> None:
    kept = (ROOT / ".dockerignore").read_text("utf-8").splitlines()

    assert f"!{source.partition('/')[0]}" in kept


def test_every_room_is_in_the_wheel() -> None:
    rooms = {path.name for path in (ROOT / "typings" / "orders").iterdir()}

    assert rooms <= set(_sources())


def test_the_service_is_the_first_process_and_gets_the_signals() -> None:
    assert 'ENTRYPOINT ["python", "run.py"]' in LINES
    assert "STOPSIGNAL SIGTERM" in LINES


def test_it_runs_without_privileges() -> None:
    users = [line for line in LINES if line.startswith("USER ")]

    assert re.fullmatch(r"USER [1-9]\d+:[1-9]\d+", users[-1])


def test_requirements_are_installed_by_their_hashes() -> None:
    assert any("--require-hashes --requirement service.txt" in line for line in LINES)
