import random
from collections import Counter

import pytest

from orders.load.mix import Kind, Mix, MixError


def test_kinds_are_drawn_by_their_weight() -> None:
    mix, rng = Mix.parse("order=3,read=1"), random.Random(7)  # noqa: S311 - seeded

    drawn = Counter(mix.choose(rng) for _ in range(4000))

    assert drawn.keys() == {Kind.ORDER, Kind.READ}
    assert drawn[Kind.ORDER] / 4000 == pytest.approx(3 / 4, abs=0.03)


@pytest.mark.parametrize(
    "text",
    [
        *("", "order", "order=x", "order=-1", "order=nan", "order=inf", "what=1"),
        *("order=1,order=1", "read=1", "order=0", "order=0,read=1"),
    ],
)
def test_what_is_no_mix_is_refused(text: str) -> None:
    with pytest.raises(MixError):
        Mix.parse(text)
