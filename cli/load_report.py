"""What ``orders load`` says at its end, for people and for programs."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from orders.cli.output import print_rows, print_table
from orders.load.histogram import Histogram
from orders.load.open_loop import LoadResult

if TYPE_CHECKING:
    from orders.verification.verdict import Verdict

_BAR_LETTERS = 40
_QUANTILES = (0.5, 0.9, 0.99, 0.999)


def print_result(result: LoadResult) -> None:
    """Print counts, and a histogram of each kind of request that was answered."""
    print_rows(
        [
            ("sent", f"{result.sent} in {result.seconds:.1f} s"),
            ("accepted", result.accepted),
            ("read", result.read),
            ("refused", result.refused),
            ("outcome unknown", result.unknown),
            ("no connection", result.not_sent),
            ("undocumented", result.undocumented),
            ("statuses", ", ".join(f"{s}: {n}" for s, n in _statuses(result)) or None),
        ]
    )
    for kind, times in result.times.items():
        if times.count:
            print()
            print(f"{kind}: {_quantiles_text(times)}")
            print_table(("ABOVE", "UP TO", "COUNT", ""), _bars(times))
    for witness in result.witnesses:
        print(f"undocumented: {witness!r}")


def print_verdict(verdict: "Verdict | None", reason: str) -> None:
    """Print what the checker found, or why it was not asked."""
    print()
    if verdict is None:
        print(f"not checked: {reason}")
        return
    if verdict.ok:
        print(
            f"checked: nothing lost, of {verdict.counts.get('operations', 0)} answers"
        )
        return
    rows = [(it.group, it.rule, it.order_id, it.detail) for it in verdict.findings]
    print_table(("GROUP", "RULE", "ORDER", "DETAIL"), rows)
    print("checked: promises are broken")


def as_data(result: LoadResult, verdict: "Verdict | None") -> dict[str, object]:
    """Return all of it for JSON; ``checked`` is null where nobody could check."""
    return {
        "sent": result.sent,
        "seconds": round(result.seconds, 3),
        "accepted": result.accepted,
        "read": result.read,
        "refused": result.refused,
        "unknown": result.unknown,
        "not_sent": result.not_sent,
        "undocumented": result.undocumented,
        "witnesses": result.witnesses,
        "statuses": {str(status): count for status, count in _statuses(result)},
        "latency_ms": {
            str(kind): _latency(times)
            for kind, times in result.times.items()
            if times.count
        },
        "checked": None
        if verdict is None
        else {"ok": verdict.ok, "violations": verdict.violations},
    }


def _statuses(result: LoadResult) -> list[tuple[int, int]]:
    return sorted(result.statuses.items())


def _latency(times: Histogram) -> dict[str, object]:
    return {
        "count": times.count,
        **{f"p{100 * share:g}": times.quantile_ms(share) for share in _QUANTILES},
        "max": 1000 * times.longest_seconds,
        "histogram": [bucket._asdict() for bucket in times.octaves()],
    }


def _quantiles_text(times: Histogram) -> str:
    each = [f"p{100 * q:g} {times.quantile_ms(q):.1f} ms" for q in _QUANTILES]
    return ", ".join([*each, f"max {1000 * times.longest_seconds:.1f} ms"])


def _bars(times: Histogram) -> Iterator[tuple[str, str, int, str]]:
    buckets = list(times.octaves())
    most = max(bucket.number for bucket in buckets)
    for bucket in buckets:
        bar = "#" * round(_BAR_LETTERS * bucket.number / most)
        yield f"{bucket.from_ms:g} ms", f"{bucket.to_ms:g} ms", bucket.number, bar
