"""Supervision with real Pykka actors; every wait is for an event and has a deadline."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pykka
import pytest
from actor_fakes import FakeLog, FakeTelemetry

from orders.actors.lane import Lane
from orders.actors.messages import Ping
from orders.actors.restart import RestartPolicy
from orders.actors.role import Role
from orders.actors.supervised import SupervisedActor
from orders.actors.supervisor import Child, Supervisor, Watch

SECONDS = 5.0
"""The deadline of each wait; nothing should come near it."""


class Crew:
    """What the actors of one test share with it."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.released: list[str] = []
        self.started: list[str] = []
        self.all_done = threading.Event()
        self.expected = 0
        self.errors: dict[str, BaseException] = {}
        self.start_errors: list[BaseException] = []
        self.stuck_at: str | None = None
        self.stuck = threading.Event()
        self.unstick = threading.Event()

    def carry_out(self, work: str) -> None:
        error = self.errors.pop(work, None)
        if error is not None:
            raise error
        if work == self.stuck_at:
            self.stuck_at = None
            self.stuck.set()
            self.unstick.wait(SECONDS)
        self.done.append(work)
        if len(self.done) >= self.expected:
            self.all_done.set()


class Hand(SupervisedActor[str]):
    """Carries out one message at a time."""

    def __init__(self, role: Role[str], crew: Crew) -> None:
        super().__init__(role)
        self._crew = crew

    def started(self) -> None:
        self._crew.started.append(self.role.name)
        if self._crew.start_errors:
            raise self._crew.start_errors.pop()

    def handle(self, message: object) -> None:
        hand = self.role.lane.take(1)
        if hand is None:
            return
        self._crew.carry_out(hand.messages[0])
        hand.done()
        if self.role.lane.waiting:
            self.role.wake()

    def released(self) -> None:
        self._crew.released.append(self.role.name)


class Stage:
    """A started supervisor over hands of the names given."""

    def __init__(self, crew: Crew, names: Sequence[str], watch: Watch) -> None:
        self.crew = crew
        self.log = FakeLog()
        self.telemetry = FakeTelemetry()
        self.escalated = threading.Event()
        self.roles: dict[str, Role[str]] = {
            name: Role(name, Lane(100), log=self.log, clock=time.monotonic)
            for name in names
        }
        self.supervisor = Supervisor(
            [Child(role, self._starter(role)) for role in self.roles.values()],
            watch=watch,
            clock=time.monotonic,
            log=self.log,
            telemetry=self.telemetry,
            escalate=lambda reason: self.escalated.set(),
        )
        self.supervisor.start()

    def _starter(self, role: Role[str]) -> Callable[[], "pykka.ActorRef[Any]"]:
        return lambda: Hand.start(role, self.crew)

    def expect(self, count: int) -> None:
        self.crew.expected = count

    def offer(self, name: str, *work: str) -> None:
        for message in work:
            assert self.roles[name].offer(message)

    def stop(self, seconds: float = SECONDS) -> list[str]:
        return self.supervisor.stop(time.monotonic() + seconds)


POLICY = RestartPolicy(first_delay_seconds=0.001, longest_delay_seconds=0.01)
WATCH = Watch(policy=POLICY, ping_seconds=0.02, hang_seconds=60.0)
QUICK_TO_JUDGE = Watch(policy=POLICY, ping_seconds=0.02, hang_seconds=0.3)


@pytest.fixture
def crew() -> Iterator[Crew]:
    crew = Crew()
    yield crew
    crew.unstick.set()


Begin = Callable[..., Stage]


@pytest.fixture
def begin(crew: Crew) -> Iterator[Begin]:
    stages: list[Stage] = []

    def start(*names: str, watch: Watch = WATCH) -> Stage:
        stages.append(Stage(crew, names, watch))
        return stages[-1]

    yield start
    crew.unstick.set()
    for stage in stages:
        stage.stop()


@pytest.mark.parametrize(
    "error", [ValueError("no"), SystemExit(1), KeyboardInterrupt()], ids=repr
)
def test_failing_actor_is_restarted_and_its_work_done(
    begin: Begin, crew: Crew, error: BaseException
) -> None:
    crew.errors["b"] = error
    stage = begin("one")
    stage.expect(3)

    stage.offer("one", "a", "b", "c")

    assert crew.all_done.wait(SECONDS)
    assert crew.done == ["a", "b", "c"]
    assert stage.telemetry.restarted == ["one"]


@pytest.mark.parametrize(
    "error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()], ids=repr
)
def test_exit_in_one_actor_stops_no_other(
    begin: Begin, crew: Crew, error: BaseException
) -> None:
    crew.errors["b"] = error
    stage = begin("one", "two")
    stage.expect(2)

    stage.offer("one", "b")
    stage.offer("two", "a")

    assert crew.all_done.wait(SECONDS)
    assert crew.started.count("two") == 1


def test_failure_at_the_start_is_followed_by_another_start(
    begin: Begin, crew: Crew
) -> None:
    crew.start_errors = [ValueError("no"), SystemExit(1)]
    crew.expected = 1
    stage = begin("one")

    stage.offer("one", "a")

    assert crew.all_done.wait(SECONDS)
    assert crew.started == ["one"] * 3


def test_failed_actor_releases_what_it_owns(begin: Begin, crew: Crew) -> None:
    crew.errors["a"] = ValueError("no")
    crew.expected = 1
    stage = begin("one")

    stage.offer("one", "a")

    assert crew.all_done.wait(SECONDS)
    assert crew.released == ["one"]


def test_actor_that_fails_for_ever_escalates(begin: Begin, crew: Crew) -> None:
    stage = begin("one")
    crew.start_errors = [ValueError("no")] * 10
    crew.errors["a"] = ValueError("no")

    stage.offer("one", "a")

    assert stage.escalated.wait(SECONDS)


def test_hung_actor_is_replaced_and_its_work_done(begin: Begin, crew: Crew) -> None:
    crew.stuck_at = "a"
    stage = begin("one", watch=QUICK_TO_JUDGE)
    stage.expect(2)

    stage.offer("one", "a", "b")

    assert crew.all_done.wait(SECONDS)
    assert crew.done == ["a", "b"]
    assert stage.log.count("actor.hung") == 1


def test_hung_actor_that_comes_back_finishes_nothing_for_its_successor(
    begin: Begin, crew: Crew
) -> None:
    crew.stuck_at = "a"
    stage = begin("one", watch=QUICK_TO_JUDGE)
    stage.expect(2)
    stage.offer("one", "a", "b")
    assert crew.all_done.wait(SECONDS)
    crew.all_done.clear()
    stage.expect(3)

    crew.unstick.set()

    assert crew.all_done.wait(SECONDS)
    assert crew.done == ["a", "b", "a"]
    assert stage.roles["one"].lane.depth == 0


def test_actor_whose_thread_ended_is_replaced(begin: Begin, crew: Crew) -> None:
    crew.expected = 1
    stage = begin("one")
    holder = stage.roles["one"].holder
    assert holder is not None
    holder.stop()

    stage.offer("one", "a")

    assert crew.all_done.wait(SECONDS)


def test_draining_finishes_the_work_in_the_order_of_the_stages(
    begin: Begin, crew: Crew
) -> None:
    stage = begin("sink", "source")
    stage.offer("source", *(f"source-{n}" for n in range(20)))
    stage.offer("sink", *(f"sink-{n}" for n in range(20)))

    left = stage.supervisor.drain(
        [stage.roles["source"], stage.roles["sink"]], time.monotonic() + SECONDS
    )

    assert left == []
    assert len(crew.done) == 40


def test_draining_ends_at_the_deadline_and_names_who_is_left(
    begin: Begin, crew: Crew
) -> None:
    crew.stuck_at = "a"
    stage = begin("stuck", "free")
    stage.offer("stuck", "a")
    assert crew.stuck.wait(SECONDS)

    left = stage.supervisor.drain(
        [stage.roles["stuck"], stage.roles["free"]], time.monotonic() + 0.2
    )

    assert "stuck" in left
    assert stage.log.count("actor.not_drained") == len(left)


def test_what_keeps_work_from_being_finished_is_logged(
    begin: Begin, crew: Crew
) -> None:
    stage = begin("one")
    crew.stuck_at = "work"
    stage.offer("one", "work")
    assert crew.stuck.wait(SECONDS)

    stage.supervisor.drain(
        [stage.roles["one"]], time.monotonic(), obstacle=lambda: "it is away"
    )

    (fields,) = [f for _, name, f in stage.log.lines if name == "actor.not_drained"]
    assert fields["reason"] == "it is away"
    assert fields["depth"] == 1


def test_role_can_be_drained_twice(begin: Begin) -> None:
    stage = begin("one")
    role = stage.roles["one"]

    left = stage.supervisor.drain([role, role], time.monotonic() + SECONDS)

    assert left == []


def test_actor_that_dies_while_draining_is_drained_by_its_successor(
    begin: Begin, crew: Crew
) -> None:
    crew.errors["b"] = ValueError("no")
    stage = begin("one")
    stage.offer("one", "a", "b", "c")

    left = stage.supervisor.drain([stage.roles["one"]], time.monotonic() + SECONDS)

    assert left == []
    assert sorted(crew.done) == ["a", "b", "c"]


def test_stopping_releases_everything_upstream_first(begin: Begin, crew: Crew) -> None:
    stage = begin("writer", "reader", "source")

    late = stage.stop()

    assert late == []
    assert crew.released == ["source", "reader", "writer"]


def test_stopping_ends_the_watch(begin: Begin) -> None:
    stage = begin("one")

    stage.stop()

    assert not stage.supervisor._thread.is_alive()


def test_stopping_names_who_did_not_stop_in_time(begin: Begin, crew: Crew) -> None:
    crew.stuck_at = "a"
    stage = begin("stuck", "free")
    stage.offer("stuck", "a")
    assert crew.stuck.wait(SECONDS)

    late = stage.stop(0.2)

    assert late == ["stuck"]
    assert "free" in crew.released


def test_nothing_is_restarted_after_stopping(begin: Begin, crew: Crew) -> None:
    stage = begin("one")
    stage.stop()

    stage.roles["one"].failed(stage.roles["one"].generation, ValueError("late"))
    stage.roles["one"].tell(Ping())

    assert crew.started == ["one"]
