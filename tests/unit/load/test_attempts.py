"""What clients write down of what they saw."""

from orders.load.answers import Meaning
from orders.load.attempts import Attempt, create_of, read_of
from orders.load.http_client import Answer
from orders.load.planned_orders import ROUTE, PlannedOrder
from orders.verification.journal import Outcome

ORDER = PlannedOrder(ROUTE, "key", 7, b"{}", "print")


def attempt(code: int | None, outcome: Outcome, **body: object) -> Attempt:
    answer = None if code is None else Answer(code, {}, body)
    return Attempt(1, 1.0, 2.0, answer, Meaning(outcome))


def test_an_acceptance_is_written_with_all_it_said() -> None:
    seen = attempt(202, Outcome.OK, order_id="x", version=1, status="PENDING")

    written = create_of(3, ORDER, seen)

    told = (written.order_id, written.version, written.status, written.http_status)
    assert told == ("x", 1, "PENDING", 202)
    assert (written.key, written.fingerprint) == ("key", "print")


def test_the_status_of_a_problem_is_not_an_orders() -> None:
    seen = attempt(503, Outcome.UNKNOWN, status=503, order_id="x")

    assert create_of(3, ORDER, seen).status is None


def test_a_lost_answer_says_nothing() -> None:
    written = create_of(3, ORDER, attempt(None, Outcome.UNKNOWN))

    assert (written.http_status, written.order_id) == (None, None)


def test_a_read_names_the_order_it_asked_for() -> None:
    written = read_of(3, "x", attempt(404, Outcome.FAILED))

    assert (written.kind, written.order_id, written.http_status) == ("read", "x", 404)


def test_the_node_that_was_asked_is_written() -> None:
    lost = attempt(None, Outcome.UNKNOWN)

    assert create_of(3, ORDER, lost).node == 1
    assert read_of(3, "x", lost).node == 1


def test_a_replay_is_written() -> None:
    answer = Answer(200, {"idempotency-replayed": "true"}, {"order_id": "x"})

    seen = Attempt(0, 1.0, 2.0, answer, Meaning(Outcome.OK))

    assert create_of(3, ORDER, seen).replayed
