"""Delays, rates and cuts of the fault proxy, without sockets."""

import random

from orders.chaos.proxy_rules import PASS, ArmedCut, Cut, CutScan, DelayLine, Rules


def line() -> DelayLine:
    return DelayLine(random.Random(1))  # noqa: S311 - seeded, so that it repeats


def scan(cut: Cut) -> CutScan:
    return CutScan(ArmedCut(cut))


def test_bytes_pass_at_once_without_rules() -> None:
    delayed = line()

    delayed.put(b"abc", 10.0, PASS)

    assert delayed.head(10.0) == b"abc"


def test_bytes_wait_for_the_latency() -> None:
    delayed = line()

    delayed.put(b"abc", 10.0, Rules(latency_seconds=0.5))

    assert delayed.head(10.4) == b""
    assert delayed.head(10.5) == b"abc"


def test_jitter_never_lets_bytes_overtake() -> None:
    delayed, rules = line(), Rules(latency_seconds=1.0, jitter_seconds=1.0)

    for number in range(100):
        delayed.put(bytes([number]), 10.0, rules)

    taken = b""
    while piece := delayed.head(12.0):
        taken += piece
        delayed.handed_on(len(piece), 12.0, PASS)
    assert taken == bytes(range(100))


def test_a_rate_keeps_the_next_bytes_back() -> None:
    delayed, rules = line(), Rules(bytes_per_second=100.0)
    delayed.put(b"x" * 50, 10.0, rules)
    delayed.put(b"y", 10.0, rules)

    delayed.handed_on(50, 10.0, rules)

    assert delayed.due == 10.5


def test_what_the_kernel_did_not_take_stays_at_the_front() -> None:
    delayed = line()
    delayed.put(b"abcdef", 10.0, PASS)

    delayed.handed_on(2, 10.0, PASS)

    assert delayed.head(10.0) == b"cdef"


def test_a_full_line_takes_no_more() -> None:
    delayed = line()

    delayed.put(b"x" * DelayLine.CAPACITY_BYTES, 10.0, PASS)

    assert not delayed.has_room


def test_a_request_with_the_mark_is_doomed() -> None:
    assert scan(Cut(b"COMMIT")).is_doomed(b"...COMMIT...")


def test_a_request_without_the_mark_passes() -> None:
    assert not scan(Cut(b"COMMIT")).is_doomed(b"ROLLBACK")


def test_a_mark_is_found_across_two_pieces() -> None:
    looking = scan(Cut(b"COMMIT"))
    looking.is_doomed(b"xxCOM")

    assert looking.is_doomed(b"MITxx")


def test_a_mark_in_one_piece_counts_once() -> None:
    looking = scan(Cut(b"AB", nth=2))
    looking.is_doomed(b"AB")

    looking.is_doomed(b"xx")

    assert looking.armed.matches == 1


def test_the_nth_match_is_counted_over_all_connections() -> None:
    armed = ArmedCut(Cut(b"COMMIT", nth=2))
    first, second = CutScan(armed), CutScan(armed)

    assert not first.is_doomed(b"COMMIT")
    assert second.is_doomed(b"COMMIT")


def test_later_means_a_request_after_the_marked_one() -> None:
    looking = scan(Cut(b"rows", later=1))

    assert not looking.is_doomed(b"rows of a settlement")
    looking.note_reply()
    assert looking.is_doomed(b"commit")


def test_later_does_not_count_more_of_the_same_request() -> None:
    looking = scan(Cut(b"rows", later=1))
    looking.is_doomed(b"rows of a")

    assert not looking.is_doomed(b" long settlement")


def test_a_cut_that_did_not_happen_has_not_fired() -> None:
    assert ArmedCut(Cut(b"COMMIT")).fired == 0


def test_a_cut_that_happened_has_fired() -> None:
    armed = ArmedCut(Cut(b"COMMIT"))

    armed.note_fired(12.0)

    assert (armed.fired, armed.fired_at) == (1, 12.0)
