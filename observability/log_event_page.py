"""Writes docs/log-events.md.

``python -m orders.observability.log_event_page > docs/log-events.md``
"""

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby

from orders.observability.log_event import LogEvent
from orders.observability.log_events import EVENTS

_HEAD = """\
# Log events

One JSON object per line on standard output. Every line has `timestamp` (UTC),
`level`, `event`, `node` and `logger`; the fields below come on top. A warning or
error that repeats is written five times in ten seconds; the next line of its kind
then carries `suppressed`, the number of lines left out. What `exception` holds is a
traceback. Lines never hold payloads or secrets.

This page is made from `observability/log_events.py`; a test keeps it in step.
"""
_COLUMNS = (
    "| Event | Level | Fields | Meaning | What to do |\n| --- | --- | --- | --- | --- |"
)


def render(events: Iterable[LogEvent]) -> str:
    """Return the page, by the part concerned."""
    return "\n".join([_HEAD, *_tables(events)])


def _tables(events: Iterable[LogEvent]) -> Iterator[str]:
    by_part = sorted(events, key=lambda event: event.name.partition(".")[0])
    for part, members in groupby(by_part, lambda event: event.name.partition(".")[0]):
        yield f"## {part}\n"
        yield _COLUMNS
        for event in members:
            fields = " ".join(f"`{name}`" for name in event.fields.split())
            cells = (f"`{event.name}`", event.level, fields, event.meaning)
            yield f"| {' | '.join(cells)} | {event.action} |"
        yield ""


if __name__ == "__main__":
    sys.stdout.write(render(EVENTS.values()))
