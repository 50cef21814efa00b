"""The lane: bounded, ordered, never blocking, and kept over a restart."""

import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from orders.actors.lane import Hand, Lane


class Hesitant(Lane[int]):
    """Lets other threads run between the look for room and the act."""

    def has_room(self, weight: int = 1) -> bool:
        room = super().has_room(weight)
        time.sleep(0)  # gives up the interpreter, for no time
        return room


def weighted(capacity: int) -> Lane[int]:
    """A lane whose messages are their own weights."""
    return Lane(capacity, lambda message: message)


def test_full_lane_refuses_and_keeps_nothing() -> None:
    lane: Lane[str] = Lane(2)
    lane.offer("a")
    lane.offer("b")

    taken = lane.offer("c")

    assert not taken
    assert lane.depth == 2


def test_messages_leave_in_the_order_they_came() -> None:
    lane: Lane[str] = Lane(3)
    for message in "abc":
        lane.offer(message)

    hand = lane.take(3)

    assert hand is not None
    assert hand.messages == ["a", "b", "c"]


def test_empty_lane_gives_no_hand() -> None:
    assert Lane[str](3).take(1) is None


def test_weight_counts_against_the_capacity() -> None:
    lane = weighted(10)
    lane.offer(7)

    assert not lane.offer(4)
    assert lane.offer(3)


def test_has_room_asks_the_same_question_as_offer() -> None:
    lane = weighted(10)
    lane.offer(7)

    assert lane.has_room(3)
    assert not lane.has_room(4)


def test_take_stops_at_the_weight_limit() -> None:
    lane = weighted(100)
    for weight in (3, 3, 3):
        lane.offer(weight)

    hand = lane.take(7)

    assert hand is not None
    assert hand.messages == [3, 3]


def test_take_gives_at_least_one_message_however_heavy() -> None:
    lane = weighted(100)
    lane.offer(50)

    hand = lane.take(7)

    assert hand is not None
    assert hand.messages == [50]


def test_message_heavier_than_the_capacity_is_taken_while_empty() -> None:
    lane = weighted(10)

    assert lane.offer(11)
    assert not lane.offer(1)


def test_message_heavier_than_the_capacity_is_refused_while_not_empty() -> None:
    lane = weighted(10)
    lane.offer(1)

    assert not lane.offer(11)


def test_messages_in_hand_still_count() -> None:
    lane: Lane[str] = Lane(1)
    lane.offer("a")

    lane.take(1)

    assert not lane.waiting
    assert lane.depth == 1
    assert not lane.offer("b")


def test_finished_hand_makes_room() -> None:
    lane: Lane[str] = Lane(1)
    lane.offer("a")
    hand = lane.take(1)
    assert hand is not None

    hand.done()

    assert lane.depth == 0
    assert lane.offer("b")


def test_hand_finished_twice_counts_once() -> None:
    lane: Lane[str] = Lane(2)
    lane.offer("a")
    lane.offer("b")
    hand = lane.take(1)
    assert hand is not None

    hand.done()
    hand.done()

    assert lane.depth == 1


def test_give_back_puts_every_hand_to_the_front_in_order() -> None:
    lane: Lane[str] = Lane(5)
    for message in "abcde":
        lane.offer(message)
    lane.take(2)
    lane.take(1)

    returned = lane.give_back()

    hand = lane.take(5)
    assert returned == 3
    assert hand is not None
    assert hand.messages == list("abcde")


def test_given_back_messages_count_once() -> None:
    lane: Lane[str] = Lane(2)
    lane.offer("a")
    lane.take(1)

    lane.give_back()

    assert lane.depth == 1


def test_void_hand_changes_nothing_when_finished_late() -> None:
    lane: Lane[str] = Lane(2)
    lane.offer("a")
    late = lane.take(1)
    assert late is not None
    lane.give_back()
    again = lane.take(1)

    late.done()

    assert again is not None
    assert again.messages == ["a"]
    assert lane.depth == 1


def test_hand_put_back_leaves_the_hands_of_others_alone() -> None:
    lane: Lane[str] = Lane(3)
    for message in "abc":
        lane.offer(message)
    first, second = lane.take(1), lane.take(1)
    assert first is not None
    assert second is not None

    second.give_back()
    first.done()

    rest = lane.take(3)
    assert rest is not None
    assert rest.messages == ["b", "c"]
    assert lane.depth == 2


def test_void_hand_cannot_be_put_back() -> None:
    lane: Lane[str] = Lane(3)
    lane.offer("a")
    void = lane.take(1)
    assert void is not None
    lane.give_back()
    lane.take(1)

    void.give_back()

    assert not lane.waiting
    assert lane.depth == 1


def test_concurrent_offers_never_exceed_the_capacity() -> None:
    lane = Hesitant(500)
    start = threading.Barrier(8)
    accepted: list[int] = []

    def offer() -> None:
        start.wait(5)
        accepted.append(sum(lane.offer(n) for n in range(200)))

    threads = [threading.Thread(target=offer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert sum(accepted) == 500
    assert lane.depth == 500


def test_concurrent_heavy_offers_pass_at_most_one_beyond_the_capacity() -> None:
    lane = weighted(10)
    start = threading.Barrier(8)

    def offer() -> None:
        start.wait(5)
        for _ in range(100):
            lane.offer(25)

    threads = [threading.Thread(target=offer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert lane.depth == 25


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["offer", "take", "done", "back", "all_back"]),
        st.integers(min_value=1, max_value=12),
    ),
    max_size=60,
)


@given(STEPS)
def test_no_message_is_lost_or_doubled_and_depth_is_exact(
    steps: list[tuple[str, int]],
) -> None:
    lane: Lane[tuple[int, int]] = Lane(20, lambda message: message[1])
    hands: list[Hand[tuple[int, int]]] = []
    kept: list[tuple[int, int]] = []
    for number, (step, weight) in enumerate(steps):
        message = (number, weight)
        if step == "offer" and lane.offer(message):
            kept.append(message)
        elif step == "take" and (hand := lane.take(weight)) is not None:
            hands.append(hand)
        elif step == "done" and hands:
            finished = hands.pop()
            kept = [m for m in kept if m not in finished.messages]
            finished.done()
        elif step == "back" and hands:
            hands.pop().give_back()
        elif step == "all_back":
            lane.give_back()
            hands.clear()

    lane.give_back()
    rest = lane.take(10_000)

    assert lane.depth == sum(weight for _, weight in kept)
    assert ([] if rest is None else rest.messages) == sorted(kept)
