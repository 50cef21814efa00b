"""What may go wrong in a run, and the flaws that a run must be able to see."""

from dataclasses import dataclass, fields
from enum import StrEnum
from random import Random


class Flaw(StrEnum):
    """A way to build the service wrong; each breaks one of its rules."""

    ANSWER_BEFORE_COMMIT = "answer_before_commit"
    OFFSETS_AHEAD = "offsets_ahead"
    NO_COMPARE_AND_SET = "no_compare_and_set"
    FORGET_BEFORE_CONFIRM = "forget_before_confirm"
    NO_SWEEPER = "no_sweeper"
    NOTICE_APART = "notice_apart"
    ETERNAL_LEASE = "eternal_lease"
    WAIT_FOR_HELD = "wait_for_held"
    HELD_FORGOTTEN = "held_forgotten"


class Sick(StrEnum):
    """The one part that is of no use for a whole run, while all others are well."""

    BROKER = "broker"
    """No broker answers."""
    PARTITION = "partition"
    """One partition has no leader: nothing can be written to it or read from it."""
    MEMBER = "member"
    """A stranger in the group keeps up its membership and does nothing."""


@dataclass(slots=True)
class Faults:
    """How likely each fault is, 0.0 where this run does without.

    Those above the line are met where a task waits or a record travels; those below
    it come so many times a second of virtual time.
    """

    crash: float = 0.008
    """The process dies between two steps."""
    actor_fails: float = 0.008
    """An exception that nobody foresaw ends an actor."""
    actor_hangs: float = 0.003
    """A call takes so long that the supervisor gives the role to another."""
    connection_refused: float = 0.02
    request_cut: float = 0.02
    """The connection is lost before the server has the statement."""
    reply_cut: float = 0.03
    """The connection is lost after the server committed."""
    request_late: float = 0.02
    """The connection is lost, and the server runs the statement later all the same."""
    record_lost: float = 0.08
    record_doubled: float = 0.15
    answer_lost: float = 0.08
    """The record is in the topic, and its producer is told that it failed."""
    commit_lost: float = 0.1
    # ---
    freezes: float = 0.15
    """The whole process stands still for seconds, and goes on unaware."""
    rebalances: float = 0.3
    tails_lost: float = 0.2
    """The log forgets its last records, and gives their offsets to others."""
    strangers: float = 0.4
    """Somebody locks an order, and keeps it until the others are settled."""
    database_away: float = 0.1
    broker_away: float = 0.1

    @classmethod
    def drawn(cls, random: Random) -> "Faults":
        """Return the faults of one run: a few kinds, gentle or rough.

        Runs with every kind at once hide what only shows in calmer weather.
        """
        chosen = cls()
        for field in fields(cls):
            share = random.random()
            factor = 0.0 if share < 0.35 else 3.0 if share > 0.9 else 1.0
            setattr(chosen, field.name, getattr(chosen, field.name) * factor)
        return chosen

    def end(self) -> None:
        """Let nothing go wrong any more."""
        for field in fields(self):
            setattr(self, field.name, 0.0)
