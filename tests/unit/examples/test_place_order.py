"""The example client: when it sends again, how long it waits, when it gives up."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "examples" / "place_order.py"
_spec = importlib.util.spec_from_file_location("place_order", SOURCE)
assert _spec is not None
assert _spec.loader is not None
place_order = importlib.util.module_from_spec(_spec)
sys.modules["place_order"] = place_order
_spec.loader.exec_module(place_order)
Answer = place_order.Answer

PLACED = Answer(202, {"order_id": "one"})
BUSY = Answer(503, {"code": "overloaded", "retryable": True}, "7")


class Service:
    """Answers in turn; time passes by sleeping alone."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.keys: list[str] = []
        self.bodies: list[bytes] = []
        self.slept: list[float] = []

    def send(self, body: bytes, fields: dict[str, str]):
        self.bodies.append(body)
        self.keys.append(fields["Idempotency-Key"])
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def client(self, uniform=lambda _least, most: most):
        return place_order.OrderClient(
            self.send,
            patience_seconds=60,
            sleep=self.slept.append,
            clock=lambda: sum(self.slept),
            uniform=uniform,
        )


def test_every_attempt_has_the_key_and_body_of_the_first() -> None:
    service = Service(BUSY, ConnectionResetError(), TimeoutError(), PLACED)

    assert service.client().place({"user_id": 7}) == PLACED.body
    assert len(set(service.keys)) == 1
    assert len(service.keys) == 4
    assert set(service.bodies) == {b'{"user_id": 7}'}


def test_two_orders_have_two_keys_and_a_given_one_is_used() -> None:
    service = Service(PLACED)
    client = service.client()

    client.place({})
    client.place({})
    client.place({}, "stored-before")

    assert len(set(service.keys)) == 3
    assert service.keys[2] == "stored-before"


@pytest.mark.parametrize(
    "answer",
    [
        BUSY,
        Answer(429, {"code": "rate_limited", "retryable": True}, "1"),
        Answer(409, {"code": "idempotency_key_in_use", "retryable": True}, "1"),
        Answer(500, {"code": "internal_error", "retryable": False}),
        Answer(502, {}),
    ],
)
def test_what_may_pass_is_sent_again(answer) -> None:
    service = Service(answer, PLACED)

    assert service.client().place({}) == PLACED.body


@pytest.mark.parametrize("status", [400, 401, 403, 409, 413, 422])
def test_what_does_not_pass_is_told_at_once(status: int) -> None:
    service = Service(Answer(status, {"code": "no", "retryable": False}))

    with pytest.raises(place_order.OrderRefusedError) as caught:
        service.client().place({})

    assert caught.value.status == status
    assert len(service.keys) == 1


def test_no_wait_is_shorter_than_what_the_service_asks_for() -> None:
    service = Service(BUSY, PLACED)

    service.client(uniform=lambda least, _most: least).place({})

    assert service.slept == [7.0]


def test_waits_grow_to_a_limit_and_are_drawn_at_random() -> None:
    drawn: list[tuple[float, float]] = []
    client = Service(PLACED).client(uniform=lambda *bounds: drawn.append(bounds) or 0.0)

    for number in range(1, 40):
        client.wait_seconds(number)

    longest = [most for _, most in drawn]
    assert {least for least, _ in drawn} == {0}
    assert longest[:4] == [0.4, 0.8, 1.6, 3.2]
    assert longest == sorted(longest)
    assert longest[-1] == 20.0


def test_a_date_is_waited_for_and_nonsense_is_not() -> None:
    client = Service(PLACED).client(uniform=lambda least, _most: least)

    assert client.wait_seconds(1, "Fri, 31 Dec 2100 23:59:59 GMT") > 3600
    assert client.wait_seconds(1, "Fri, 31 Dec 1999 23:59:59 GMT") == 0
    assert client.wait_seconds(1, "soon") == 0
    assert client.wait_seconds(1, "") == 0


def test_it_gives_up_in_time_and_says_with_which_key_to_go_on() -> None:
    service = Service(BUSY)

    with pytest.raises(place_order.OrderUncertainError) as caught:
        service.client().place({}, "kept")

    assert caught.value.key == "kept"
    assert sum(service.slept) <= 60
    assert len(service.slept) > 2


def test_the_last_wait_ends_with_the_patience() -> None:
    service = Service(ConnectionRefusedError(111, "Connection refused"))

    with pytest.raises(place_order.OrderUncertainError):
        service.client().place({})

    assert sum(service.slept) == pytest.approx(60)
    assert service.slept[-1] < 20


def test_what_the_service_asks_for_is_not_cut_to_the_patience() -> None:
    service = Service(BUSY)

    with pytest.raises(place_order.OrderUncertainError):
        service.client(uniform=lambda least, _most: least).place({})

    assert service.slept == [7.0] * 8  # a ninth one would end after 63 s


def test_a_retry_reads_as_a_line() -> None:
    told: list[str] = []
    service = Service(BUSY, ConnectionResetError(104, "Connection reset"), PLACED)
    client = service.client()
    client._on_retry = lambda attempt: told.append(str(attempt))

    client.place({})

    first, second = told
    assert first == "attempt 1: 503 overloaded; the next one in 7.4 s"
    assert second.startswith("attempt 2: ConnectionResetError: [Errno 104] ")
    assert second.endswith("; the next one in 0.8 s")


def test_a_refusal_tells_each_error() -> None:
    problem = {
        "code": "validation_failed",
        "detail": "2 errors",
        "errors": [
            {"pointer": "/total", "code": "x", "message": "is not the sum"},
            {"pointer": "", "code": "x", "message": "is too much"},
        ],
    }

    assert str(place_order.OrderRefusedError(422, problem)).splitlines() == [
        "422 validation_failed: 2 errors",
        "  /total: is not the sum",
        "  the whole order: is too much",
    ]


def run(text: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, SOURCE, *options],
        input=text,
        capture_output=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b'"\xff"'])
def test_what_is_no_order_is_one_line_and_exits_with_2(text: bytes) -> None:
    done = run(text)

    assert done.returncode == 2
    assert done.stderr.startswith(b"no order on standard input: ")
    assert done.stderr.count(b"\n") == 1


def test_an_address_that_is_none_is_one_line_and_exits_with_2() -> None:
    done = run(b"{}", "--url", "http://host:x")

    assert done.returncode == 2
    assert done.stderr.startswith(b"not the address of a service: http://host:x: ")
    assert done.stderr.count(b"\n") == 1


def test_the_help_shows_an_order_that_can_be_read() -> None:
    text = run(b"", "--help").stdout.decode()

    _, shown, _ = text.split("'", 2)
    assert place_order.read_order(shown.encode())["user_id"] == 7
    assert "(default: http://127.0.0.1:8080)" in text
    assert "(default: 120.0)" in text


@pytest.mark.parametrize("url", ["ftp://a", "localhost:8080", "http://", "http://a:x"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(place_order.InputError, match="not the address"):
        place_order.sender(url)


def test_a_refusal_after_a_lost_answer_does_not_say_that_nothing_was_placed() -> None:
    revoked = Answer(401, {"code": "api_key_invalid"})
    service = Service(ConnectionResetError(), revoked)

    with pytest.raises(place_order.OrderUncertainError) as caught:
        service.client().place({}, "kept")

    assert caught.value.key == "kept"


def test_a_refusal_after_a_limit_is_a_refusal() -> None:
    limited = Answer(429, {"code": "rate_limited", "retryable": True})
    service = Service(limited, Answer(401, {"code": "api_key_invalid"}))

    with pytest.raises(place_order.OrderRefusedError):
        service.client().place({})
