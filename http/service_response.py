"""What every answer carries, unless the handler says otherwise."""

from collections.abc import Sequence
from typing import Final

import falcon

from orders.http.answers import CONTENT_POLICY, SAFETY_FIELDS

_FIELDS: Final = dict((*SAFETY_FIELDS, CONTENT_POLICY))


class ServiceResponse(falcon.Response):
    """An answer that begins with the common fields, which a handler may replace.

    Attributes:
        refusals: codes of the problems that it tells of; a batch has one a row.

    """

    def __init__(self, options: falcon.ResponseOptions | None = None) -> None:
        super().__init__(options)
        # Field by field costs each answer twenty calls.
        self._headers = _FIELDS.copy()
        self.refusals: Sequence[str] = ()


def note_refusals(resp: falcon.Response, codes: Sequence[str]) -> None:
    """Have ``codes`` counted as reasons why the request was refused."""
    if isinstance(resp, ServiceResponse):
        resp.refusals = codes
