import re
from pathlib import Path

import structlog

from orders.observability.gauges import GAUGES
from orders.observability.metrics import PREFIX, Metrics

PAGE = Path(__file__).parents[3] / "docs" / "operations.md"


def test_the_page_lists_exactly_the_metrics_there_are() -> None:
    metrics = Metrics(structlog.get_logger(), version="1")
    for gauge in GAUGES:
        metrics.register_gauge(gauge, lambda: 0)
    families = metrics.registry.collect()
    names = {it.name + "_total" * (it.type == "counter") for it in families}

    listed = set(
        re.findall(r"^\| `(orders_\w+)", PAGE.read_text("utf-8"), re.MULTILINE)
    )

    assert listed == {name for name in names if name.startswith(PREFIX)}
