"""The restart budget."""

from orders.actors.restart import RestartBudget, RestartPolicy

POLICY = RestartPolicy(
    max_restarts=3,
    window_seconds=30.0,
    first_delay_seconds=0.1,
    longest_delay_seconds=0.3,
)


def budget(jitter: float = 1.0) -> RestartBudget:
    return RestartBudget(POLICY, jitter=lambda: jitter)


def test_delay_doubles_up_to_its_cap() -> None:
    given = budget()

    delays = [given.spend(0.0) for _ in range(3)]

    assert delays == [0.1, 0.2, 0.3]


def test_budget_is_used_up_within_the_window() -> None:
    given = budget()
    for second in range(3):
        given.spend(float(second))

    assert given.spend(29.9) is None


def test_restarts_older_than_the_window_do_not_count() -> None:
    given = budget()
    for second in range(3):
        given.spend(float(second))

    assert given.spend(30.0) is not None


def test_delay_starts_anew_after_a_quiet_window() -> None:
    given = budget()
    given.spend(0.0)
    given.spend(1.0)

    assert given.spend(100.0) == 0.1


def test_refused_restart_costs_nothing() -> None:
    given = budget()
    for _ in range(3):
        given.spend(0.0)
    for _ in range(5):
        given.spend(20.0)

    assert given.spend(30.0) is not None


def test_jitter_never_passes_the_cap() -> None:
    given = budget(jitter=1.2)

    delays = [given.spend(0.0) for _ in range(3)]

    assert delays[-1] == 0.3


def test_default_jitter_stays_within_a_fifth() -> None:
    delays = [RestartBudget(POLICY).spend(0.0) for _ in range(50)]

    assert all(delay is not None and 0.08 <= delay <= 0.12 for delay in delays)
