"""The file that trials are collected in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orders.chaos.results import ResultsError, ResultsFile
from orders.chaos.trial import TrialResult

MakeResult = Callable[..., TrialResult]


@pytest.fixture
def file(tmp_path: Path) -> ResultsFile:
    return ResultsFile(tmp_path / "below" / "commit.jsonl")


def test_nothing_was_run_where_there_is_no_file(file: ResultsFile) -> None:
    assert file.read() == []


def test_what_was_appended_is_read(file: ResultsFile, make_result: MakeResult) -> None:
    result = make_result(problems=("slow",), measured={"ready_seconds": 1.0})

    file.append([result])

    assert file.read() == [result]


def test_pieces_add_up(file: ResultsFile, make_result: MakeResult) -> None:
    file.append([make_result(number=0)])

    file.append([make_result(number=1)])

    assert [result.number for result in file.read()] == [0, 1]


def test_a_trial_that_was_not_reached_counts_as_it_came_last(
    file: ResultsFile, make_result: MakeResult
) -> None:
    file.append([make_result(verdict="not reached")])

    file.append([make_result(verdict="ok")])

    assert [result.verdict for result in file.read()] == ["ok"]


@pytest.mark.parametrize("verdict", ["violated", "failed"])
def test_what_went_wrong_stays(
    file: ResultsFile, make_result: MakeResult, verdict: str
) -> None:
    file.append([make_result(verdict=verdict)])

    file.append([make_result(verdict="ok")])

    assert [result.verdict for result in file.read()] == [verdict]


def test_a_torn_line_is_passed_over(file: ResultsFile, make_result: MakeResult) -> None:
    file.append([make_result()])
    with file.path.open("a") as stream:
        stream.write('{"fault":"F1","see')

    assert file.read() == [make_result()]


def test_only_a_trial_that_was_not_reached_is_made_again(
    file: ResultsFile, make_result: MakeResult
) -> None:
    verdicts = ("ok", "failed", "violated", "not reached")
    file.append([make_result(number=n, verdict=v) for n, v in enumerate(verdicts)])

    assert file.done("F1", 7) == {0, 1, 2}


def test_trials_of_another_load_are_not_added_to(
    file: ResultsFile, make_result: MakeResult
) -> None:
    file.append([make_result()])

    with pytest.raises(ResultsError, match="300 orders a second of 64 clients"):
        file.require_load("F1", 7, 100, 64)


def test_trials_of_the_same_load_are_added_to(
    file: ResultsFile, make_result: MakeResult
) -> None:
    file.append([make_result(), make_result(seed=8, rate=100.0)])

    file.require_load("F1", 7, 300, 64)


def test_trials_of_another_seed_are_not_done(
    file: ResultsFile, make_result: MakeResult
) -> None:
    file.append([make_result(seed=8)])

    assert file.done("F1", 7) == set()


def test_a_foreign_line_is_named(file: ResultsFile, make_result: MakeResult) -> None:
    file.append([make_result()])
    with file.path.open("a") as stream:
        stream.write('{"something": "else"}\n')

    with pytest.raises(ResultsError, match="line 2"):
        file.read()
