from orders.http.timers import Timers


def test_what_is_due_comes_earliest_first():
    timers, first, second = Timers(), object(), object()
    timers.at(2.0, second)
    timers.at(1.0, first)

    assert timers.take_due(2.0) == [first, second]


def test_callbacks_of_one_moment_keep_their_order():
    timers = Timers()
    callbacks = [lambda: None for _ in range(5)]
    for callback in callbacks:
        timers.at(1.0, callback)

    assert timers.take_due(1.0) == callbacks


def test_what_is_not_due_stays():
    timers = Timers()
    timers.at(2.0, print)

    assert timers.take_due(1.9) == []
    assert timers.next_due() == 2.0


def test_nothing_is_due_without_timers():
    assert Timers().next_due() is None
