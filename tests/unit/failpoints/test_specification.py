import pytest

from orders.failpoints.catalogue import CATALOGUE
from orders.failpoints.specification import Action, Rule, SpecificationError, parse


@pytest.mark.parametrize("text", ["", "  "])
def test_nothing_is_asked_for_by_an_empty_text(text: str) -> None:
    assert list(parse(text)) == []


def test_a_rule_names_its_failpoint_pass_and_action() -> None:
    [rule] = parse("settle.before_commit:3:exit")

    assert rule == Rule("settle.before_commit", 3, on=False, action=Action.EXIT)


def test_rules_are_parted_by_commas() -> None:
    rules = parse("sweep.after_tick:1:raise, actor.Sweeper:2+:fatal")

    assert [(r.name, r.nth, r.on, r.action) for r in rules] == [
        ("sweep.after_tick", 1, False, Action.RAISE),
        ("actor.Sweeper", 2, True, Action.FATAL),
    ]


@pytest.mark.parametrize(
    ("action", "seconds"),
    [("sleep", 3600.0), ("sleep=0.01", 0.01), ("sleep=20", 20.0)],
)
def test_a_sleep_may_say_how_long_it_is(action: str, seconds: float) -> None:
    [rule] = parse(f"intake.before_store:1+:{action}")

    assert rule.seconds == seconds


@pytest.mark.parametrize(
    "text",
    [
        "intake.before_store",
        "intake.before_store:1",
        "intake.before_store:0:exit",
        "intake.before_store:-1:exit",
        "intake.before_store:x:exit",
        "intake.before_store:1:explode",
        "intake.before_store:1:exit=3",
        "intake.before_store:1:sleep=",
        "intake.before_store:1:sleep=1e9",
        "intake.before_store:1:exit,",
        "intake.before_store:1:exit:2",
    ],
)
def test_another_form_is_refused_with_the_right_one(text: str) -> None:
    with pytest.raises(SpecificationError, match="is not name:nth:action"):
        parse(text)


def test_a_sleep_is_bounded() -> None:
    with pytest.raises(SpecificationError, match="more than 3600 seconds"):
        parse("intake.before_store:1:sleep=3601")


def test_an_unknown_name_is_refused_with_all_known_ones() -> None:
    with pytest.raises(SpecificationError) as caught:
        parse("intake.befor_store:1:exit")

    assert all(name in str(caught.value) for name in CATALOGUE)


@pytest.mark.parametrize(
    ("text", "acting"),
    [("notify.after:3:raise", [3]), ("notify.after:3+:raise", [3, 4, 5])],
)
def test_a_rule_acts_on_its_pass_or_from_it_on(text: str, acting: list[int]) -> None:
    [rule] = parse(text)

    assert [n for n in range(1, 6) if rule.applies(n)] == acting
