"""A verdict as Prometheus text, for node-exporter's textfile collector."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from orders.verification.verdict import Extent, Verdict

_READABLE = 0o644


def write_metrics(
    path: Path, verdict: Verdict, *, finished: float, seconds: float
) -> None:
    """Replace ``path`` by the metrics of ``verdict``, whole or not at all.

    Args:
        path: a ``.prom`` file in the collector's folder, which must exist.
        verdict: what the check came to.
        finished: Unix time of its end.
        seconds: how long it took.

    Raises:
        OSError: the file cannot be written; the old one is left as it was.

    """
    text = "".join(f"{line}\n" for line in _lines(verdict, finished, seconds))
    # The collector reads *.prom only, so it never sees the file half written.
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fchmod(number, _READABLE)
            os.fsync(number)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _lines(verdict: Verdict, finished: float, seconds: float) -> Iterator[str]:
    yield "# HELP orders_verify_violations Broken rules found by the last check."
    yield "# TYPE orders_verify_violations gauge"
    for group, count in verdict.violations.items():
        if verdict.extent(group) is not Extent.NONE:
            yield f'orders_verify_violations{{group="{group}"}} {count}'
    yield "# HELP orders_verify_whole 1 where all rules of a group were checked."
    yield "# TYPE orders_verify_whole gauge"
    for group in verdict.violations:
        whole = int(verdict.extent(group) is Extent.WHOLE)
        yield f'orders_verify_whole{{group="{group}"}} {whole}'
    gauges = {
        **{f"orders_verify_{name}": count for name, count in verdict.counts.items()},
        "orders_verify_duration_seconds": round(seconds, 3),
        "orders_verify_last_run_timestamp_seconds": round(finished, 3),
    }
    for name, value in gauges.items():
        yield f"# TYPE {name} gauge"
        yield f"{name} {value}"
