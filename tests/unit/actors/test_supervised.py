"""What every actor shares: reports, signs of life, ticks, generations, draining."""

from collections.abc import Callable

import pytest
from actor_fakes import RecordedRole, World

from orders.actors.messages import Drain, Ping, Tick, Wake
from orders.actors.supervised import SupervisedActor


class Worker(SupervisedActor[str]):
    """Writes down what it handles."""

    def __init__(self, role: RecordedRole[str]) -> None:
        super().__init__(role)
        self.handled: list[object] = []
        self.on_handle: Callable[[], None] = lambda: None
        self.on_started: Callable[[], None] = lambda: None
        self.on_released: Callable[[], None] = lambda: None
        self.kept = 0

    def started(self) -> None:
        self.on_started()

    def handle(self, message: object) -> None:
        self.handled.append(message)
        self.on_handle()

    def released(self) -> None:
        self.on_released()

    def unfinished(self) -> int:
        return self.kept


def raising(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.fixture
def role(world: World) -> RecordedRole[str]:
    return world.role("worker", capacity=5)


@pytest.fixture
def worker(role: RecordedRole[str]) -> Worker:
    return Worker(role)


@pytest.mark.parametrize(
    "error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()], ids=repr
)
def test_failure_in_a_handler_is_reported_and_nothing_escapes(
    world: World, worker: Worker, error: BaseException
) -> None:
    worker.on_handle = raising(error)

    worker.on_receive(Wake())

    assert world.failures == [error]
    world.failures.clear()


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)], ids=repr)
def test_failure_at_the_start_is_reported(
    world: World, worker: Worker, error: BaseException
) -> None:
    worker.on_started = raising(error)

    worker.on_start()

    assert world.failures == [error]
    world.failures.clear()


def test_failure_in_the_count_of_unfinished_work_is_reported(
    world: World, role: RecordedRole[str]
) -> None:
    class Uncountable(Worker):
        def unfinished(self) -> int:
            raise ValueError("no")

    Uncountable(role).on_receive(Wake())

    assert len(world.failures) == 1
    world.failures.clear()


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)], ids=repr)
def test_failure_in_the_release_is_logged_and_nothing_escapes(
    world: World, worker: Worker, error: BaseException
) -> None:
    worker.on_released = raising(error)

    worker.on_stop()

    assert world.log.count("actor.release_failed") == 1


def test_failed_actor_handles_nothing_more(world: World, worker: Worker) -> None:
    worker.on_handle = raising(ValueError("no"))
    worker.on_receive(Wake())

    worker.on_receive(Wake())

    assert len(worker.handled) == 1
    world.failures.clear()


def test_messages_of_a_superseded_generation_are_ignored(
    worker: Worker, role: RecordedRole[str]
) -> None:
    role.vacate()

    worker.on_receive(Wake())

    assert worker.handled == []


def test_failure_of_a_superseded_actor_concerns_nobody(
    world: World, worker: Worker, role: RecordedRole[str]
) -> None:
    def superseded() -> None:
        role.vacate()
        raise ValueError("late")

    worker.on_handle = superseded

    worker.on_receive(Wake())

    assert world.failures == []


def test_superseded_actor_does_not_speak_for_its_successor(
    worker: Worker, role: RecordedRole[str], world: World
) -> None:
    def superseded() -> None:
        role.vacate()
        world.clock.advance(20)

    worker.kept = 4
    worker.on_handle = superseded

    worker.on_receive(Wake())

    assert role.pending == 0
    assert role.silent_seconds(world.clock()) == 20


def test_ping_is_a_sign_of_life_and_no_work(
    worker: Worker, role: RecordedRole[str], world: World
) -> None:
    world.clock.advance(9)

    worker.on_receive(Ping())

    assert role.silent_seconds(world.clock()) == 0
    assert worker.handled == []


def test_wakes_are_told_again_once_a_message_is_handled(
    worker: Worker, role: RecordedRole[str]
) -> None:
    role.offer("a")
    worker.on_receive(role.told.pop())

    role.offer("b")

    assert role.told == [Wake()]


def test_work_offered_while_the_handler_runs_wakes_anew(
    worker: Worker, role: RecordedRole[str]
) -> None:
    worker.on_handle = lambda: role.offer("meanwhile") and None

    worker.on_receive(Wake())

    assert role.told == [Wake()]


# --- ticks ---


def test_tick_comes_when_it_was_asked_for(world: World, worker: Worker) -> None:
    worker.tick_after(2.0)

    assert [(x.due - world.clock(), x.message) for x in world.later] == [(2.0, Tick(1))]


def test_sooner_tick_replaces_the_later_one(world: World, worker: Worker) -> None:
    worker.tick_after(5.0)
    worker.tick_after(1.0)

    world.pass_time(worker, 10.0)

    assert worker.handled == [Tick(2)]


def test_later_tick_asked_for_in_between_is_not_scheduled(
    world: World, worker: Worker
) -> None:
    worker.tick_after(1.0)
    worker.tick_after(5.0)

    assert len(world.later) == 1


def test_stale_tick_is_void(worker: Worker) -> None:
    worker.tick_after(5.0)
    worker.tick_after(1.0)

    worker.on_receive(Tick(1))

    assert worker.handled == []


def test_handled_tick_makes_way_for_the_next(world: World, worker: Worker) -> None:
    worker.tick_after(1.0)
    world.pass_time(worker, 1.0)

    worker.tick_after(5.0)
    world.pass_time(worker, 5.0)

    assert len(worker.handled) == 2


def test_tick_of_a_predecessor_does_not_double_ones_own(
    world: World, worker: Worker
) -> None:
    worker.tick_after(1.0)

    worker.on_receive(Tick(1))  # the one a predecessor had asked for
    world.pass_time(worker, 1.0)

    assert len(worker.handled) == 1


# --- superseded in the middle of its work ---


def test_superseded_actor_takes_nothing(
    worker: Worker, role: RecordedRole[str]
) -> None:
    role.lane.offer("work")
    role.vacate()

    hand = worker.take(1)

    assert hand is None
    assert role.lane.waiting


def test_work_that_was_put_back_is_shown_to_the_successor(
    worker: Worker, role: RecordedRole[str]
) -> None:
    role.lane.offer("work")
    role.vacate()

    worker.take(1)

    assert role.told == [Wake()]


def test_actor_takes_what_its_lane_has(worker: Worker, role: RecordedRole[str]) -> None:
    role.lane.offer("work")

    hand = worker.take(1)

    assert hand is not None
    assert hand.messages == ["work"]


def test_long_work_shows_life_between_its_steps(
    world: World, worker: Worker, role: RecordedRole[str]
) -> None:
    def work() -> None:
        world.clock.advance(14)
        worker.show_life()
        world.clock.advance(14)
        hangs.append(role.hangs(world.clock(), 15))

    hangs: list[bool] = []
    worker.on_handle = work

    worker.on_receive(Wake())

    assert hangs == [False]


def test_superseded_actor_shows_no_life(
    world: World, worker: Worker, role: RecordedRole[str]
) -> None:
    role.vacate()
    world.clock.advance(20)

    worker.show_life()

    assert role.hangs(world.clock(), 15)


# --- draining ---


def test_idle_actor_is_drained_at_once(worker: Worker, role: RecordedRole[str]) -> None:
    worker.on_receive(Drain())

    assert worker.draining
    assert role.drained.is_set()


def test_drained_waits_for_the_lane(worker: Worker, role: RecordedRole[str]) -> None:
    role.offer("work")
    worker.on_receive(Drain())
    assert not role.drained.is_set()

    hand = role.lane.take(1)
    assert hand is not None
    worker.on_handle = hand.done
    worker.on_receive(Wake())

    assert role.drained.is_set()


def test_drained_waits_for_work_in_hand(
    worker: Worker, role: RecordedRole[str]
) -> None:
    role.offer("work")
    role.lane.take(1)

    worker.on_receive(Drain())

    assert not role.drained.is_set()


def test_drained_waits_for_work_kept_elsewhere(
    worker: Worker, role: RecordedRole[str]
) -> None:
    worker.kept = 1
    worker.on_receive(Drain())
    assert not role.drained.is_set()

    worker.kept = 0
    worker.on_receive(Wake())

    assert role.drained.is_set()


def test_ping_is_enough_to_notice_that_all_is_done(
    worker: Worker, role: RecordedRole[str]
) -> None:
    worker.kept = 1
    worker.on_receive(Drain())
    worker.kept = 0

    worker.on_receive(Ping())

    assert role.drained.is_set()
