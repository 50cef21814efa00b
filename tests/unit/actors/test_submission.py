"""A submission is claimed once, by the writer or by its deadline."""

import threading

from actor_fakes import submission


def test_first_claim_wins() -> None:
    one = submission("a")

    assert one.claim()
    assert not one.claim()


def test_submissions_are_claimed_apart() -> None:
    first, second = submission("a"), submission("b")

    first.claim()

    assert second.claim()


def test_one_of_many_threads_wins_the_claim() -> None:
    rounds = [submission(str(n)) for n in range(200)]
    start = threading.Barrier(4)
    wins: list[int] = []

    def claim_all() -> None:
        start.wait(5)
        wins.append(sum(one.claim() for one in rounds))

    threads = [threading.Thread(target=claim_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert sum(wins) == 200
