import pytest
from structlog import DropEvent

from orders.config.log_repeats import RepeatLimiter


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def passes(limiter: RepeatLimiter, method: str = "warning", **fields: object) -> bool:
    try:
        limiter(None, method, {"event": "kafka.unavailable", **fields})
    except DropEvent:
        return False
    return True


def test_a_few_lines_alike_pass_in_a_window() -> None:
    limiter = RepeatLimiter(limit=2, clock=Clock())

    assert [passes(limiter) for _ in range(4)] == [True, True, False, False]


def test_the_first_line_of_the_next_window_says_how_many_were_left_out() -> None:
    clock = Clock()
    limiter = RepeatLimiter(limit=1, window_seconds=10, clock=clock)
    for _ in range(4):
        passes(limiter)
    clock.now = 10.0

    line = limiter(None, "warning", {"event": "kafka.unavailable"})

    assert line["suppressed"] == 3


def test_a_window_without_loss_adds_nothing() -> None:
    clock = Clock()
    limiter = RepeatLimiter(limit=1, window_seconds=10, clock=clock)
    passes(limiter)
    clock.now = 10.0

    assert "suppressed" not in limiter(None, "warning", {"event": "kafka.unavailable"})


@pytest.mark.parametrize("field", ["actor", "session", "partition", "reason"])
def test_different_parts_do_not_silence_each_other(field: str) -> None:
    limiter = RepeatLimiter(limit=1, clock=Clock())
    passes(limiter, **{field: "a"})

    assert passes(limiter, **{field: "b"})


@pytest.mark.parametrize("method", ["info", "debug"])
def test_a_line_per_order_always_passes(method: str) -> None:
    limiter = RepeatLimiter(limit=1, clock=Clock())

    assert all(passes(limiter, method) for _ in range(100))


def test_memory_is_bounded() -> None:
    limiter = RepeatLimiter(limit=1, clock=Clock())

    for number in range(5000):
        passes(limiter, actor=str(number))

    assert len(limiter._windows) <= 1000
