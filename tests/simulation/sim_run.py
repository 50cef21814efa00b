"""One run: nodes and customers under faults, then quiet, then the rules."""

import math
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from types import SimpleNamespace
from unittest import mock

import pykka
from sim_clients import SimMember, refuse_while_away
from sim_customers import Customers
from sim_database import Database
from sim_faults import Faults, Flaw, Sick
from sim_invariants import broken_rules, is_settled, late_orders
from sim_log import PARTITIONS, TOPIC, Group, Topic
from sim_node import SimNode
from sim_scheduler import Scheduler, TaskLock
from sim_seat import Inbox
from sim_surroundings import Surroundings

from orders.domain.order import SETTLED, UNSETTLED, OrderStatus
from orders.messaging.group_member import GroupMember
from orders.messaging.offsets import DoneMarks
from orders.persistence import (
    held_orders,
    identity,
    intake,
    settlement,
    statements,
    sweeping,
)

_FAULTY_SECONDS = 2.5
_ORDERING_SECONDS = 1.5
_QUIET_SECONDS = 120.0
"""Everything must be well this long after the last fault; most runs take two."""
_SICK_SECONDS = 30.0
_AFTERMATH_SECONDS = 2.0
"""All must stay well for so long once nobody is left who could still act late."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one run."""

    seed: int
    broken: tuple[str, ...]
    counts: Counter[str]
    trace: str

    def witness(self, rule: str) -> str | None:
        """Return what shows that this one rule is broken."""
        return next((w for w in self.broken if w.startswith(f"{rule}: ")), None)

    def describe(self) -> str:
        """Return what a person needs to look into it."""
        rules = "\n".join(f"  {rule}" for rule in self.broken)
        return f"seed {self.seed} breaks:\n{rules}\nlast steps:\n{self.trace}"


class Run:
    """The nodes of one seed, and everything around them."""

    def __init__(self, seed: int, flaws: frozenset[Flaw]) -> None:
        scheduler = self.scheduler = Scheduler(seed)
        database = Database(scheduler)
        topic = Topic(scheduler)
        group = Group(scheduler, topic, self._look_at_commit)
        faults = Faults.drawn(scheduler.random)
        self.around = Surroundings(scheduler, database, topic, group, faults, flaws)
        self.nodes: list[SimNode] = []
        self.customers = Customers(scheduler, self._pick_node, self._version_of_key)
        self._starts = 0
        self._quiet = False
        self._restless_at = 0.0

    def to_the_end(self) -> list[str]:
        """Go through faults and quiet; return the rules that are broken then."""
        random = self.scheduler.random
        for place in range(random.choice((2, 2, 2, 3))):
            self._start(place)
        self.customers.begin(random.randint(3, 6), _ORDERING_SECONDS)
        for kind in ("freezes", "rebalances", "tails_lost", "strangers"):
            self._plan(kind)
        for kind in ("database_away", "broker_away"):
            self._plan(kind)
        self.scheduler.run_until(lambda: False, _FAULTY_SECONDS)
        return self._through_quiet()

    def with_one_part(self, sick: Sick) -> list[str]:
        """Go through a run in which one part is of no use, and see it healed."""
        around = self.around
        around.faults.end()
        self._sicken(sick)
        for place in range(2):
            self._start(place)
        self.customers.begin(4, _ORDERING_SECONDS)
        self.scheduler.run_until(lambda: False, _SICK_SECONDS)
        touched = self._touched(sick)
        late = list(late_orders(around.database, around.topic, sick, touched))
        around.topic.leaderless = None
        return [*late, *self._through_quiet()]

    def _sicken(self, sick: Sick) -> None:
        topic = self.around.topic
        match sick:
            case Sick.BROKER:
                topic.away_until = math.inf
            case Sick.PARTITION:
                topic.leaderless = self.scheduler.random.randrange(PARTITIONS)
            case Sick.MEMBER:
                self._keep_up_membership()

    def _keep_up_membership(self) -> None:
        if not self._quiet:
            self.around.group.heartbeat("idler")
            self.scheduler.after(1.0, self._keep_up_membership)

    def _touched(self, sick: Sick) -> set[int]:
        """Return the partitions whose orders need the sick part."""
        topic, group = self.around.topic, self.around.group
        match sick:
            case Sick.BROKER:
                return set(range(PARTITIONS))
            case Sick.PARTITION:
                return set() if topic.leaderless is None else {topic.leaderless}
            case Sick.MEMBER:
                return group.assigned_to("idler")

    def _through_quiet(self) -> list[str]:
        self._calm()
        deadline = self.scheduler.now + _QUIET_SECONDS
        self.scheduler.run_until(self._is_over, deadline)
        around = self.around
        return [
            *around.complaints,
            *broken_rules(around.database, around.topic, self.customers.tries),
        ]

    def end(self) -> None:
        """Let go of everything that is parked."""
        for node in self.nodes:
            node.dead = True
        self.scheduler.drop_all()

    # --- nodes ---

    def _start(self, place: int) -> None:
        self._starts += 1
        node = SimNode(f"node-{place}.{self._starts}", self.around)
        if place == len(self.nodes):
            self.nodes.append(node)
        else:
            self.nodes[place] = node
        self.scheduler.after(0.5, partial(self._look_after, place))

    def _look_after(self, place: int) -> None:
        """Start a node anew some time after it died; not every one comes back."""
        if not self.nodes[place].dead:
            self.scheduler.after(0.5, partial(self._look_after, place))
            return
        others = any(not node.dead for node in self.nodes)
        if others and self.scheduler.chance(0.3):
            self.scheduler.note("stays_dead", place)
            return
        self.scheduler.note("restart", place)
        self._start(place)

    def _pick_node(self) -> SimNode:
        return self.scheduler.random.choice(self.nodes)

    def _version_of_key(self, key: str) -> int:
        database = self.around.database
        for (_, _, name), held in database.keys.items():
            if name == key:
                return database.orders[held.order_id].version
        return 0

    # --- faults that come by themselves ---

    def _plan(self, kind: str) -> None:
        rate = getattr(self.around.faults, kind)
        if rate:
            wait = self.scheduler.random.expovariate(rate)
            self.scheduler.after(wait, partial(self._strike, kind))

    def _strike(self, kind: str) -> None:
        if self._quiet:
            return
        scheduler, around = self.scheduler, self.around
        seconds = scheduler.random.random() * 5.0
        match kind:
            case "freezes":
                scheduler.note("freeze", f"{seconds:.2f} s")
                self._pick_node().frozen_until = scheduler.now + seconds
            case "rebalances":
                around.group.rebalance()
            case "tails_lost":
                scheduler.note("tail_lost")
                partition = scheduler.random.randrange(PARTITIONS)
                around.topic.lose_tail(partition, scheduler.random.randint(1, 3))
            case "strangers":
                self._lock_an_order()
            case "database_away":
                scheduler.note("database_away", f"{seconds:.2f} s")
                around.database.away_until = scheduler.now + seconds / 2
            case "broker_away":
                scheduler.note("broker_away", f"{seconds:.2f} s")
                around.topic.away_until = scheduler.now + seconds
        self._plan(kind)

    def _lock_an_order(self) -> None:
        database = self.around.database
        open_ids = [
            i for i, r in database.orders.items() if r.state.status in UNSETTLED
        ]
        if open_ids and database.stranger is None:
            order_id = self.scheduler.random.choice(open_ids)
            self.scheduler.note("stranger", order_id)
            database.hold(order_id)

    def _calm(self) -> None:
        """End the faults; what is away comes back, at least one node too."""
        self.scheduler.note("calm")
        self._quiet = True
        self.around.faults.end()
        self.around.database.away_until = self.around.topic.away_until = 0.0
        if all(node.dead for node in self.nodes):
            self._start(0)

    # --- rules that are looked at while the run goes on ---

    def _is_over(self) -> bool:
        """Tell whether all has been well for a while, with nobody left to spoil it.

        Who froze or hung with half of its work done goes on with it much later.
        """
        now = self.scheduler.now
        if not self._is_well() or self._acts_late():
            self._restless_at = now
        elif self.around.database.stranger is not None:
            self.around.database.let_go()
            self._restless_at = now
        return now >= self._restless_at + _AFTERMATH_SECONDS

    def _is_well(self) -> bool:
        return self.customers.are_served and is_settled(self.around.database)

    def _acts_late(self) -> bool:
        now = self.scheduler.now
        stand_still = any(n.stands_still_until > now for n in self.nodes if not n.dead)
        return stand_still or self.around.database.has_open_transactions

    def _look_at_commit(self, partition: int, offset: int) -> None:
        """An offset may be committed once all before it is settled, or noted."""
        orders = self.around.database.orders
        for record in self.around.topic.partitions[partition][:offset]:
            row = orders.get(record.name.order_id)
            settled = row is not None and row.state.status in SETTLED
            noted = record.name.order_id in self.around.database.stuck
            if not settled and not noted and not record.in_reused_place:
                self.around.complain(
                    f"ahead: offset {offset} of {partition} is past {record.name}"
                )


def simulate(
    seed: int, flaws: frozenset[Flaw] = frozenset(), sick: Sick | None = None
) -> Outcome:
    """Run one seed; the same seed gives the same run."""
    run = Run(seed, flaws)
    with _stand_ins(run):
        try:
            broken = run.to_the_end() if sick is None else run.with_one_part(sick)
        finally:
            run.end()
    scheduler = run.scheduler
    scheduler.counts["seconds"] = int(scheduler.now)
    scheduler.counts["expired"] = sum(
        row.state.status is OrderStatus.EXPIRED
        for row in run.around.database.orders.values()
    )
    scheduler.counts["replayed"] = sum(
        t.answer is not None for t in run.customers.tries
    )
    return Outcome(seed, tuple(broken), scheduler.counts, scheduler.trace())


@cache
def _statements(file: str) -> statements.Statements:
    return statements.Statements(file)


@contextmanager
def _stand_ins(run: Run) -> Iterator[None]:
    """Put virtual time and the simulated clients where the product has real ones."""
    scheduler, around = run.scheduler, run.around

    def join(settings: object, topic: str, marks: DoneMarks, log: object) -> SimMember:
        del settings, log
        assert topic == TOPIC
        refuse_while_away(around.topic)
        return SimMember(
            scheduler,
            around.topic,
            around.group,
            marks,
            around.faults,
        )

    time = SimpleNamespace(monotonic=scheduler.clock, sleep=scheduler.pause)
    TaskLock.pause = scheduler.pause
    random.seed(run.scheduler.random.random())
    with ExitStack() as stack:

        def replace(owner: object, name: str, new: object) -> None:
            stack.enter_context(mock.patch.object(owner, name, new))

        replace(pykka.ThreadingActor, "_create_actor_inbox", staticmethod(Inbox))
        replace(GroupMember, "join", join)
        replace(identity, "Lock", TaskLock)
        for module in (intake, settlement):
            replace(module, "time", time)
        for module in (held_orders, identity, intake, settlement, sweeping):
            replace(module, "Statements", _statements)
        yield
