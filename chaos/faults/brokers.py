"""F5 and F6: the broker is killed, restarted, away for long, or frozen."""

import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.hindsight import slowest_seconds
from orders.chaos.recovery import await_recovery
from orders.chaos.stack import ChaosStack
from orders.chaos.trial import Hindsight, Hit, Trial
from orders.verification.journal import Operation

_AWAY_SECONDS = 2.0
_LONG_AWAY_SECONDS = 20.0
_OK = range(200, 300)
_SERVER_ERRORS = range(500, 600)


def strike_broker(arena: Arena, trial: Trial) -> Hit:
    """Take Kafka away under load; orders must go on, and be settled when it is back."""
    time.sleep(trial.delay_seconds)
    at = time.monotonic()
    _WAYS[trial.kind](arena.stack)
    back = time.monotonic()
    arena.await_flow()
    recovery = await_recovery(arena, back)
    return Hit(
        fired=True,
        at=at,
        over=back,
        problems=recovery.problems,
        measured={"away_seconds": back - at, "recovered_seconds": recovery.seconds},
        judge=partial(judge_intake, at, back),
    )


def judge_intake(at: float, back: float, operations: Sequence[Operation]) -> Hindsight:
    """Judge the orders that were sent while Kafka was away, from ``at`` to ``back``."""
    sent = [op for op in operations if op.kind == "create" and at <= op.started <= back]
    refused = [op for op in sent if op.http_status in _SERVER_ERRORS]
    taken = sum(op.http_status in _OK for op in sent)
    problem = f"{len(refused)} orders were refused while Kafka was away"
    return Hindsight(
        fired=taken > 0,
        problems=(f"{problem}: {refused[0]}",) if refused else (),
        measured={
            "taken_meanwhile": taken,
            "slowest_seconds": slowest_seconds(sent),
        },
    )


def take_away(stack: ChaosStack, seconds: float = _AWAY_SECONDS) -> None:
    """Kill Kafka and start it again after ``seconds``."""
    stack.kafka.kill(signal.SIGKILL)
    time.sleep(seconds)
    stack.kafka.start()


def _restart(stack: ChaosStack) -> None:
    stack.kafka.stop()
    stack.kafka.start()


def _freeze(stack: ChaosStack, seconds: float) -> None:
    stack.kafka.kill(signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        stack.kafka.kill(signal.SIGCONT)


_WAYS: Final[MappingProxyType[str, Callable[[ChaosStack], None]]] = MappingProxyType(
    {
        "kill -9": take_away,
        "restart": _restart,
        "away 20 s": partial(take_away, seconds=_LONG_AWAY_SECONDS),
        # Beyond the clients' requests, which end after 5 and 10 s, and beyond the
        # group's sessions.
        "frozen 4 s": partial(_freeze, seconds=4.0),
        "frozen 14 s": partial(_freeze, seconds=14.0),
    }
)
"""Each takes the broker away, and returns when it is back."""
