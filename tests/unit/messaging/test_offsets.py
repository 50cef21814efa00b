"""Offsets are committed only behind records that are done, in a row."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from orders.messaging.offsets import DoneMarks, PolledRun


def run(partition: int, *offsets: int) -> PolledRun:
    return PolledRun(partition, offsets[0], offsets[-1], len(offsets))


def marks_of(*partitions: int) -> DoneMarks:
    marks = DoneMarks()
    marks.assign(partitions)
    return marks


def test_nothing_is_committed_while_nothing_is_done() -> None:
    marks = marks_of(0)

    marks.take([run(0, 0, 1, 2)])

    assert marks.take_commits() == {}


def test_a_done_batch_is_committed_up_to_the_record_behind_it() -> None:
    marks = marks_of(0, 1)
    token = marks.take([run(0, 4, 5), run(1, 9)])

    marks.done(token)

    assert marks.take_commits() == {0: 6, 1: 10}


def test_a_batch_that_is_done_early_waits_for_those_before_it() -> None:
    marks = marks_of(0)
    first = marks.take([run(0, 0, 1)])
    second = marks.take([run(0, 2, 3)])

    marks.done(second)
    early = marks.take_commits()
    marks.done(first)

    assert early == {}
    assert marks.take_commits() == {0: 4}


def test_gaps_in_the_offsets_do_not_hold_up_the_mark() -> None:
    marks = marks_of(0)
    first = marks.take([run(0, 3, 17)])
    second = marks.take([run(0, 40, 41)])

    marks.done(first)
    marks.done(second)

    assert marks.take_commits() == {0: 42}


def test_a_mark_is_handed_out_once() -> None:
    marks = marks_of(0)
    marks.done(marks.take([run(0, 0)]))
    marks.take_commits()

    assert marks.take_commits() == {}


def test_a_failed_commit_is_handed_out_again() -> None:
    marks = marks_of(0, 1)
    marks.done(marks.take([run(0, 0), run(1, 5)]))
    marks.take_commits()

    marks.commit_failed([0])

    assert marks.take_commits() == {0: 1}


def test_a_revoked_partition_gives_its_last_mark() -> None:
    marks = marks_of(0, 1)
    marks.done(marks.take([run(0, 0, 1)]))
    marks.take([run(0, 2), run(1, 0)])

    assert marks.revoke([0, 1]) == {0: 2}


def test_what_is_done_late_for_an_earlier_assignment_is_ignored() -> None:
    marks = marks_of(0)
    early = marks.take([run(0, 0, 1, 2)])
    marks.revoke([0])
    marks.assign([0])
    marks.take([run(0, 0)])

    marks.done(early)

    assert marks.take_commits() == {}


def test_a_batch_whose_partitions_all_moved_is_no_longer_outstanding() -> None:
    marks = marks_of(0, 1)
    marks.take([run(0, 0)])
    marks.take([run(0, 1), run(1, 0)])

    marks.revoke([0])

    assert marks.outstanding == 1


def test_an_assignment_that_was_never_taken_back_starts_anew() -> None:
    marks = marks_of(0)
    marks.take([run(0, 0)])

    marks.assign([0])

    assert (marks.outstanding, marks.outstanding_records(0)) == (0, 0)


def test_a_partition_that_stays_is_committed_though_its_batch_mate_moved() -> None:
    marks = marks_of(0, 1)
    token = marks.take([run(0, 0), run(1, 7)])

    marks.revoke([0])
    marks.done(token)

    assert marks.take_commits() == {1: 8}


def test_an_unknown_token_is_ignored() -> None:
    marks = marks_of(0)
    token = marks.take([run(0, 0)])
    marks.done(token)

    marks.done(token)
    marks.done(999)

    assert marks.take_commits() == {0: 1}


def test_a_log_that_began_anew_is_not_held_up_by_older_records() -> None:
    marks = marks_of(0)
    old = marks.take([run(0, 500, 501)])
    new = marks.take([run(0, 0, 1)])

    marks.done(new)
    begun_anew = marks.take_commits()
    marks.done(old)

    assert begun_anew == {0: 2}
    assert marks.take_commits() == {}


def test_outstanding_records_are_counted_by_partition() -> None:
    marks = marks_of(0, 1)
    first = marks.take([run(0, 0, 1, 2), run(1, 0)])
    marks.take([run(0, 3, 4)])

    marks.done(first)

    assert [marks.outstanding_records(p) for p in (0, 1, 2)] == [2, 0, 0]


class MarksAgainstSingleOffsets(RuleBasedStateMachine):
    """Holds the marks against a model that knows every single record."""

    tokens: Bundle[int] = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.marks = DoneMarks()
        self.epoch = 0
        self.next_offset = {0: 0, 1: 0, 2: 0}
        self.records: dict[int, list[tuple[int, bool]]] = {}
        self.batches: dict[int, list[tuple[int, int, int]]] = {}
        self.epochs: dict[int, int] = {}
        self.handed_out: dict[int, int | None] = {}

    @rule(partition=st.integers(0, 2))
    def assign(self, partition: int) -> None:
        if partition in self.records:
            return
        self.epoch += 1
        self.epochs[partition] = self.epoch
        self.records[partition] = []
        self.handed_out[partition] = None
        self.marks.assign([partition])

    @rule(partition=st.integers(0, 2))
    def revoke(self, partition: int) -> None:
        expected = self._mark(partition)
        known = self.handed_out.pop(partition, None)
        self.records.pop(partition, None)
        self.epochs.pop(partition, None)

        commits = self.marks.revoke([partition])

        assert commits == (
            {} if expected is None or expected == known else {partition: expected}
        )

    @rule(
        target=tokens,
        counts=st.dictionaries(st.integers(0, 2), st.integers(1, 3), min_size=1),
        gap=st.integers(0, 3),
    )
    def poll(self, counts: dict[int, int], gap: int) -> int:
        runs, parts = [], []
        for partition, count in counts.items():
            if partition not in self.records:
                continue
            first = self.next_offset[partition] + gap
            offsets = range(first, first + count * (gap + 1), gap + 1)
            self.next_offset[partition] = offsets[-1] + 1
            self.records[partition] += [(offset, False) for offset in offsets]
            parts += [(partition, self.epochs[partition], o) for o in offsets]
            runs.append(PolledRun(partition, offsets[0], offsets[-1], count))
        token = self.marks.take(runs)
        self.batches[token] = parts
        return token

    @rule(token=tokens)
    def finish(self, token: int) -> None:
        for partition, epoch, done in self.batches[token]:
            if self.epochs.get(partition) == epoch:
                self.records[partition] = [
                    (offset, was_done or offset == done)
                    for offset, was_done in self.records[partition]
                ]
        self.marks.done(token)

    @rule()
    def commit(self) -> None:
        expected = {
            partition: mark
            for partition in self.records
            if (mark := self._mark(partition)) is not None
            and mark != self.handed_out[partition]
        }
        self.handed_out |= expected

        assert self.marks.take_commits() == expected

    @invariant()
    def outstanding_records_agree(self) -> None:
        for partition, records in self.records.items():
            waiting = sum(not done for _, done in records)
            assert self.marks.outstanding_records(partition) == waiting

    def _mark(self, partition: int) -> int | None:
        mark = None
        for offset, done in self.records.get(partition, []):
            if not done:
                break
            mark = offset + 1
        return mark


MarksAgainstSingleOffsets.TestCase.settings = settings(
    max_examples=2 * settings.default.max_examples,
    stateful_step_count=30,
    deadline=None,
)
TestMarks = MarksAgainstSingleOffsets.TestCase
