"""The supervisor, step by step on a clock of the test's own."""

import queue
from collections.abc import Callable
from typing import Any, cast

import pykka
import pytest
from actor_fakes import Holder, World

from orders.actors.lane import Lane
from orders.actors.messages import ActorRestarted, Ping, Tick, Wake
from orders.actors.restart import RestartPolicy
from orders.actors.role import Role
from orders.actors.supervised import SupervisedActor
from orders.actors.supervisor import Child, Supervisor, Watch

Ref = pykka.ActorRef[Any]

WATCH = Watch(
    policy=RestartPolicy(
        max_restarts=2,
        window_seconds=30.0,
        first_delay_seconds=0.5,
        longest_delay_seconds=2.0,
    ),
    ping_seconds=2.0,
    hang_seconds=15.0,
    max_abandoned=1,
    heartbeat_seconds=10.0,
)


class Post:
    """A role with everyone who ever held it."""

    def __init__(self, world: World, name: str) -> None:
        self.role: Role[str] = Role(name, Lane(10), log=world.log, clock=world.clock)
        self.holders: list[Holder] = []
        self.answers = True

    def child(self) -> Child:
        return Child(self.role, self._start)

    def _start(self) -> Ref:
        self.holders.append(Holder())
        return cast("Ref", self.holders[-1])

    @property
    def holder(self) -> Holder:
        return self.holders[-1]


class Bench:
    """A supervisor over two roles, and its hands on the clock."""

    def __init__(self, world: World, watch: Watch = WATCH) -> None:
        self.world = world
        self.first, self.second = Post(world, "first"), Post(world, "second")
        self.posts = (self.first, self.second)
        self.sweeper = world.role("sweeper")
        self.reasons: list[str] = []
        self.heartbeat: float | None = None
        self.supervisor = Supervisor(
            [post.child() for post in self.posts],
            watch=watch,
            clock=world.clock,
            log=world.log,
            telemetry=world.telemetry,
            escalate=self.reasons.append,
            told_of_restarts=(self.sweeper,),
            heartbeats={"the loop": lambda: self.heartbeat},
        )
        for child in self.supervisor._children.values():
            child.role.seat(child.start)

    def step(self) -> None:
        """Do what waits in the supervisor's inbox, then one step."""
        while True:
            try:
                job = self.supervisor._inbox.get_nowait()
            except queue.Empty:
                break
            if job is not None:
                job()
        self.supervisor.step(self.world.clock())

    def run(self, seconds: float, *alive: Post) -> None:
        """Let time pass in small steps, in which ``alive`` show life."""
        for _ in range(round(seconds / 0.25)):
            self.world.clock.advance(0.25)
            for post in alive:
                post.role.seen()
            self.step()

    def fail(self, post: Post, error: BaseException | None = None) -> None:
        post.role.failed(post.role.generation, error or ValueError("broken"))
        self.step()


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench(world)


# --- failures ---


def test_failed_actor_is_replaced_after_a_delay(bench: Bench) -> None:
    bench.fail(bench.first)
    bench.run(0.25)
    assert len(bench.first.holders) == 1

    bench.run(0.5)

    assert len(bench.first.holders) == 2


def test_others_are_left_alone(bench: Bench) -> None:
    bench.fail(bench.first)

    bench.run(1.0)

    assert len(bench.second.holders) == 1


def test_failed_actor_is_asked_to_stop(bench: Bench) -> None:
    bench.fail(bench.first)

    assert bench.first.holders[0].stops == 1


def test_work_in_hand_is_handed_back(bench: Bench) -> None:
    lane = bench.first.role.lane
    for message in ("a", "b", "c"):
        lane.offer(message)
    lane.take(2)

    bench.fail(bench.first)
    bench.run(1.0)

    hand = lane.take(3)
    assert hand is not None
    assert hand.messages == ["a", "b", "c"]


def test_successor_is_shown_the_lane(bench: Bench) -> None:
    bench.first.role.lane.offer("work")

    bench.fail(bench.first)
    bench.run(1.0)

    assert Wake() in bench.first.holder.told


def test_one_failure_reported_twice_counts_once(bench: Bench) -> None:
    generation = bench.first.role.generation
    for _ in range(2):
        bench.first.role.failed(generation, ValueError("broken"))

    bench.run(1.0)

    assert len(bench.first.holders) == 2
    assert bench.world.log.count("actor.failed") == 1


def test_restart_is_counted_and_told(bench: Bench) -> None:
    bench.fail(bench.first)
    bench.run(1.0)

    assert bench.first.role.restarts == 1
    assert bench.world.telemetry.restarted == ["first"]
    assert bench.sweeper.told == [ActorRestarted("first")]


def test_used_up_budget_escalates_once(bench: Bench) -> None:
    for _ in range(3):
        bench.fail(bench.first)
        bench.run(2.5, bench.first, bench.second)

    bench.run(60, bench.second)

    assert bench.reasons == ["first failed too often"]


def test_role_without_a_budget_stays_vacant(bench: Bench) -> None:
    for _ in range(3):
        bench.fail(bench.first)
        bench.run(2.5, bench.first, bench.second)

    bench.run(60, bench.second)

    assert len(bench.first.holders) == 3
    assert bench.world.log.count("actor.hung") == 0


def test_budget_recovers_with_time(bench: Bench) -> None:
    for _ in range(4):
        bench.fail(bench.first)
        bench.run(31, bench.first, bench.second)

    assert bench.reasons == []


def test_each_actor_has_a_budget_of_its_own(bench: Bench) -> None:
    for post in bench.posts * 2:
        bench.fail(post)
        bench.run(2.0, *bench.posts)

    assert bench.reasons == []


# --- death and hanging ---


def test_actor_whose_thread_is_gone_is_replaced(bench: Bench) -> None:
    bench.first.holder.living = False

    bench.run(1.5, *bench.posts)

    assert len(bench.first.holders) == 2
    assert bench.world.log.count("actor.died") == 1


def test_children_are_pinged(bench: Bench) -> None:
    bench.run(6.0, *bench.posts)

    assert bench.first.holder.told.count(Ping()) == 3


def test_silent_actor_is_replaced(bench: Bench) -> None:
    bench.run(16.5, bench.second)

    assert len(bench.first.holders) == 2
    assert bench.world.log.count("actor.hung") == 1


def test_silent_actor_has_its_time(bench: Bench) -> None:
    bench.run(14.75, bench.second)

    assert len(bench.first.holders) == 1


def test_work_of_a_silent_actor_is_handed_back(bench: Bench) -> None:
    bench.first.role.lane.offer("work")
    bench.first.role.lane.take(1)

    bench.run(16.5, bench.second)

    assert bench.first.role.lane.waiting
    assert Wake() in bench.first.holder.told


def test_too_many_hanging_threads_escalate(bench: Bench) -> None:
    bench.run(17.0)

    assert bench.reasons == ["too many hung actors"]


def test_threads_that_ended_after_all_do_not_count(bench: Bench) -> None:
    for post in bench.posts:
        other = bench.first if post is bench.second else bench.second
        bench.run(16.5, other)
        post.holders[0].living = False
        bench.run(31, *bench.posts)

    assert bench.world.log.count("actor.hung") == 2
    assert bench.reasons == []


def test_process_that_stood_still_does_not_blame_its_actors(bench: Bench) -> None:
    bench.run(1.0, *bench.posts)

    bench.world.clock.advance(60)  # stopped and continued, or the machine slept
    bench.step()
    bench.run(5.0)

    assert bench.world.log.count("actor.hung") == 0


def test_process_that_stood_still_does_not_blame_its_loop(bench: Bench) -> None:
    bench.heartbeat = bench.world.clock()
    bench.run(1.0, *bench.posts)

    bench.world.clock.advance(60)
    bench.step()

    assert bench.reasons == []


def test_actor_that_hangs_on_after_a_standstill_is_found(bench: Bench) -> None:
    bench.world.clock.advance(60)
    bench.step()

    bench.run(16.0, bench.second)

    assert bench.world.log.count("actor.hung") == 1


def test_loop_that_stands_still_escalates(bench: Bench) -> None:
    bench.heartbeat = bench.world.clock()

    bench.run(10.0, *bench.posts)
    assert bench.reasons == []

    bench.run(5.0, *bench.posts)

    assert bench.reasons == ["the loop stands still"]


def test_loop_that_does_not_run_is_not_judged(bench: Bench) -> None:
    bench.run(20, *bench.posts)

    assert bench.reasons == []


# --- later messages ---


def test_message_comes_when_it_is_due(bench: Bench) -> None:
    bench.first.role.after(1.0, Tick(1))
    bench.run(0.75, *bench.posts)
    assert Tick(1) not in bench.first.holder.told

    bench.run(0.5, *bench.posts)

    assert bench.first.holder.told.count(Tick(1)) == 1


def test_messages_come_in_the_order_they_are_due(bench: Bench) -> None:
    bench.first.role.after(0.2, Tick(2))
    bench.first.role.after(0.1, Tick(1))
    bench.first.role.after(0.2, Tick(3))

    bench.run(1.0, *bench.posts)

    ticks = [m for m in bench.first.holder.told if isinstance(m, Tick)]
    assert ticks == [Tick(1), Tick(2), Tick(3)]


def test_step_tells_how_long_it_may_wait(bench: Bench) -> None:
    bench.first.role.after(0.1, Tick(1))
    bench.step()

    assert bench.supervisor.step(bench.world.clock()) == pytest.approx(0.1)


def test_step_waits_a_quarter_of_a_second_at_most(bench: Bench) -> None:
    bench.first.role.after(60, Tick(1))
    bench.step()

    assert bench.supervisor.step(bench.world.clock()) == 0.25


def test_step_waits_no_longer_than_until_the_next_restart(world: World) -> None:
    policy = RestartPolicy(first_delay_seconds=0.1, longest_delay_seconds=0.1)
    bench = Bench(world, Watch(policy=policy))
    bench.fail(bench.first)

    assert bench.supervisor.step(bench.world.clock()) < 0.11


def test_each_step_is_a_sign_of_life(bench: Bench) -> None:
    bench.run(1.0, *bench.posts)

    assert bench.supervisor.last_step == bench.world.clock()


# --- a real actor, on this thread ---


class Carrier(SupervisedActor[str]):
    """Carries messages to ``done``; breaks at those it is told to break at."""

    def __init__(self, role: Role[str], done: list[str], broken: set[str]) -> None:
        super().__init__(role)
        self._carried = done
        self._broken = broken

    def handle(self, message: object) -> None:
        hand = self.role.lane.take(2)
        if hand is None:
            return
        for work in hand.messages:
            if work in self._broken:
                self._broken.discard(work)
                raise ValueError(work)
        self._carried.extend(hand.messages)
        hand.done()
        if self.role.lane.waiting:
            self.role.wake()


def make_start(make: Callable[[], SupervisedActor[Any]], seats: list[Holder]) -> Any:
    def start() -> Holder:
        actor = make()
        seats.append(Holder(actor))
        actor.on_start()
        return seats[-1]

    return start


def test_everything_in_the_lane_is_done_though_the_actor_breaks_half_way(
    world: World,
) -> None:
    role: Role[str] = Role("carrier", Lane(10), log=world.log, clock=world.clock)
    done: list[str] = []
    broken = {"c", "e"}
    seats: list[Holder] = []
    supervisor = Supervisor(
        [Child(role, make_start(lambda: Carrier(role, done, broken), seats))],
        watch=WATCH,
        clock=world.clock,
        log=world.log,
        telemetry=world.telemetry,
        escalate=pytest.fail,
    )
    for child in supervisor._children.values():
        role.seat(child.start)

    for message in "abcdef":
        role.offer(message)
    for _ in range(20):
        seats[-1].pump()
        while not supervisor._inbox.empty():
            job = supervisor._inbox.get()
            assert job is not None
            job()
        world.clock.advance(0.25)
        supervisor.step(world.clock())

    assert done == list("abcdef")
    assert len(seats) == 3
    assert role.lane.depth == 0
