"""A busy node is kept on the CPU that others use least, and let go when quiet."""

from collections.abc import Collection, Mapping
from types import SimpleNamespace

import pytest

from orders.cli.cpu_keeper import CpuKeeper, choose_cpu

EVERY = {0, 1, 2}


class Machine:
    """Three CPUs, of which others and we use as much as is said."""

    def __init__(self) -> None:
        self.moment = 0.0
        self.own = 0.0
        self.used = dict.fromkeys(EVERY, 0.0)
        self.allowed: Collection[int] = EVERY
        self.lines: list[object] = []
        self.keeper = CpuKeeper(
            EVERY,
            SimpleNamespace(info=lambda _event, cpu: self.lines.append(cpu)),
            used=lambda: dict(self.used),
            own_seconds=lambda: self.own,
            clock=lambda: self.moment,
            run_on=self.run_on,
        )

    def run_on(self, cpus: Collection[int]) -> None:
        self.allowed = set(cpus)

    def second(self, own: float, others: Mapping[int, float]) -> None:
        """Let a second pass; what is ours falls on the CPUs that we may use."""
        self.moment += 1.0
        self.own += own
        for cpu in EVERY:
            ours = own / len(self.allowed) if cpu in self.allowed else 0.0
            self.used[cpu] += others.get(cpu, 0.0) + ours
        self.keeper.look()


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_a_busy_node_is_kept_on_the_idlest_cpu(machine: Machine) -> None:
    machine.second(0.8, {0: 0.5, 1: 0.4})

    assert machine.allowed == {2}
    assert machine.lines == [2]


def test_a_node_with_little_to_do_runs_anywhere(machine: Machine) -> None:
    machine.second(0.2, {0: 0.5})

    assert machine.allowed == EVERY
    assert machine.lines == []


def test_a_node_stays_where_its_own_work_is_most_of_the_load(machine: Machine) -> None:
    for _ in range(20):
        machine.second(0.9, {0: 0.6, 1: 0.3, 2: 0.1})

    assert machine.allowed == {2}
    assert machine.lines == [2]


def test_a_node_gives_way_to_another_that_came(machine: Machine) -> None:
    machine.second(0.8, {0: 0.5, 1: 0.3})
    machine.second(0.4, {0: 0.5, 1: 0.1, 2: 0.5})

    assert machine.allowed == {1}


def test_a_little_less_load_elsewhere_is_no_reason_to_move(machine: Machine) -> None:
    machine.second(0.8, {0: 0.5, 1: 0.3})
    machine.second(0.8, {0: 0.5, 1: 0.0, 2: 0.2})

    assert machine.allowed == {2}


def test_a_node_that_was_quiet_for_a_while_is_let_go(machine: Machine) -> None:
    machine.second(0.8, {0: 0.5, 1: 0.4})

    for _ in range(10):
        machine.second(0.05, {})
        assert machine.allowed == {2}
    machine.second(0.05, {})

    assert machine.allowed == EVERY
    assert machine.lines == [2, "any"]


def test_a_short_pause_changes_nothing(machine: Machine) -> None:
    for _ in range(3):
        machine.second(0.8, {0: 0.5, 1: 0.4})
        for _ in range(9):
            machine.second(0.0, {})

    assert machine.lines == [2]


def test_threads_that_began_meanwhile_are_fetched(machine: Machine) -> None:
    machine.second(0.8, {0: 0.5, 1: 0.4})
    machine.allowed = EVERY

    machine.second(0.8, {0: 0.5, 1: 0.4})

    assert machine.allowed == {2}


def test_a_cpu_that_we_may_not_use_is_not_chosen(machine: Machine) -> None:
    machine.used[7] = 0.0

    machine.second(0.8, {0: 0.9, 1: 0.9, 2: 0.5})

    assert machine.allowed == {2}


def test_nothing_is_chosen_where_the_system_tells_of_other_cpus(
    machine: Machine,
) -> None:
    machine.keeper._allowed = frozenset({8, 9})

    machine.second(0.8, {})

    assert machine.lines == []


def test_a_cpu_that_is_gone_is_left() -> None:
    assert choose_cpu({0: 0.9, 1: 0.5}, 0.8, 5) == 1


def test_of_cpus_that_are_alike_every_one_is_chosen_at_times() -> None:
    chosen = {choose_cpu({0: 0.5, 1: 0.11, 2: 0.12}, 0.8, None) for _ in range(100)}

    assert chosen == {1, 2}
