import errno
import os
import threading
from collections.abc import Iterator

import pytest

from orders.config import log_sink
from orders.config.log_sink import LineSink


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        try:
            os.close(descriptor)
        except OSError as error:
            assert error.errno == errno.EBADF  # noqa: PT017 - closed by the test itself


def test_lines_come_out_whole_and_in_order(pipe: tuple[int, int]) -> None:
    sink = LineSink(pipe[1])

    for number in range(100):
        sink.put(b"%d" % number)

    assert sink.close(2)
    assert os.read(pipe[0], 65536).split() == [b"%d" % n for n in range(100)]


def test_lines_are_written_without_anybody_asking(pipe: tuple[int, int]) -> None:
    sink = LineSink(pipe[1])

    sink.put(b"first")
    first = os.read(pipe[0], 100)  # blocks until the thread wrote it
    sink.put(b"second")
    second = os.read(pipe[0], 100)

    assert (first, second) == (b"first\n", b"second\n")
    sink.close(2)


def test_a_closed_descriptor_costs_lines_and_nothing_else(
    pipe: tuple[int, int],
) -> None:
    sink = LineSink(pipe[1])
    os.close(pipe[1])

    sink.put(b"lost")

    assert sink.close(2)
    assert sink.dropped == 1


def test_a_reader_that_went_away_costs_lines_and_nothing_else(
    pipe: tuple[int, int],
) -> None:
    sink = LineSink(pipe[1])
    os.close(pipe[0])

    sink.put(b"lost")

    assert sink.close(2)
    assert sink.dropped == 1


class Disk:
    """Stands in for ``os.write``: takes ``room`` bytes, then has no space left."""

    def __init__(self, room: int = 0) -> None:
        self.room = room
        self.is_full = threading.Event()
        self._write = os.write

    def write(self, descriptor: int, data: memoryview) -> int:
        if not self.room:
            self.is_full.set()
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._write(descriptor, data[: self.room])
        self.room -= written
        return written


def test_a_full_disk_costs_lines_until_there_is_room_again(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk()
    monkeypatch.setattr(log_sink.os, "write", disk.write)
    sink = LineSink(pipe[1])
    sink.put(b"lost")
    assert disk.is_full.wait(2)
    disk.room = 1000
    sink.put(b"kept")

    assert sink.close(2)
    assert os.read(pipe[0], 100) == b"kept\n"
    assert sink.dropped == 1


def test_a_line_torn_by_an_error_is_ended_before_the_next(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(room=3)
    monkeypatch.setattr(log_sink.os, "write", disk.write)
    sink = LineSink(pipe[1])
    sink.put(b"a line that is torn")
    assert disk.is_full.wait(2)
    disk.room = 1000
    sink.put(b"whole")

    assert sink.close(2)
    assert os.read(pipe[0], 100) == b"a l\nwhole\n"
    assert sink.dropped == 1


def test_a_reader_that_stopped_blocks_neither_a_caller_nor_the_close(
    pipe: tuple[int, int],
) -> None:
    sink = LineSink(pipe[1], max_lines=10)

    for _ in range(500):
        sink.put(b"x" * 10_000)

    assert sink.dropped > 0
    assert not sink.close(0.01)
    os.close(pipe[0])  # frees the thread that waits in the write
    assert sink.close(2)


def test_a_line_after_the_close_is_counted_as_lost(pipe: tuple[int, int]) -> None:
    sink = LineSink(pipe[1])
    sink.close(2)

    sink.put(b"late")

    assert sink.dropped == 1


def test_a_full_pipe_that_does_not_block_is_given_up_after_a_while(
    pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_sink, "_FULL_PIPE_SECONDS", 0.01)
    os.set_blocking(pipe[1], False)
    sink = LineSink(pipe[1])

    sink.put(b"x" * 200_000)

    assert sink.close(2)
    assert sink.dropped == 1
