"""F21: many clients that send a byte a second, or ask once and say nothing more."""

import contextlib
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

from orders.chaos.arena import Arena
from orders.chaos.faults.postgres import outage_problems
from orders.chaos.hindsight import met_by, slowest_seconds
from orders.chaos.recovery import await_recovery
from orders.chaos.trial import Hindsight, Hit, Trial
from orders.devstack.ports import LOOPBACK
from orders.verification.journal import Operation

_CONNECT_SECONDS = 5.0
_STAY_SECONDS = 12.0
"""Longer than a client may take to send a request (10 s)."""
_MET_SECONDS = 7.0
"""So long all of them must have been there, or a node was not kept busy."""
_CLOSED_SECONDS = 4.0
"""From then on until the last slow sender is closed."""
_EVERY_SECONDS = 1.0
_SERVER_ERROR = 500


class Crowd(NamedTuple):
    """So many connections, what each sends at first, and each second after it."""

    connections: int
    first: bytes
    more: bytes

    @property
    def may_stay(self) -> bool:
        """Whether a node keeps them: silence between requests is no offence."""
        return not self.more


CROWDS: Final = MappingProxyType(
    {
        "slow headers": Crowd(500, b"POST /v1/orders HTTP/1.1\r\nX-Slow: ", b"a"),
        "slow bodies": Crowd(
            500,
            b"POST /v1/orders HTTP/1.1\r\nHost: orders\r\n"
            b"Content-Type: application/json\r\nContent-Length: 10000\r\n\r\n",
            b" ",
        ),
        "idle connections": Crowd(
            2_000, b"GET /problems HTTP/1.1\r\nHost: orders\r\n\r\n", b""
        ),
    }
)


def strike_slow_clients(arena: Arena, trial: Trial) -> Hit:
    """Keep a node's connections busy with nothing; others must not notice."""
    crowd = CROWDS[trial.kind]
    node = arena.nodes[trial.node]
    time.sleep(trial.delay_seconds)
    at = time.monotonic()
    with contextlib.ExitStack() as opened:
        clients = [
            opened.enter_context(_connect(node.gates.http_port, crowd))
            for _ in range(crowd.connections)
        ]
        met = _drip(clients, crowd.more, at + _MET_SECONDS)
        until = at + _STAY_SECONDS + (0 if crowd.may_stay else _CLOSED_SECONDS)
        left = _drip(met, crowd.more, until)
        arena.await_flow()
        over = time.monotonic()
    recovery = await_recovery(arena, over)
    return Hit(
        fired=len(met) == crowd.connections,
        at=at,
        over=over,
        node=trial.node,
        problems=(*_problems(crowd, left), *recovery.problems),
        measured={"open_at_last": len(left), "recovered_seconds": recovery.seconds},
        judge=partial(judge_others, at, over),
    )


def judge_others(at: float, over: float, operations: Sequence[Operation]) -> Hindsight:
    """Judge what the other clients saw: answers, in time, and no refusals."""
    seen = met_by(at, over, operations)
    refused = [op for op in seen if (op.http_status or 0) >= _SERVER_ERROR]
    told = f"{len(refused)} requests of other clients were refused"
    return Hindsight(
        fired=bool(seen),
        problems=(
            *outage_problems(seen),
            *((f"{told}: {refused[0]}",) if refused else ()),
        ),
        measured={"slowest_seconds": slowest_seconds(seen)},
    )


def _connect(port: int, crowd: Crowd) -> socket.socket:
    client = socket.create_connection((LOOPBACK, port), _CONNECT_SECONDS)
    client.sendall(crowd.first)
    if crowd.may_stay:
        client.recv(1)  # answered: the node has it, and not the kernel's backlog
    client.setblocking(False)
    return client


def _drip(
    clients: Sequence[socket.socket], more: bytes, until: float
) -> list[socket.socket]:
    """Send ``more`` each second until nobody is left, or time is; return who is."""
    left = list(clients)
    while left and time.monotonic() < until:
        time.sleep(_EVERY_SECONDS)
        left = list(still_open(left, more))
    return left


def still_open(
    clients: Iterable[socket.socket], more: bytes
) -> Iterator[socket.socket]:
    """Send each client's ``more``; yield those that the node has not closed."""
    for client in clients:
        try:
            client.send(more)
            if client.recv(4096):  # an answer, such as 408, comes before the end
                yield client
        except BlockingIOError:
            yield client
        except OSError:
            continue  # the node has closed it


def _problems(crowd: Crowd, left: Sequence[socket.socket]) -> Iterator[str]:
    if crowd.may_stay and len(left) < crowd.connections:
        yield f"{crowd.connections - len(left)} idle connections were closed early"
    if left and not crowd.may_stay:
        yield f"{len(left)} slow clients are not closed"
