"""``python -m orders.chaos``: break a stack on purpose, and check what is left."""

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from orders.chaos.campaign import CampaignPlan, run_campaign
from orders.chaos.checkout import name_of_checkout
from orders.chaos.load_process import LoadFailedError
from orders.chaos.node import NodeFailedError
from orders.chaos.plan import FAULTS
from orders.chaos.progress import Progress
from orders.chaos.releases import NoReleaseError
from orders.chaos.report import (
    ReportError,
    as_text,
    is_sound,
    rows_by_fault,
    rows_by_kind,
    write_table,
)
from orders.chaos.results import ResultsError, ResultsFile
from orders.devstack.errors import DevstackError

_ROOT = Path(__file__).resolve().parents[1]
_PAGE = _ROOT / "docs" / "faults.md"
_RESULTS = Path(".data", "chaos")
_EXAMPLES = """\
examples:
  python -m orders.chaos --fault F1 --trials 20 --seed 7
  python -m orders.chaos report            print all that was run at this commit
  python -m orders.chaos report --write    and put it into docs/faults.md

Trials that the results file has are not made again: repeat a command that was
interrupted, or ask for more trials. Those that failed stay failed. Exit codes: 0 all
is well, 1 something was lost, doubled or not as it must be, 2 the command was wrong.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = _parser().parse_args(arguments)
    commit = options.commit or name_of_checkout(_ROOT)
    results = ResultsFile(options.results / f"{commit}.jsonl")
    try:
        if options.command == "report":
            return _report(commit, results, write=options.write)
        return _run(options, results)
    except (ResultsError, ReportError, DevstackError, NoReleaseError) as error:
        print(error, file=sys.stderr)
    except (NodeFailedError, LoadFailedError) as error:
        print(f"a batch could not be run: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from here", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    rows = "\n".join(f"  {name:4} {row.title}" for name, row in FAULTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m orders.chaos",
        description="Breaks nodes, PostgreSQL, Kafka and the connections between them "
        "under load, and checks that nothing accepted is lost or settled twice.\n\n"
        f"faults:\n{rows}",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("command", nargs="?", choices=("run", "report"), default="run")
    add("--fault", choices=tuple(FAULTS), default="F1", help="default: F1")
    add("--trials", type=_positive, default=20, help="trials in all; default: 20")
    add("--seed", type=int, default=7, help="decides nodes and times; default: 7")
    add("--rate", type=_positive, default=300, help="orders a second; default: 300")
    add("--clients", type=_positive, default=64, help="default: 64")
    add("--results", type=Path, default=_RESULTS, help=f"folder; default: {_RESULTS}")
    add("--commit", help="name of the results; default: the commit checked out")
    add("--keep", action="store_true", help="keep logs and data in any case")
    add("--write", action="store_true", help="report: write docs/faults.md too")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _report(commit: str, results: ResultsFile, *, write: bool) -> int:
    lines = results.read()
    rows = rows_by_fault(lines)
    if not rows:
        print(f"{results.path} has no trials yet", file=sys.stderr)
        return 1
    print(as_text(rows))
    if write:
        write_table(_PAGE, commit, rows)
    return 0 if all(line.ok for line in lines) else 1


def _run(options: argparse.Namespace, results: ResultsFile) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leave in good order
    directory = Path(tempfile.mkdtemp(prefix="orders-chaos-"))
    plan = CampaignPlan(
        fault=options.fault,
        trials=options.trials,
        seed=options.seed,
        rate=options.rate,
        clients=options.clients,
        directory=directory,
    )
    all_ok = False
    try:
        for _ in run_campaign(plan, results, Progress(plan.trials)):
            pass  # each is in the results by now
        made = [r for r in results.read() if r.seed == plan.seed]
        made = [r for r in made if r.fault == plan.fault and r.number < plan.trials]
        all_ok = is_sound(made, plan.trials)
    finally:
        if all_ok and not options.keep:
            shutil.rmtree(directory)
        else:
            print(f"\nlogs, journals and data are in {directory}", file=sys.stderr)
    print(as_text([*rows_by_kind(plan.fault, made), *rows_by_fault(made)]))
    print(f"results: {results.path}; all ok: {'yes' if all_ok else 'NO'}")
    return 0 if all_ok else 1


if __name__ == "__main__":
    sys.exit(main())
