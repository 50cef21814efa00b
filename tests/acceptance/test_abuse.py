"""A real node and what strangers may send it: an answer for each, and never a 5xx."""

import importlib.util
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

pytestmark = pytest.mark.acceptance

_PLACE = Path(__file__).with_name("abuse_corpus.py")
_SPEC = importlib.util.spec_from_file_location("abuse_corpus", _PLACE)
assert _SPEC is not None
assert _SPEC.loader is not None
corpus = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(corpus)

BODIES = tuple(corpus.bodies())
RAW_REQUESTS = tuple(corpus.raw_requests())
ANSWER_SECONDS = 10.0
HEALTHY_SECONDS = 2.0
PIPELINED = 100


@contextmanager
def healthy_client(node, body: dict[str, object]) -> Iterator[list[float]]:
    """Order all the while beside what is tried; yield the seconds of each answer."""
    seconds: list[float] = []
    done = threading.Event()
    failures: list[object] = []

    def run() -> None:
        while not done.wait(0.02):
            began = time.monotonic()
            answer = node.post("/v1/orders", body)
            seconds.append(time.monotonic() - began)
            if answer.status != 202:
                failures.append((answer.status, answer.data))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield seconds
    finally:
        done.set()
        thread.join()
    assert failures == []


def fault_of_refusal(path: str, answer) -> str | None:
    """Return what is wrong with an answer that is no 2xx."""
    if not 400 <= answer.status < 500:
        return f"status {answer.status}"
    told = answer.json()
    if path == "/Orders" and answer.status == 400:
        return None if told.get("error") else "no error is named"
    if answer.headers["Content-Type"] != "application/problem+json":
        return f"not a problem: {answer.headers['Content-Type']}"
    if answer.status == 422 and not told.get("errors"):
        return "no place is named"
    return None if told.get("code") and told.get("detail") else f"says little: {told}"


def test_no_body_brings_a_5xx_and_what_is_taken_comes_back(node, order_body) -> None:
    wrong: list[object] = []

    with healthy_client(node, order_body()) as seconds:
        for name, path, body in BODIES:
            answer = node.post(path, body)
            if answer.status not in {200, 202}:
                fault = fault_of_refusal(path, answer)
            elif path == "/Orders":
                fault = None
            else:
                sent, told = json.loads(body), answer.json()
                same = all(told[member] == value for member, value in sent.items())
                fault = None if same else f"came back as {told}"
            if fault is not None:
                wrong.append((name, fault))

    assert wrong == []
    assert len(BODIES) >= 300
    assert max(seconds) < HEALTHY_SECONDS


def test_naughty_texts_come_back_byte_for_byte_or_are_refused(node, order_body) -> None:
    wrong: list[object] = []
    taken = 0

    for text in corpus.NAUGHTY_TEXTS:
        for name, more in (
            ("reference", {"reference": text}),
            ("metadata", {"metadata": {text: text, "list": [text]}}),
        ):
            body = json.dumps(order_body() | more, ensure_ascii=False).encode()
            answer = node.post("/v1/orders", body)
            if answer.status != 202:
                fault = fault_of_refusal("/v1/orders", answer)
            else:
                taken += 1
                path = f"/v1/orders/{answer.json()['order_id']}"
                read = node.get(path).json()
                same = answer.json()[name] == read[name] == more[name]
                fault = None if same else f"came back as {read[name]!r}"
                if name == "reference" and fault is None:
                    listed = node.get(f"/v1/orders?reference={quote(text)}").json()
                    found = {order["reference"] for order in listed["orders"]}
                    fault = None if found == {text} else f"listed as {found}"
            if fault is not None:
                wrong.append((name, text, fault))

    assert wrong == []
    assert taken > len(corpus.NAUGHTY_TEXTS)


def test_naughty_texts_in_addresses_and_headers_bring_no_5xx(node, order_body) -> None:
    wrong: list[object] = []

    for text in corpus.NAUGHTY_TEXTS:
        quoted = quote(text[:500], safe="")
        for path in (
            f"/v1/orders/{quoted}",
            f"/v1/orders/{quoted}/history",
            f"/v1/orders?status={quoted}",
            f"/v1/orders?cursor={quoted}",
            f"/v1/orders?user_id={quoted}",
            f"/v1/orders?{quoted}=1",
            f"/v1/notifications?user_id={quoted}",
        ):
            answer = node.get(path)
            if answer.status != 200 and fault_of_refusal(path, answer):
                wrong.append((path, fault_of_refusal(path, answer)))
        if text.isascii() and text.isprintable():
            for header in ("Idempotency_Key", "X_Request_Id", "Prefer", "traceparent"):
                answer = node.post("/v1/orders", order_body(), **{header: text})
                fault = fault_of_refusal("/v1/orders", answer)
                if answer.status not in {200, 202} and fault:
                    wrong.append((header, text, fault))

    assert wrong == []


def send_raw(node, data: bytes) -> bytes:
    """Send on a new connection, end the sending side, return all that comes back."""
    there = urlsplit(node.url)
    with socket.create_connection((there.hostname, there.port), ANSWER_SECONDS) as it:
        answer = b""
        try:
            it.sendall(data)
            it.shutdown(socket.SHUT_WR)
            while part := it.recv(65_536):
                answer += part
        except (ConnectionResetError, BrokenPipeError):
            pass  # closed before it had read everything: an answer may have come
        return answer


def test_broken_requests_are_refused_or_closed_and_none_is_smuggled(
    node, order_body
) -> None:
    wrong: list[object] = []

    with healthy_client(node, order_body()) as seconds:
        for name, data in RAW_REQUESTS:
            answer = send_raw(node, data)
            status = answer[9:12]
            if answer and (answer[:7] != b"HTTP/1." or status[:1] not in b"24"):
                wrong.append((name, answer[:200]))
            if b"smuggled" in answer:
                wrong.append((name, "the smuggled request was answered"))

    assert wrong == []
    assert len(RAW_REQUESTS) >= 100
    assert max(seconds) < HEALTHY_SECONDS


def test_a_request_without_a_certain_end_is_refused_and_its_connection_closed(
    node,
) -> None:
    wrong: list[object] = []

    for name, data in corpus.broken_frames():
        answer = send_raw(node, data)
        refused = answer[9:12] in {b"400", b"413"}
        if not refused or b"\r\nconnection: close\r\n" not in answer.lower():
            wrong.append((name, answer[:300]))

    assert wrong == []


def test_requests_pipelined_100_deep_are_answered_in_order(node, order_body) -> None:
    made = node.post("/v1/orders", order_body()).json()["order_id"]
    asked = f"GET /v1/orders/{made} HTTP/1.1\r\nHost: a\r\nX-Request-Id: n-%d\r\n\r\n"

    answer = send_raw(node, "".join(asked % n for n in range(PIPELINED)).encode())

    heads = [part.split(b"\r\n\r\n")[0] for part in answer.split(b"HTTP/1.1 ")[1:]]
    ids = [head.lower().split(b"x-request-id: ")[1].split(b"\r\n")[0] for head in heads]
    assert ids == [b"n-%d" % n for n in range(PIPELINED)]
