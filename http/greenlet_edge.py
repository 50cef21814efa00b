"""The part of greenlet that this room uses, with its types: greenlet ships none."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context
    from typing import Any

    class Greenlet:
        """A coroutine with a stack of its own."""

        parent: "Greenlet | None"
        gr_context: Context | None
        dead: bool

        def __init__(self, run: Callable[..., object]) -> None: ...

        def switch(self, *values: object) -> Any:
            """Run this one; return what the caller is switched back with."""

    def getcurrent() -> Greenlet:
        """Return the greenlet that runs."""
else:
    from greenlet import getcurrent
    from greenlet import greenlet as Greenlet  # noqa: N812 - a class in all but name

__all__ = ["Greenlet", "getcurrent"]
