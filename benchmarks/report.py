"""Shows reports on the terminal and keeps them as JSON and SVG."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.figures import Figure, Report, number_text


def show(report: Report) -> None:
    """Print one report."""
    width = max((len(figure.what) for figure in report.figures), default=0)
    for figure in report.figures:
        print(f"  {figure.what:<{width}}  {_value(figure)}")
    for note in report.notes:
        print(f"  note: {note}")
    for reason in report.skipped:
        print(f"  skipped: {reason}")
    print(flush=True)


def write(
    folder: Path, name: str, facts: Mapping[str, str], reports: Sequence[Report]
) -> Path:
    """Write ``<name>.json`` with everything, and ``<benchmark>.svg`` for each."""
    folder.mkdir(parents=True, exist_ok=True)
    for report in reports:
        if report.plot:
            (folder / f"{report.name}.svg").write_text(report.plot, "utf-8")
    file = folder / f"{name}.json"
    content = {"run": dict(facts), "benchmarks": [_plain(it) for it in reports]}
    file.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    return file


def _plain(report: Report) -> dict[str, object]:
    return {
        "name": report.name,
        "asks": report.asks,
        "figures": [
            {**asdict(figure), "median": figure.value} for figure in report.figures
        ],
        "notes": report.notes,
        "skipped": report.skipped,
    }


def _value(figure: Figure) -> str:
    text = f"{number_text(figure.value):>8} {figure.unit:<5}"
    if len(figure.rounds) > 1:
        least, most = number_text(min(figure.rounds)), number_text(max(figure.rounds))
        text += f" ({least} to {most})"
    if figure.ratio is not None:
        text += f"  {figure.ratio:.2f} of {figure.against}"
    if figure.interval is not None:
        text += " ({:.3f} to {:.3f})".format(*figure.interval)
    return text
