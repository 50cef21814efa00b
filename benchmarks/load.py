"""A closed-loop client: each connection sends its next order once it has an answer.

Used as ``python benchmarks/load.py PORT CONNECTIONS SECONDS``; prints one JSON object.
Orders go to ``POST /Orders``; one in five reaches the payment limit.
"""

import itertools
import json
import selectors
import socket
import sys
import time

_HEAD_END = b"\r\n\r\n"
_LONGEST_WAIT_SECONDS = 5.0


def request(number: int) -> bytes:
    """Return the bytes of one order."""
    price = 1500 if number % 5 == 0 else 499
    body = (
        f'{{"user_id":{number % 10_000 + 1},"product_id":{number % 500 + 1},'
        f'"quantity":2,"total_price":{price}}}'
    )
    head = (
        "POST /Orders HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


class Connection:
    """One client; knows when its answer is complete."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer = b""
        self._sent_at = 0.0

    def send(self, number: int) -> None:
        """Send an order."""
        self._sent_at = time.perf_counter()
        self.socket.sendall(request(number))

    def receive(self) -> tuple[int, float] | None:
        """Take in what came; status and seconds once the answer is complete."""
        self._answer += self.socket.recv(65_536)
        head, end, body = self._answer.partition(_HEAD_END)
        if not end:
            return None
        fields = head.lower()
        at = fields.index(b"content-length:") + len(b"content-length:")
        if len(body) < int(fields[at:].split(b"\r\n", 1)[0]):
            return None
        self._answer = b""
        return int(head[9:12]), time.perf_counter() - self._sent_at


def run(port: int, connections: int, seconds: float) -> dict[str, float]:
    """Keep ``connections`` busy for ``seconds``; return counts and times."""
    selector = selectors.DefaultSelector()
    numbers = itertools.count()
    for _ in range(connections):
        connection = Connection(port)
        connection.socket.setblocking(False)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send(next(numbers))
    times: list[float] = []
    refused = 0
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        for key, _ in selector.select(_LONGEST_WAIT_SECONDS):
            answered = key.data.receive()
            if answered is None:
                continue
            status, took = answered
            times.append(took)
            refused += status >= 300  # noqa: PLR2004 - not a success
            key.data.send(next(numbers))
    took_all = time.perf_counter() - began
    times.sort()
    return {
        "accepted_per_second": (len(times) - refused) / took_all,
        "refused": refused,
        "p50_ms": 1000 * times[len(times) // 2],
        "p99_ms": 1000 * times[len(times) * 99 // 100],
    }


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))))
