"""Moments as RFC 3339 writes them, in full (section 5.6)."""

import re
from datetime import UTC, datetime, timedelta

_MOMENT = re.compile(
    r"(?P<minute>[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9])"
    r":(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,32}))?"
    r"(?P<zone>Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])",
    re.ASCII | re.IGNORECASE,
)
_MICROSECOND_DIGITS = 6
_LEAP_SECOND = 60


def parse_moment(text: str) -> datetime:
    """Return the moment in UTC, in the microseconds of PostgreSQL.

    What is finer counts as the next microsecond, so that comparing times of orders
    with it gives what comparing with ``text`` would. A leap second, 23:59:60 UTC at the
    end of a month, is the first second of the next day, as for PostgreSQL.

    Raises:
        ValueError: it is none, or none of the years 1 to 9999.

    """
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError(text)
    fraction = (match["fraction"] or "").ljust(_MICROSECOND_DIGITS, "0")
    microseconds = int(fraction[:_MICROSECOND_DIGITS])
    if fraction[_MICROSECOND_DIGITS:].strip("0"):
        microseconds += 1
    second = int(match["second"])
    try:
        minute = datetime.fromisoformat(f"{match['minute']}:00{match['zone']}".upper())
        begun = minute.astimezone(UTC) + timedelta(seconds=second)
        moment = begun + timedelta(microseconds=microseconds)
    except OverflowError:
        raise ValueError(text) from None
    if second > _LEAP_SECOND or (second == _LEAP_SECOND and not _begins_month(begun)):
        raise ValueError(text)
    return moment


def _begins_month(moment: datetime) -> bool:
    return (moment.day, moment.hour, moment.minute) == (1, 0, 0)
