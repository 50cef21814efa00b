"""Clients that wait for orders which nobody settles.

    python -m benchmarks.waiters --port 8080 --ids ids.txt

Each line of the file is an order; each gets a connection that asks for it with
``?wait=30`` and asks again when told that it is still pending. Prints the number of
requests under way once every one is sent, then runs until its standard input ends
and prints how many were answered by then.
"""

import argparse
import select
import socket
import sys
from pathlib import Path

_WAIT_SECONDS = 30
_LOOK_MS = 200
_STDIN = 0


def main() -> None:
    """Wait as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.waiters")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ids", type=Path, required=True)
    given = parser.parse_args()
    waiting: dict[int, tuple[socket.socket, bytes]] = {}
    poller = select.poll()
    for order_id in given.ids.read_text("ascii").split():
        client = socket.create_connection(("127.0.0.1", given.port))
        path = f"/v1/orders/{order_id}?wait={_WAIT_SECONDS}"
        request = f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
        client.sendall(request)
        waiting[client.fileno()] = (client, request)
        poller.register(client, select.POLLIN)
    print(len(waiting), flush=True)
    poller.register(_STDIN, select.POLLIN | select.POLLHUP)
    print(_wait(poller, waiting), flush=True)


def _wait(poller: select.poll, waiting: dict[int, tuple[socket.socket, bytes]]) -> int:
    answered = 0
    while True:
        for descriptor, _ in poller.poll(_LOOK_MS):
            if descriptor == _STDIN:
                return answered
            client, request = waiting[descriptor]
            if not client.recv(65_536):  # small answers come whole
                sys.exit("the server closed a connection that waits")
            answered += 1
            client.sendall(request)


if __name__ == "__main__":
    main()
