"""Trials as they could have come out."""

from collections.abc import Callable

import pytest

from orders.chaos.trial import TrialResult

MakeResult = Callable[..., TrialResult]


@pytest.fixture
def make_result() -> MakeResult:
    """Makes the line of a trial in which all was well, but for what is given."""

    def make(**changes: object) -> TrialResult:
        fields: dict[str, object] = {
            "fault": "F1",
            "seed": 7,
            "number": 0,
            "kind": "kill",
            "batch": "chaos_1",
            "rate": 300.0,
            "clients": 64,
            "fired": True,
            "in_flight": 12,
            "orders": 400,
            "lost": 0,
            "doubled": 0,
            "unsettled": 0,
            "notifications": 0,
            "other": 0,
            "settle_seconds": 1.5,
            "undocumented": 0,
            "verdict": "ok",
        }
        return TrialResult(**{**fields, **changes})

    return make
