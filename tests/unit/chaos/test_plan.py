"""Which trials a run has."""

import random
from collections.abc import Mapping

import pytest

from orders.chaos.faults import (
    brokers,
    disks,
    floods,
    links,
    losses,
    nemesis,
    partitions,
    postgres,
    rebalances,
    replays,
    restores,
    slow_clients,
    upgrades,
    zombies,
)
from orders.chaos.faults.answers import MARKS
from orders.chaos.faults.poison import poison
from orders.chaos.plan import FAULTS, plan_batches, plan_trial
from orders.chaos.strikes import STRIKES
from orders.domain.identifiers import IdFactory
from orders.failpoints.catalogue import ACTOR_PREFIX, CATALOGUE


@pytest.mark.parametrize("fault", FAULTS)
def test_a_seed_repeats_a_trial(fault: str) -> None:
    assert plan_trial(fault, 7, 3) == plan_trial(fault, 7, 3)


@pytest.mark.parametrize("fault", FAULTS)
def test_another_seed_means_other_trials(fault: str) -> None:
    ours = [plan_trial(fault, 7, number) for number in range(8)]
    others = [plan_trial(fault, 8, number) for number in range(8)]

    assert [t.delay_seconds for t in ours] != [t.delay_seconds for t in others]


@pytest.mark.parametrize("fault", FAULTS)
def test_every_kind_has_its_turn(fault: str) -> None:
    kinds = FAULTS[fault].kinds

    planned = {plan_trial(fault, 7, number).kind for number in range(len(kinds))}

    assert planned == set(kinds)


@pytest.mark.parametrize("fault", FAULTS)
def test_every_node_is_struck(fault: str) -> None:
    row = FAULTS[fault]

    struck = {plan_trial(fault, 7, n).node for n in range(0, 40 * row.turn, row.turn)}

    assert struck == set(range(row.nodes))


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_can_be_carried_out(fault: str) -> None:
    assert fault in STRIKES


def test_every_step_of_the_catalogue_is_died_at() -> None:
    steps = {name for name in CATALOGUE if not name.startswith(ACTOR_PREFIX)}

    assert set(FAULTS["F2"].kinds) == steps


def test_every_actor_fails_in_three_ways() -> None:
    actors = [name for name in CATALOGUE if name.startswith(ACTOR_PREFIX)]
    busy = [name for name in actors if name != f"{ACTOR_PREFIX}OrderChanger"]

    assert len(set(FAULTS["F4"].kinds)) == 3 * len(busy)


def test_every_lost_answer_has_a_mark() -> None:
    assert set(FAULTS["F10"].kinds) == set(MARKS)


def test_every_kind_of_poison_can_be_made() -> None:
    rng = random.Random(7)  # noqa: S311 - no secret
    order_id = IdFactory()()

    for kind in FAULTS["F15"].kinds:
        assert poison(kind, rng, order_id, 3).partition == 3


@pytest.mark.parametrize(
    ("fault", "ways"),
    [
        ("F3", zombies.FROZEN_SECONDS),
        ("F5", brokers._WAYS),
        ("F6", brokers._WAYS),
        ("F7", losses._WAYS),
        ("F8", postgres._WAYS),
        ("F13", rebalances._WAYS),
        ("F14", replays._WAYS),
        ("F16", disks._OF),
        ("F20", floods.FLOODS),
        ("F21", slow_clients.CROWDS),
        ("F24", upgrades.STEPS),
        ("F27", restores._WAYS),
        ("F25", nemesis._BACKGROUNDS),
        ("F25", nemesis._ROWS),
        ("F25L", nemesis._BACKGROUNDS),
        ("F25L", nemesis._ROWS),
    ],
)
def test_every_kind_has_a_way(fault: str, ways: Mapping[str, object]) -> None:
    assert set(FAULTS[fault].kinds) <= set(ways)


def test_every_link_has_a_proxy_and_a_way_to_be_bad() -> None:
    parts = [kind.partition(" ") for kind in FAULTS["F11"].kinds]

    assert all(end in links.GATES and way in links._WAYS for end, _, way in parts)


def test_every_cut_has_its_rules_and_its_proxies() -> None:
    parts = [kind.partition(" ") for kind in FAULTS["F12"].kinds]

    assert {way for way, _, _ in parts} == set(partitions._RULES)
    assert all(end in links.GATES for _, _, ends in parts for end in ends.split("+"))


def test_the_nemesis_draws_from_rows_that_there_are() -> None:
    drawn = {row for rows in nemesis._ROWS.values() for row in rows}
    instead = set(nemesis._INSTEAD.values())

    assert drawn | instead <= set(STRIKES) - {"F25", "F25L"}


def test_a_pass_over_all_failpoints_dies_on_one_node() -> None:
    nodes = {plan_trial("F2", 7, n).node for n in range(len(FAULTS["F2"].kinds))}

    assert len(nodes) == 1


def test_trials_that_are_done_are_not_planned_again() -> None:
    batches = plan_batches("F1", 7, 5, done={0, 2, 4})

    assert [trial.number for batch in batches for trial in batch] == [1, 3]


def test_batches_are_of_the_size_of_their_fault() -> None:
    size = FAULTS["F1"].batch

    batches = plan_batches("F1", 7, 2 * size + 1)

    assert [len(batch) for batch in batches] == [size, size, 1]
