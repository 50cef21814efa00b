"""What all nodes of a run share."""

from dataclasses import dataclass, field

from sim_database import Database
from sim_faults import Faults, Flaw
from sim_log import Group, Topic
from sim_scheduler import Scheduler


@dataclass(slots=True)
class Surroundings:
    """One database, one topic, one group, one fate."""

    scheduler: Scheduler
    database: Database
    topic: Topic
    group: Group
    faults: Faults
    flaws: frozenset[Flaw]
    complaints: list[str] = field(default_factory=list)
    """Rules that were seen broken while the run went on."""

    def complain(self, what: str) -> None:
        """Note a broken rule."""
        if what not in self.complaints:
            self.scheduler.note("complaint", what)
            self.complaints.append(what)
