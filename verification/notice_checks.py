"""One notice for each outcome and channel, and none beside them."""

from collections import Counter
from collections.abc import Iterator

from orders.domain.audit import AuditedOrder, StoredOrder
from orders.domain.notices import Notice, notice_of
from orders.domain.transitions import Change
from orders.verification.path import change_of
from orders.verification.verdict import Finding, Group


def check_notices(found: AuditedOrder, order: StoredOrder) -> Iterator[Finding]:
    """Yield what is wrong with the notices of one order.

    Notices are written with the change they tell, so that none may be late.
    """
    for rule, detail in _faults(found, order):
        yield Finding(Group.NOTIFICATIONS, rule, order.order_id, detail)


def _faults(found: AuditedOrder, order: StoredOrder) -> Iterator[tuple[str, str]]:
    due = _due(found, order)
    rows = Counter((notice.version, notice.channel) for notice in found.notices)
    for place, count in rows.items():
        if count > 1:
            yield "notice_doubled", f"{count} of {_words(*place)}"
    for place in due.keys() - rows.keys():
        yield "notice_missing", f"none of {_words(*place)}"
    for notice in found.notices:
        expected = due.get((notice.version, notice.channel))
        where = _words(notice.version, notice.channel)
        if expected is None:
            yield "notice_unfounded", f"{where}: no event asks for it"
        elif notice.user_id != order.user_id:
            yield "notice_misaddressed", f"{where}: to user {notice.user_id}"
        elif _tells_otherwise(notice, expected):
            yield "notice_tells_otherwise", f"{where}: {notice.message!r}"


def _due(found: AuditedOrder, order: StoredOrder) -> dict[tuple[int, str], Notice]:
    """Return the notices that the history asks for, by version and channel."""
    due = {}
    for event in found.history:
        change = change_of(event)
        if change is None:
            continue
        notice = notice_of(change, order.order_id, event.version, order.user_id)
        if notice is not None:
            due[notice.version, notice.channel] = notice
    return due


def _tells_otherwise(notice: Notice, expected: Notice) -> bool:
    """Tell whether it has the text of another change.

    Any further text is another release's wording.
    """
    if notice.message == expected.message:
        return False
    others = (
        notice_of(change, expected.order_id, expected.version, expected.user_id)
        for change in Change
    )
    return any(
        other is not None and other.message == notice.message for other in others
    )


def _words(version: int, channel: str) -> str:
    return f"version {version} on the channel {channel!r}"
