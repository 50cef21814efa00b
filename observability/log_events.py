"""Every event that a node logs: the operator's catalogue.

A new event is one ``LogEvent`` in ``log_events_of_work.py`` or
``log_events_of_node.py``, then
``python -m orders.observability.log_event_page > docs/log-events.md``. A test fails
while a source file logs what is not listed, or this lists what nothing logs.
"""

from typing import Final

from orders.observability.log_events_of_node import NODE_EVENTS
from orders.observability.log_events_of_work import WORK_EVENTS

EVENTS: Final = {event.name: event for event in WORK_EVENTS + NODE_EVENTS}
"""The catalogue by name, in the order of the page."""
