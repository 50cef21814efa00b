from pathlib import Path

import pytest

from orders.chaos.mutants.__main__ import main
from orders.chaos.mutants.catalogue import MUTANTS
from orders.chaos.mutants.mutant import Mutant, MutantError, Replacement
from orders.chaos.mutants.runs import Ending, Run, ending_of, errors_in, reason_in
from orders.chaos.mutants.tree import SourceTree, copied_tree, source_root

ROOT = Path(__file__).parents[3]


def mutant(*replacements: Replacement) -> Mutant:
    return Mutant(
        "broken", "It is broken.", replacements, "tests/test_it.py::test_it", "1 == 2"
    )


@pytest.fixture
def tree(tmp_path: Path) -> SourceTree:
    (tmp_path / "one.py").write_text("a = 1\nb = 1\n")
    (tmp_path / "two.py").write_text("c = 1\n")
    return SourceTree(tmp_path)


@pytest.mark.parametrize("it", MUTANTS, ids=lambda it: it.name)
def test_every_mutant_applies_to_the_present_source(it: Mutant) -> None:
    for path, text in it.files(ROOT).items():
        assert text != path.read_text("utf-8")


@pytest.mark.parametrize("it", MUTANTS, ids=lambda it: it.name)
def test_the_test_that_catches_a_mutant_exists(it: Mutant) -> None:
    path, _, name = it.caught_by.partition("::")

    assert f"\ndef {name}(" in (ROOT / path).read_text("utf-8")


@pytest.mark.parametrize("it", MUTANTS, ids=lambda it: it.name)
def test_every_mutated_module_is_python(it: Mutant) -> None:
    for path, text in it.files(ROOT).items():
        if path.suffix == ".py":
            compile(text, path, "exec")


def test_every_mutant_says_what_its_failure_looks_like() -> None:
    assert all(it.why.strip() for it in MUTANTS)


def test_names_are_unique() -> None:
    assert len({it.name for it in MUTANTS}) == len(MUTANTS)


def test_a_tree_is_the_mutant_inside_and_itself_afterwards(tree: SourceTree) -> None:
    broken = mutant(
        Replacement("one.py", "a = 1", "a = 2"),
        Replacement("one.py", "b = 1", "b = 2"),
        Replacement("two.py", "c = 1", "c = 2"),
    )
    files = [tree.root / "one.py", tree.root / "two.py"]
    before = [path.read_text() for path in files]

    with tree.mutated(broken):
        inside = [path.read_text() for path in files]

    assert inside == ["a = 2\nb = 2\n", "c = 2\n"]
    assert [path.read_text() for path in files] == before


@pytest.mark.parametrize("old", ["absent", " = 1"], ids=["absent", "twice"])
def test_a_text_that_is_not_there_exactly_once_is_refused(
    tree: SourceTree, old: str
) -> None:
    broken = mutant(
        Replacement("two.py", "c = 1", "c = 2"), Replacement("one.py", old, "")
    )

    with pytest.raises(MutantError, match=r"one\.py has [02] times, not once"):
        broken.files(tree.root)


def test_a_file_that_is_gone_is_refused(tree: SourceTree) -> None:
    with pytest.raises(MutantError, match=r"three\.py: No such file"):
        mutant(Replacement("three.py", "a", "b")).files(tree.root)


@pytest.mark.parametrize(
    ("exit_code", "output", "ending"),
    [
        (0, "3 passed", Ending.PASSED),
        (1, "FAILED tests/a.py::test_b - assert 1 == 2\n1 failed", Ending.FAILED),
        (1, "ERROR tests/a.py::test_b - no server\n1 error", Ending.BROKEN),
        (2, "FAILED tests/a.py::test_b\nInterrupted", Ending.BROKEN),
        (4, "ERROR: not found: tests/a.py::test_b", Ending.BROKEN),
    ],
)
def test_only_a_test_that_ran_and_failed_catches_a_mutant(
    exit_code: int, output: str, ending: Ending
) -> None:
    assert ending_of(exit_code, output) is ending


@pytest.mark.parametrize(
    ("ending", "errors", "caught"),
    [
        (Ending.FAILED, "AssertionError\nassert 1 == 2", True),
        (Ending.FAILED, "NameError: name 'a' is not defined", False),
        (Ending.PASSED, "1 == 2", False),
        (Ending.BROKEN, "1 == 2", False),
    ],
)
def test_only_the_expected_failure_catches_a_mutant(
    ending: Ending, errors: str, caught: bool
) -> None:
    assert Run(ending, 1.0, "", errors).failed_with(mutant().why) is caught


def test_what_pytest_says_of_a_failure_is_not_the_source_of_the_test() -> None:
    output = """\
>       assert a == 2
E       assert 1 == 2
E        +  where 1 = a

tests/a.py:3: AssertionError
"""

    assert errors_in(output) == "assert 1 == 2\n+  where 1 = a"


def test_the_reason_is_that_of_the_first_failure() -> None:
    output = "FAILED tests/a.py::test_b - assert 1 == 2\nFAILED tests/a.py::test_c\n"

    assert reason_in(output) == "test_b: assert 1 == 2"


def test_the_last_line_stands_for_a_missing_reason() -> None:
    assert reason_in("Traceback\nno such file\n") == "no such file"


def test_the_list_names_every_mutant_and_its_run(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = main(["--list"])

    out = capsys.readouterr().out
    assert code == 0
    assert all(it.name in out and it.caught_by in out for it in MUTANTS)


def test_a_copied_tree_is_what_is_imported_in_it() -> None:
    with copied_tree(source_root()) as copy:
        rooms = copy.imported_rooms()

    assert {"orders.http", "orders.domain"} <= set(rooms)


def test_a_room_from_elsewhere_is_refused(tmp_path: Path) -> None:
    rooms = tmp_path / "typings" / "orders"
    rooms.mkdir(parents=True)
    (rooms / "domain").symlink_to(ROOT / "domain")

    with pytest.raises(MutantError, match=r"orders\.domain would be imported from"):
        SourceTree(tmp_path).imported_rooms()
