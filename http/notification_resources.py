"""What customers were told."""

from dataclasses import dataclass
from typing import Final

import falcon

from orders.actors.messages import Refused
from orders.domain.order import MAX_ID
from orders.http.order_list import WrongValueError, integer
from orders.http.order_questions import OrderQuestions
from orders.http.preferences import invalid_query, query_of
from orders.http.problems import refused
from orders.http.rendering import render_notifications
from orders.http.request_context import ServiceRequest, demand_json_answer, tenant_of

NEWEST: Final = 100
"""How many notifications are shown."""


@dataclass(frozen=True, slots=True)
class NotificationCollection:
    """``/v1/notifications``."""

    questions: OrderQuestions

    def on_get(self, req: ServiceRequest, resp: falcon.Response) -> None:
        """Show the newest notifications of ``?user_id=``, newest first.

        Raises:
            ProblemError: the query is wrong, or they cannot be read now.

        """
        demand_json_answer(req)
        user_id = _user_id(query_of(req, "user_id").get("user_id"))
        answer = self.questions.notifications(tenant_of(req), user_id, NEWEST)
        if isinstance(answer, Refused):
            raise refused(answer)
        resp.data = render_notifications(user_id, answer)

    on_head = on_get


def _user_id(text: str | None) -> int:
    if text is None:
        raise invalid_query("user_id", "missing_parameter", "is required")
    try:
        return integer(MAX_ID)(text)
    except WrongValueError as error:
        raise invalid_query("user_id", "invalid_parameter", str(error)) from None
