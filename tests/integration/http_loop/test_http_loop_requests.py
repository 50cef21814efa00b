"""Requests as they come over real sockets."""

import json
import re
import threading

import pytest

pytestmark = pytest.mark.integration

HOST = "Host: test\r\n"
SMUGGLING = {
    "length and coding": f"POST /echo HTTP/1.1\r\n{HOST}Content-Length: 3\r\n"
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding twice": f"POST /echo HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n"
    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "other coding": f"POST /echo HTTP/1.1\r\n{HOST}Transfer-Encoding: gzip\r\n\r\n",
    "coding in 1.0": "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "length twice": f"POST /echo HTTP/1.1\r\n{HOST}Content-Length: 3\r\n"
    "Content-Length: 3\r\n\r\nabc",
    "length not a number": f"POST /echo HTTP/1.1\r\n{HOST}Content-Length: +3\r\n\r\n",
    "length of many digits": f"POST /echo HTTP/1.1\r\n{HOST}"
    f"Content-Length: {'9' * 5000}\r\n\r\n",
    "no host": "GET /echo HTTP/1.1\r\n\r\n",
    "host twice": f"GET /echo HTTP/1.1\r\n{HOST}{HOST}\r\n",
    "folded line": f"GET /echo HTTP/1.1\r\n{HOST}A: b\r\n c\r\n\r\n",
    "bare line feed": f"GET /echo HTTP/1.1\r\n{HOST}A: b\nC: d\r\n\r\n",
    "no version": f"GET /echo\r\n{HOST}\r\n",
}


def test_pipelined_requests_are_answered_in_order(served, raw_request):
    client = served.connect()

    client.send(b"".join(raw_request("POST", "/echo", b"%d" % n) for n in range(10)))

    assert [client.answer().body for _ in range(10)] == [b"%d" % n for n in range(10)]


def test_a_request_waits_for_the_parked_one_before_it(served, raw_request):
    client = served.connect()

    client.send(raw_request("GET", "/slow?ms=100") + raw_request("POST", "/echo", b"x"))

    assert [client.answer().body for _ in range(2)] == [b"slept", b"x"]


def test_a_client_is_told_to_continue(served, raw_request):
    client = served.connect()
    head = raw_request("POST", "/echo", b"abc", "Expect: 100-continue")[:-3]

    client.send(head)
    told = client.answer()
    client.send(b"abc")

    assert (told.status, client.answer().body) == (100, b"abc")


def test_a_client_behind_a_parked_request_is_told_to_continue_after_it(
    served, raw_request
):
    client = served.connect()
    head = raw_request("POST", "/echo", b"abc", "Expect: 100-continue")[:-3]

    client.send(raw_request("GET", "/slow?ms=100") + head)
    first, told = client.answer(), client.answer()
    client.send(b"abc")

    assert (first.body, told.status) == (b"slept", 100)
    assert client.answer().body == b"abc"


def test_a_client_is_not_told_to_continue_with_a_body_that_is_refused(serve):
    client = serve(max_body_bytes=10).connect()

    answer = client.ask("POST", "/echo", b"x" * 11, "Expect: 100-continue")

    assert answer.status == 413


def test_expecting_to_continue_without_a_body_is_answered_at_once(served):
    answer = served.connect().ask("GET", "/echo", None, "Expect: 100-continue")

    assert answer.status == 200


def test_a_half_closed_client_is_still_answered(served, raw_request):
    client = served.connect()
    client.send(raw_request("GET", "/slow?ms=100"))

    client.half_close()

    assert client.answer().body == b"slept"


def test_bytes_may_come_one_by_one(served, raw_request):
    client = served.connect()

    for byte in raw_request("POST", "/echo", b"abc"):
        client.send(bytes([byte]))

    assert client.answer().body == b"abc"


def test_a_chunked_body_is_put_together(served, raw_request):
    client = served.connect()

    client.send(raw_request("POST", "/echo", None, "Transfer-Encoding: chunked"))
    client.send(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    assert client.answer().body == b"abcde"


def test_http_1_0_is_answered_and_closed(served):
    client = served.connect()

    client.send(b"POST /echo HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc")
    answer = client.answer()

    assert (answer.version, answer.body) == ("HTTP/1.0", b"abc")
    assert answer.headers["connection"] == "close"
    assert client.is_closed()


def test_http_1_0_may_ask_to_stay(served):
    client = served.connect()
    ask = b"POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\n"

    client.send(ask + b"abc")
    first = client.answer()
    client.send(ask + b"def")

    assert first.headers["connection"] == "keep-alive"
    assert client.answer().body == b"def"


def test_connection_close_is_kept(served):
    client = served.connect()

    answer = client.ask("GET", "/echo", None, "Connection: TE, Close")

    assert answer.headers["connection"] == "close"
    assert client.is_closed()


def test_head_has_the_length_and_not_the_body(served):
    client = served.connect()

    head = client.ask("HEAD", "/big")
    after = client.ask("POST", "/echo", b"x")

    assert (head.headers["content-length"], after.body) == ("100000", b"x")


def test_an_answer_has_a_date_and_no_banner(served):
    headers = served.connect().ask("GET", "/echo").headers

    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", headers["date"])
    assert headers.keys() == {"content-type", "content-length", "date"}


def test_a_body_over_the_limit_is_refused_while_it_is_sent(served, raw_request):
    client = served.connect()
    body = raw_request("POST", "/echo", b"x" * (1 << 20))
    sender = threading.Thread(target=client.send, args=(body,))

    sender.start()
    answer = client.answer()
    sender.join()

    assert (answer.status, json.loads(answer.body)["code"]) == (413, "body_too_large")


def test_a_refused_client_may_send_on_without_being_reset(serve, raw_request):
    client = serve(linger_seconds=5).connect()
    client.send(raw_request("POST", "/echo", b"x" * 200_000)[:10_000])
    answer = client.answer()

    for _ in range(3):
        client.send(b"x" * 1000)
        threading.Event().wait(0.05)

    assert answer.status == 413
    assert client.is_closed()


@pytest.mark.parametrize(("extra", "status"), [(0, 200), (1, 413)])
def test_the_body_limit_is_exact(serve, extra, status):
    client = serve(max_body_bytes=1000).connect()

    assert client.ask("POST", "/echo", b"x" * (1000 + extra)).status == status


def test_a_chunked_body_over_the_limit_is_refused(serve, raw_request):
    client = serve(max_body_bytes=1000).connect()

    client.send(raw_request("POST", "/echo", None, "Transfer-Encoding: chunked"))
    client.send(b"800\r\n" + b"x" * 0x800)

    assert client.answer().status == 413


def test_a_head_over_the_limit_is_refused(served):
    answer = served.connect().ask("GET", "/echo", None, "A: " + "x" * 17_000)

    assert (answer.status, json.loads(answer.body)["code"]) == (
        431,
        "headers_too_large",
    )


@pytest.mark.parametrize("sent", SMUGGLING.values(), ids=SMUGGLING.keys())
def test_what_two_servers_could_read_differently_is_refused(served, sent):
    client = served.connect()

    client.send(sent.encode())
    answer = client.answer()

    assert (answer.status, answer.headers["connection"]) == (400, "close")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "server" not in answer.headers
    assert client.is_closed()


@pytest.mark.parametrize("path", ["/boom", "/parked?name=a&boom=1"])
def test_a_failing_handler_answers_500_and_the_connection_lives_on(
    served, path, raw_request
):
    client = served.connect()
    client.send(raw_request("GET", path))
    if "parked" in path:
        served.wait_for_parked(1)
        served.loop.answer([(served.tickets["a"], 1)])

    failed = client.answer()

    assert (failed.status, json.loads(failed.body)["code"]) == (500, "internal_error")
    assert client.ask("POST", "/echo", b"x").body == b"x"


def test_a_failing_head_request_leaves_the_connection_in_step(served):
    client = served.connect()

    failed = client.ask("HEAD", "/boom")

    assert failed.status == 500
    assert client.ask("POST", "/echo", b"x").body == b"x"


def test_descriptors_are_used_again(served):
    answered = 0

    for _ in range(300):
        client = served.connect()
        answered += client.ask("POST", "/echo", b"abc").body == b"abc"
        client.close()

    assert answered == 300
