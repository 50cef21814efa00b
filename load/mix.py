"""What a load consists of: kinds of requests, each with a weight."""

import random
from collections.abc import Mapping
from enum import StrEnum
from typing import Self


class Kind(StrEnum):
    """One kind of request."""

    ORDER = "order"
    """``POST /v1/orders``."""
    WAIT = "wait"
    """The same with ``Prefer: wait``, answered once it is settled."""
    OLDER = "older"
    """``POST /Orders``."""
    READ = "read"
    """``GET /v1/orders/{id}`` of an order that was accepted before."""


class MixError(Exception):
    """It is no mix; the text says what is wrong."""


class Mix:
    """Kinds by weight; some orders have to be placed for others to be read.

    Raises:
        MixError: a weight is negative, or no order would be placed.

    """

    def __init__(self, weights: Mapping[Kind, float]) -> None:
        placed = sum(weight for kind, weight in weights.items() if kind != Kind.READ)
        if min(weights.values(), default=0.0) < 0 or placed <= 0:
            raise MixError("no weight may be negative, and some orders must be placed")
        self._kinds = list(weights)
        self._weights = list(weights.values())

    def choose(self, rng: random.Random) -> Kind:
        """Draw a kind."""
        return rng.choices(self._kinds, self._weights)[0]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what is written as ``order=8,older=1,read=1``.

        Raises:
            MixError: it is written otherwise.

        """
        weights: dict[Kind, float] = {}
        for part in text.split(","):
            name, _, weight = part.partition("=")
            try:
                kind, value = Kind(name.strip()), float(weight)
            except ValueError:
                known = ", ".join(Kind)
                raise MixError(
                    f"{part!r} is not <kind>=<weight>; the kinds are {known}"
                ) from None
            if kind in weights or not 0 <= value < float("inf"):
                raise MixError(f"{part!r}: each kind once, with a weight from 0 on")
            weights[kind] = value
        return cls(weights)
