import random

import pytest

from orders.domain.order import SETTLED
from orders.domain.transitions import Change, changes_from, move
from orders.verification.check import verify
from orders.verification.journal import Outcome
from orders.verification.rules import Rules
from orders.verification.verdict import Extent, Group

DECISIONS = {Change.APPROVED, Change.DECLINED}


def random_path(source: random.Random, decision: Change) -> list[Change]:
    """Walk the table at random until the order is settled, then perhaps on."""
    changes: list[Change] = []
    state = move(None, Change.ACCEPTED)
    while state.status not in SETTLED or source.random() < 0.3:
        wanted = changes_from(state) - (DECISIONS - {decision})
        if not wanted or len(changes) > 30:
            break
        changes.append(source.choice(sorted(wanted)))
        state = move(state, changes[-1])
    return changes


@pytest.mark.parametrize("seed", range(20))
def test_a_correct_service_has_nothing_wrong(world, seed: int) -> None:
    source = random.Random(seed)  # noqa: S311 - no secret
    for number in range(20):
        decision, total = source.choice(
            [(Change.APPROVED, 1_00), (Change.DECLINED, 2000_00)]
        )
        path = random_path(source, decision)
        world.add(number, *path, total=total, age=source.uniform(0.0, 59.0))
        outcome = source.choice([Outcome.OK, Outcome.UNKNOWN])
        world.create(number, total=total, outcome=outcome)
        version = source.randint(1, len(path) + 1)
        world.read(number, version, None, started=2.0)
    world.records_on_topic += source.sample(world.records_on_topic, 10)

    verdict = world.verify(journal_is_complete=True)

    assert verdict.findings == ()
    assert verdict.ok


def test_questions_come_in_the_order_that_makes_findings_true(world) -> None:
    world.paid()

    world.verify()

    assert world.calls == [
        *("committed", "snapshot", "ends", "snapshot left", "records", "beginnings")
    ]


def test_the_database_can_be_checked_alone(world) -> None:
    world.paid()

    verdict = world.verify(without_topic=True)

    assert verdict.ok
    assert world.calls == ["snapshot", "snapshot left"]
    assert "records" not in verdict.counts


def test_what_was_looked_at_is_counted(world) -> None:
    world.paid(1)
    world.add(2, age=0.0)
    world.create(1)

    counts = world.verify().counts

    expected = {
        "operations": 1,
        "orders": 2,
        "events": 3,
        "waiting": 0,
        "notices": 1,
        "keys": 2,
        "refunds": 0,
        "unsettled": 1,
        "records": 3,
        "events_on_topic": 3,
        "events_not_checkable": 0,
        "foreign_records": 0,
        "dead_letters": 0,
    }
    assert counts == expected


def test_without_journals_and_offsets_it_says_what_was_not_checked(world) -> None:
    world.paid(1)

    verdict = world.verify(payment=None)

    assert verdict.limited == {
        "lost": Extent.PART,
        "duplicates": Extent.PART,
        "money": Extent.PART,
        "real_time": Extent.NONE,
        "consumed": Extent.NONE,
    }


def test_without_a_topic_events_are_checked_in_part(world) -> None:
    assert world.verify(without_topic=True).extent("events") is Extent.PART


def test_with_all_that_is_needed_every_group_is_checked(world) -> None:
    world.paid(1)
    world.create(1)
    world.committed_offsets = {0: 2}

    assert world.verify().limited == {}


def test_long_work_is_told_of(world) -> None:
    world.records_on_topic = []
    world.operations = [world.create(1, outcome=Outcome.UNKNOWN)] * 20_000
    told: list[tuple[str, int]] = []

    verify(
        world,
        world,
        world.operations,
        Rules(payment=None),
        lambda what, count: told.append((what, count)),
    )

    assert told == [("operations", 10_000), ("operations", 20_000)]


def test_as_many_witnesses_are_shown_as_the_rules_ask_for(world) -> None:
    for number in range(1, 31):
        world.create(number)  # and nothing is stored

    verdict = world.verify(witnesses=20)

    assert verdict.violations["lost"] == 30
    assert len(list(verdict.witnesses(Group.LOST))) == 20
