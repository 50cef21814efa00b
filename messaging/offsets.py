"""Which offsets may be committed: all records before them are in PostgreSQL.

Pure bookkeeping, no Kafka client. Records are polled in batches and a batch is done
as a whole, so a partition's part of a batch is one *run*: the unit in which marks
move. Owned by one thread at a time.
"""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple


class PolledRun(NamedTuple):
    """Consecutive records of one partition in one batch; offsets may have gaps."""

    partition: int
    first_offset: int
    last_offset: int
    record_count: int


class _Run:
    """A polled run and whether its batch is done."""

    __slots__ = ("done", "next_offset", "record_count")

    def __init__(self, next_offset: int, record_count: int) -> None:
        self.next_offset = next_offset
        self.record_count = record_count
        self.done = False


class _PartitionMarks:
    """One assignment of one partition; a new assignment gets a new object.

    So what is done late for an earlier assignment moves only marks that nobody
    reads any more.
    """

    __slots__ = ("committed", "next_to_commit", "position", "record_count", "runs")

    def __init__(self) -> None:
        self.runs: deque[_Run] = deque()
        self.record_count = 0
        """Records polled and not done."""
        self.position: int | None = None
        """The offset behind the last one polled."""
        self.next_to_commit: int | None = None
        self.committed: int | None = None

    def add(self, run: PolledRun) -> _Run:
        """Append a run behind all earlier ones."""
        kept = _Run(run.last_offset + 1, run.record_count)
        self.runs.append(kept)
        self.record_count += run.record_count
        self.position = kept.next_offset
        return kept

    def finish(self, run: _Run) -> None:
        """Mark ``run`` done and move the mark over all that are done in a row."""
        run.done = True
        self.record_count -= run.record_count
        while self.runs and self.runs[0].done:
            self.next_to_commit = self.runs.popleft().next_offset

    def uncommitted(self) -> int | None:
        """Return the mark where it moved since it was last handed out."""
        return None if self.next_to_commit == self.committed else self.next_to_commit


class DoneMarks:
    """Done marks of all assigned partitions, by partition number."""

    def __init__(self) -> None:
        self._partitions: dict[int, _PartitionMarks] = {}
        self._batches: dict[int, list[tuple[_PartitionMarks, _Run]]] = {}
        self._last_token = 0

    @property
    def outstanding(self) -> int:
        """Batches polled and not done, some of whose partitions are still ours."""
        return len(self._batches)

    @property
    def assigned(self) -> frozenset[int]:
        """Partitions that are ours."""
        return frozenset(self._partitions)

    def outstanding_records(self, partition: int) -> int:
        """Return how many records of ``partition`` are polled and not done."""
        marks = self._partitions.get(partition)
        return 0 if marks is None else marks.record_count

    def assign(self, partitions: Iterable[int]) -> None:
        """Start to keep marks; whatever was known of these partitions is dropped."""
        for partition in partitions:
            self._partitions[partition] = _PartitionMarks()
        self._forget_orphans()

    def revoke(self, partitions: Iterable[int]) -> dict[int, int]:
        """Stop keeping marks; return the offsets still to be committed."""
        commits: dict[int, int] = {}
        for partition in partitions:
            marks = self._partitions.pop(partition, None)
            offset = None if marks is None else marks.uncommitted()
            if offset is not None:
                commits[partition] = offset
        self._forget_orphans()
        return commits

    def take(self, runs: Iterable[PolledRun]) -> int:
        """Register a polled batch and return its token; tokens never repeat."""
        self._last_token += 1
        self._batches[self._last_token] = [
            (marks, marks.add(run)) for run in runs for marks in (self._marks_for(run),)
        ]
        return self._last_token

    def done(self, token: int) -> None:
        """Mark a batch as done; an unknown token is ignored."""
        for marks, run in self._batches.pop(token, ()):
            marks.finish(run)

    def take_commits(self) -> dict[int, int]:
        """Return the marks that moved since they were last returned, as offsets to
        commit: each is the offset of the next record to read.
        """
        commits: dict[int, int] = {}
        for partition, marks in self._partitions.items():
            offset = marks.uncommitted()
            if offset is not None:
                commits[partition] = marks.committed = offset
        return commits

    def commit_failed(self, partitions: Iterable[int]) -> None:
        """Let the marks of ``partitions`` be returned again."""
        for partition in partitions:
            marks = self._partitions.get(partition)
            if marks is not None:
                marks.committed = None

    def _marks_for(self, run: PolledRun) -> _PartitionMarks:
        """Return the marks that ``run`` extends.

        An offset before the position means that the log began anew (a topic deleted
        and made again, or truncated): older runs say nothing about it.
        """
        marks = self._partitions.get(run.partition)
        restarted = (
            marks is not None
            and marks.position is not None
            and run.first_offset < marks.position
        )
        if marks is None or restarted:
            marks = self._partitions[run.partition] = _PartitionMarks()
        return marks

    def _forget_orphans(self) -> None:
        """Drop batches none of whose partitions are assigned as they were."""
        live = set(map(id, self._partitions.values()))
        self._batches = {
            token: parts
            for token, parts in self._batches.items()
            if any(id(marks) in live for marks, _ in parts)
        }
