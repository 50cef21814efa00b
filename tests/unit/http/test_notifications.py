"""What customers were told, over HTTP."""

from datetime import UTC, datetime

import pytest
from falcon.testing import TestClient

from orders.actors.messages import DATABASE_UNAVAILABLE, ReadNotifications, Refused
from orders.domain.notices import Notice, Notification

ORDER_ID = "01920000-0000-7000-8000-000000000001"


def test_notifications_are_shown_in_the_order_they_are_read(
    api: TestClient, process
) -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    notice = Notice(ORDER_ID, 2, 7, "inbox", "Your payment was successful")
    process.on_question = lambda _: (Notification(notice, moment),)

    result = api.simulate_get("/v1/notifications?user_id=7")

    assert result.json == {
        "user_id": 7,
        "notifications": [
            {
                "order_id": ORDER_ID,
                "version": 2,
                "channel": "inbox",
                "message": "Your payment was successful",
                "created_at": "2026-01-02T00:00:00.000000Z",
            }
        ],
    }


def test_the_newest_100_of_the_user_are_asked_for(api: TestClient, process) -> None:
    process.on_question = lambda _: ()

    api.simulate_get("/v1/notifications?user_id=9223372036854775807")

    (question,) = process.questions
    assert isinstance(question, ReadNotifications)
    assert (question.tenant_id, question.user_id, question.limit) == (
        "default",
        2**63 - 1,
        100,
    )


def test_a_user_without_notifications_has_an_empty_list(
    api: TestClient, process
) -> None:
    process.on_question = lambda _: ()

    result = api.simulate_get("/v1/notifications?user_id=7")

    assert (result.status_code, result.json["notifications"]) == (200, [])


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "missing_parameter"),
        ("?user_id=", "invalid_parameter"),
        ("?user_id=0", "invalid_parameter"),
        ("?user_id=-1", "invalid_parameter"),
        ("?user_id=9223372036854775808", "invalid_parameter"),
        (f"?user_id={'9' * 5000}", "invalid_parameter"),
        ("?user_id=%D9%A3", "invalid_parameter"),
        ("?user_id=%00", "invalid_parameter"),
        ("?user_id=1&user_id=2", "repeated_parameter"),
        ("?user_id=1&limit=2", "unknown_parameter"),
    ],
)
def test_a_wrong_query_is_400_and_named(
    api: TestClient, process, query: str, code: str
) -> None:
    result = api.simulate_get(f"/v1/notifications{query}")

    assert (result.status_code, result.json["code"]) == (400, "invalid_query")
    assert result.json["errors"][0]["code"] == code
    assert process.questions == []


def test_a_database_that_is_away_is_503(api: TestClient, process) -> None:
    process.refusal = Refused(DATABASE_UNAVAILABLE, 5)

    result = api.simulate_get("/v1/notifications?user_id=7")

    assert (result.status_code, result.headers["retry-after"]) == (503, "5")
