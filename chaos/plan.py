"""Which trials a run has: decided by fault, seed and number alone."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from orders.chaos.trial import Trial
from orders.failpoints.catalogue import ACTOR_PREFIX, CATALOGUE

NODES: Final = 2
"""Of most rows."""
BROKERS_OF_THREE: Final = 3
"""Each event is on all of them; two must have it before it is confirmed."""


@dataclass(frozen=True, slots=True)
class FaultRow:
    """One row of the fault table.

    Attributes:
        title: what is done, in a few words.
        kinds: the ways in which it is done, each in turn.
        delay_seconds: how long the load runs before, at least and at most.
        batch: how many trials share a database, and are checked together.
        most_passes: the latest pass or match that is meant, by kind; 1 without.
        turn: how many trials in a row choose the same node.
        nodes: how many nodes there are.
        brokers: how many brokers Kafka has.

    """

    title: str
    kinds: tuple[str, ...]
    delay_seconds: tuple[float, float]
    batch: int
    most_passes: Mapping[str, int]
    turn: int = 1
    nodes: int = NODES
    brokers: int = 1


_NEVER_LATE: Mapping[str, int] = MappingProxyType({})

_STEPS = tuple(name for name in CATALOGUE if not name.startswith(ACTOR_PREFIX))
_IDLE = {f"{ACTOR_PREFIX}OrderChanger"}
"""Actors that the load gives nothing to do: it only places and reads orders."""
_ACTORS = tuple(
    name.removeprefix(ACTOR_PREFIX)
    for name in CATALOGUE
    if name.startswith(ACTOR_PREFIX) and name not in _IDLE
)
_RARE = {
    "offsets.before_commit": 3,
    "offsets.after_commit": 3,
    "consume.after_poll": 20,
}
_FAILURES = ("raise", "sleep", "fatal")
_PASSES = {"OrderIntake": 50, "IntakeWriter": 50, "OrderReader": 50, "Sweeper": 4}
_SESSIONS = ("intake", "settlement", "reader", "sweeper")
"""Sessions with PostgreSQL by what they are for, as its list of sessions has them."""
_ENDS = ("PostgreSQL", "Kafka", "HTTP")
_LINKS = ("late", "very late", "narrow", "resets", "still")
_CUT_FROM = ("Kafka", "PostgreSQL", "Kafka+PostgreSQL")
_CUTS = ("refused", "silent", "deaf", "mute")
POISONS = (
    *("no key", "key of no order", "tombstone", "huge", "unreadable header"),
    *("not JSON", "unknown type", "forged event", "unknown order"),
)
_OFTEN = 40
"""Passes of a busy step within about two seconds of load."""

FAULTS: Final[Mapping[str, FaultRow]] = MappingProxyType(
    {
        "F1": FaultRow("SIGKILL of a node", ("kill",), (0.3, 3.0), 20, _NEVER_LATE),
        "F2": FaultRow(
            "death of a node at a failpoint",
            _STEPS,
            (0.0, 0.2),
            len(_STEPS),
            {name: _RARE.get(name, _OFTEN) for name in _STEPS}
            | {"sweep.before_tick": 5, "sweep.after_tick": 5},
            turn=len(_STEPS),
        ),
        "F3": FaultRow(
            "a node frozen and back", ("8 s", "17 s"), (0.3, 2.0), 10, _NEVER_LATE
        ),
        "F4": FaultRow(
            "failure of an actor",
            tuple(f"{a} {k}" for a in _ACTORS for k in _FAILURES),
            (0.0, 0.2),
            15,
            {f"{a} {k}": _PASSES.get(a, 5) for a in _ACTORS for k in _FAILURES},
        ),
        "F5": FaultRow(
            "Kafka away",
            ("kill -9", "restart", "away 20 s"),
            (0.5, 2.0),
            10,
            _NEVER_LATE,
        ),
        "F5L": FaultRow(
            "Kafka away for minutes",
            ("away 5 min", "away 1 min"),
            (10.0, 12.0),
            1,
            _NEVER_LATE,
        ),
        "F6": FaultRow(
            "Kafka frozen", ("frozen 4 s", "frozen 14 s"), (0.5, 2.0), 10, _NEVER_LATE
        ),
        "F6L": FaultRow(
            "brokers of three lost",
            (
                *("leader killed", "leader frozen"),
                *("replicas lost", "controller killed"),
            ),
            (0.5, 2.0),
            8,
            _NEVER_LATE,
            brokers=BROKERS_OF_THREE,
        ),
        "F6P": FaultRow(
            "one partition unwritable",
            ("killed", "frozen"),
            (1.0, 2.0),
            2,
            _NEVER_LATE,
            brokers=BROKERS_OF_THREE,
        ),
        "F7": FaultRow(
            "Kafka's data lost",
            (
                *("wiped, topic made", "deleted, topic made", "wiped"),
                *("topic deleted", "behind settled rows", "behind a transaction"),
            ),
            (1.0, 2.0),
            6,
            _NEVER_LATE,
        ),
        "F8": FaultRow(
            "PostgreSQL away",
            ("kill -9", "immediate", "restart", "connections", "read-only"),
            (0.5, 2.0),
            10,
            _NEVER_LATE,
        ),
        "F9": FaultRow(
            "PostgreSQL frozen",
            (
                *(f"{part} backend" for part in _SESSIONS),
                *("server", "orders locked", "standby away"),
            ),
            (0.5, 2.0),
            12,
            _NEVER_LATE,
        ),
        "F10": FaultRow(
            "an answer lost on its way",
            ("intake COMMIT", "settle COMMIT", "HTTP answer", "produce answer"),
            (0.05, 0.4),
            40,
            {
                "intake COMMIT": 20,
                "settle COMMIT": 10,
                "HTTP answer": 20,
                "produce answer": 10,
            },
        ),
        "F11": FaultRow(
            "bad connections",
            tuple(f"{end} {way}" for end in _ENDS for way in _LINKS),
            (0.3, 1.5),
            15,
            _NEVER_LATE,
        ),
        "F12": FaultRow(
            "a node cut off",
            tuple(f"{way} {ends}" for ends in _CUT_FROM for way in _CUTS),
            (0.3, 1.5),
            12,
            _NEVER_LATE,
        ),
        "F13": FaultRow(
            "partitions moving",
            ("members leave", "members die", "partition added", "member idles"),
            (0.3, 1.0),
            8,
            _NEVER_LATE,
        ),
        "F14": FaultRow(
            "events read again",
            ("topic replayed", "replayed backwards", "group rewound"),
            (3.0, 5.0),
            6,
            _NEVER_LATE,
        ),
        "F15": FaultRow("poison records", POISONS, (0.3, 1.0), 18, _NEVER_LATE),
        "F16": FaultRow(
            "a disk full",
            ("PostgreSQL", "Kafka", "log of a node"),
            (0.5, 1.5),
            6,
            _NEVER_LATE,
        ),
        "F17": FaultRow(
            "the clock of a node jumps",
            ("2 h ahead", "2 h back", "to and fro", "drifts"),
            (0.5, 1.5),
            8,
            _NEVER_LATE,
        ),
        "F20": FaultRow(
            "too many orders",
            ("512 more clients", "2,000 more clients"),
            (0.5, 1.5),
            6,
            _NEVER_LATE,
        ),
        "F21": FaultRow(
            "slow and idle clients",
            ("slow headers", "slow bodies", "idle connections"),
            (0.3, 1.0),
            6,
            _NEVER_LATE,
        ),
        "F22": FaultRow("rolling restart", ("SIGTERM",), (0.3, 1.5), 10, _NEVER_LATE),
        "F23": FaultRow(
            "a node without descriptors, or memory",
            ("descriptors", "memory"),
            (0.5, 1.5),
            6,
            _NEVER_LATE,
        ),
        "F24": FaultRow(
            "an upgrade from the release before",
            ("upgrade", "upgrade, back, upgrade"),
            (1.0, 3.0),
            1,  # the database is of the release before only once
            _NEVER_LATE,
        ),
        "F25": FaultRow(
            "faults of other rows, two at a time",
            ("late links", "a guest", "Kafka killed", "PostgreSQL killed"),
            (0.3, 1.5),
            12,
            _NEVER_LATE,
        ),
        "F25L": FaultRow(
            "faults of other rows, two at a time, on three nodes and brokers",
            ("late links", "a guest", "a broker killed", "PostgreSQL killed"),
            (0.3, 1.5),
            100,  # half an hour
            _NEVER_LATE,
            nodes=3,
            brokers=BROKERS_OF_THREE,
        ),
        "F26": FaultRow(
            "two nodes with one name", ("same name",), (0.3, 1.0), 6, _NEVER_LATE
        ),
        "F27": FaultRow(
            "PostgreSQL restored to an earlier point",
            ("nodes stopped", "nodes go on", "group rewound"),
            (1.0, 3.0),
            3,
            _NEVER_LATE,
        ),
        "F28": FaultRow(
            "a stranger's lock on an order", ("8 s",), (0.3, 1.5), 10, _NEVER_LATE
        ),
    }
)
"""The rows that can be run, by name."""


def plan_trial(fault: str, seed: int, number: int) -> Trial:
    """Return one trial; the same for the same arguments, on any machine.

    Raises:
        KeyError: there is no such fault.

    """
    row = FAULTS[fault]
    rng = random.Random(f"{fault}/{seed}/{number}")
    kind = row.kinds[number % len(row.kinds)]
    turn = random.Random(f"{fault}/{seed}/turn {number // row.turn}")
    return Trial(
        fault=fault,
        seed=seed,
        number=number,
        kind=kind,
        node=turn.randrange(row.nodes),
        delay_seconds=round(rng.uniform(*row.delay_seconds), 3),
        nth=rng.randint(1, row.most_passes.get(kind, 1)),
        await_reply=rng.random() < 1 / 2,
    )


def plan_batches(
    fault: str, seed: int, trials: int, done: Iterable[int] = ()
) -> Sequence[Sequence[Trial]]:
    """Return the trials that are still to be made, in batches."""
    missing = sorted(set(range(trials)).difference(done))
    size = FAULTS[fault].batch
    return [
        [plan_trial(fault, seed, number) for number in missing[at : at + size]]
        for at in range(0, len(missing), size)
    ]
