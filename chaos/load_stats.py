"""What the load process tells about itself, a line of JSON at a time."""

import json
from dataclasses import asdict, dataclass, field


@dataclass(slots=True)
class LoadStats:
    """Counts since the start; times are CLOCK_MONOTONIC of the machine.

    Attributes:
        at: when this was written.
        orders: orders whose first request was sent.
        acknowledged: orders with a 2xx answer that is on the journal's disk.
        given_up: orders nobody knows about, after every retry.
        in_flight: creates that wait for an answer now.
        refused: connections that nobody accepted.
        broken: connections that ended in the middle of a request.
        unavailable: 503 answers.
        undocumented: answers that no document promises, hangs included.
        reads: answered looks at orders.
        slowest_seconds: the slowest answer.
        ok_since: for each node the start of its latest create with a 2xx answer.

    """

    at: float = 0.0
    orders: int = 0
    acknowledged: int = 0
    given_up: int = 0
    in_flight: int = 0
    refused: int = 0
    broken: int = 0
    unavailable: int = 0
    undocumented: int = 0
    reads: int = 0
    slowest_seconds: float = 0.0
    ok_since: list[float] = field(default_factory=list)


def encode_stats(stats: LoadStats) -> str:
    """Return ``stats`` as a line without its newline."""
    return json.dumps(asdict(stats), separators=(",", ":"))


def decode_stats(line: str) -> LoadStats:
    """Return what ``encode_stats`` wrote.

    Raises:
        ValueError: it is not such a line.

    """
    try:
        return LoadStats(**json.loads(line))
    except TypeError as error:
        raise ValueError(f"not a line of the load process: {line!r}") from error
