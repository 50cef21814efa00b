import pytest

from orders.persistence.statements import StatementError, Statements, parse_statements

FILES = (
    "durability",
    "intake",
    "listing",
    "migrations",
    "nodes",
    "operator",
    "reading",
    "settlement",
    "sweeping",
)


@pytest.mark.parametrize("file", FILES)
def test_every_file_of_the_room_can_be_read(file: str) -> None:
    Statements(f"{file}.sql")


def test_a_statement_is_its_sql_without_comments() -> None:
    [found] = parse_statements("-- name: one\n-- Does one.\nselect 1;\n").values()

    assert found == ("one", b"select 1")


def test_a_file_holds_several_statements() -> None:
    text = "-- name: a\n-- Does a.\nselect 1;\n\n-- name: b\n-- Does b.\nselect\n  2;\n"

    found = parse_statements(text)

    assert {name: s.text for name, s in found.items()} == {
        "a": b"select 1",
        "b": b"select\n  2",
    }


@pytest.mark.parametrize(
    "text",
    [
        "-- name: a\nselect 1;",
        "-- name: a\n-- Does nothing.\n",
        "-- name: a\n",
        "-- name: a\n-- One.\nselect 1;\n-- name: a\n-- Two.\nselect 2;",
    ],
    ids=["no sentence", "no SQL", "nothing", "twice"],
)
def test_a_file_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(StatementError):
        parse_statements(text)


def test_an_unknown_name_is_refused_with_its_file() -> None:
    with pytest.raises(StatementError, match=r"intake\.sql has no statement 'other'"):
        Statements("intake.sql")["other"]
