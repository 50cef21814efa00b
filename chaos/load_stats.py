"""What the load process tells about itself, a line of JSON at a time."""

import json
from dataclasses import asdict, dataclass, field


@dataclass(slots=True)
class LoadStats:
    """Counts since the start; times are CLOCK_MONOTONIC of the machine.

    Attributes:
        acknowledged: orders with a 2xx answer that is on the journal's disk.
        given_up: orders nobody knows about, after every retry.
        undocumented: answers that no document promises, hangs included.
        ok_since: for each node the start of its latest create with a 2xx answer.

    """

    acknowledged: int = 0
    given_up: int = 0
    undocumented: int = 0
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
