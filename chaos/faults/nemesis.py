"""F25: faults of other rows at random, each while something else is wrong too."""

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from orders.chaos.arena import Arena
from orders.chaos.guest import Guest
from orders.chaos.proxy_rules import PASS, Rules
from orders.chaos.recovery import await_recovery
from orders.chaos.trial import Hit, Trial
from orders.devstack.server import EmbeddedServer

Strike = Callable[[Arena, Trial], Hit]
Draw = Callable[[str, int, int], Trial]
"""From fault, seed and number: the trial."""

_LATE = Rules(latency_seconds=0.02, jitter_seconds=0.06)
_WAIT_SECONDS = (0.0, 3.0)
_AWAY_SECONDS = 1.5
_JOIN_SECONDS = 60.0

# Which rows can go on while the other thing is wrong: none of them may touch the same
# server, and none asks for more than the other thing leaves possible.
_ROWS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "late links": ("F1", "F3", "F5", "F6", "F13", "F14"),
        "a guest": ("F1", "F3", "F5", "F6", "F8", "F11", "F12"),
        "Kafka killed": ("F1", "F3", "F8", "F11"),
        "a broker killed": ("F1", "F3", "F8", "F11", "F12", "F22"),
        "PostgreSQL killed": ("F3", "F5", "F6", "F11"),
    }
)

_INSTEAD: Final[Mapping[str, str]] = MappingProxyType(
    # Half an hour's topic is too long to be read and written again within a minute.
    {"F5": "F6L", "F6": "F6L", "F14": "F22"}
)
"""What is done in place of these rows where Kafka is three brokers."""


def strike_at_random(
    strikes: Mapping[str, Strike], draw: Draw, arena: Arena, trial: Trial
) -> Hit:
    """Carry out a fault of another row while what ``trial.kind`` names is wrong.

    Args:
        strikes: how the faults of the rows are carried out.
        draw: gives a trial of a row.
        arena: as for every strike.
        trial: seed and number decide the row, its kind and its times.

    """
    rng = random.Random(f"{trial.fault}/{trial.seed}/{trial.number}/nemesis")
    row = rng.choice(_ROWS[trial.kind])
    if len(arena.stack.brokers) > 1:
        row = _INSTEAD.get(row, row)
    chosen = replace(
        draw(row, trial.seed, rng.randrange(10**6)),
        node=trial.node,
        delay_seconds=trial.delay_seconds,
    )
    with _BACKGROUNDS[trial.kind](arena, rng):
        hit = strikes[row](arena, chosen)
    arena.stack.bring_back()
    over = time.monotonic()
    arena.await_flow()
    recovery = await_recovery(arena, over)
    return replace(
        hit,
        over=over,
        # Each row's own promises about answers hold for that fault alone.
        judge=None,
        problems=tuple(
            f"{row} {chosen.kind}: {problem}"
            for problem in (*hit.problems, *recovery.problems)
        ),
    )


@contextmanager
def _late_links(arena: Arena, _rng: random.Random) -> Iterator[None]:
    proxies = [
        proxy for gates in arena.stack.gates for proxy in (gates.postgres, *gates.kafka)
    ]
    for proxy in proxies:
        proxy.set_rules(_LATE)
    try:
        yield
    finally:
        for proxy in proxies:
            proxy.set_rules(PASS)


@contextmanager
def _guest(arena: Arena, rng: random.Random) -> Iterator[None]:
    guest = Guest(arena, leaves=rng.random() < 1 / 2)
    guest.join()
    try:
        yield
    finally:
        guest.go()


def _killing(
    choose: Callable[[Arena, random.Random], EmbeddedServer],
) -> Callable[[Arena, random.Random], AbstractContextManager[None]]:
    """Return what kills a server at some time of the other fault, and starts it."""

    @contextmanager
    def killed(arena: Arena, rng: random.Random) -> Iterator[None]:
        failures: list[Exception] = []
        pause = rng.uniform(*_WAIT_SECONDS)
        server = choose(arena, rng)

        def run() -> None:
            try:
                time.sleep(pause)
                server.kill(signal.SIGKILL)
                time.sleep(_AWAY_SECONDS)
                server.start()
            except Exception as error:  # noqa: BLE001 - raised where it is seen
                failures.append(error)

        thread = threading.Thread(target=run, name="nemesis")
        thread.start()
        try:
            yield
        finally:
            thread.join(_JOIN_SECONDS)
            if thread.is_alive():
                failures.append(TimeoutError("the server killed is not back"))
        if failures:
            raise failures[0]

    return killed


_BACKGROUNDS: Final[
    Mapping[str, Callable[[Arena, random.Random], AbstractContextManager[None]]]
] = MappingProxyType(
    {
        "late links": _late_links,
        "a guest": _guest,
        "Kafka killed": _killing(lambda arena, _: arena.stack.kafka),
        "a broker killed": _killing(lambda arena, rng: rng.choice(arena.stack.brokers)),
        "PostgreSQL killed": _killing(lambda arena, _: arena.stack.postgres),
    }
)
