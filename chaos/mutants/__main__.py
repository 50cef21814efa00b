"""``make mutants``, or ``python -m orders.chaos.mutants``."""

import argparse
import sys
from collections.abc import Sequence

from orders.chaos.mutants.catalogue import MUTANTS
from orders.chaos.mutants.mutant import Mutant, MutantError
from orders.chaos.mutants.runs import Ending, Run, run_tests
from orders.chaos.mutants.tree import SourceTree, copied_tree, source_root

_ROW = "{:<27} {:<7} {:>7}  {}"
_INDENT = " " * 44
_WHY_LETTERS = 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; return 0 where every mutant was caught."""
    options = _options(arguments)
    wanted = [m for m in MUTANTS if not options.only or m.name in options.only]
    if options.list:
        for mutant in wanted:
            print(f"{mutant.name}\n  {mutant.breaks}\n  {mutant.caught_by}")
        return 0
    try:
        with copied_tree(source_root()) as tree:
            return _hunt(tree, wanted)
    except MutantError as error:
        print(f"mutants: {error}", file=sys.stderr)
        return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m orders.chaos.mutants",
        description="Break the service in a copy of its source, one guard at a time, "
        "and see that a test notices.",
        epilog="Example: python -m orders.chaos.mutants --only no-compare-and-set. "
        "Exits with 1 where a mutant survives.",
    )
    parser.add_argument(
        "--only",
        action="append",
        metavar="NAME",
        choices=[mutant.name for mutant in MUTANTS],
        help="this mutant alone; may be given more than once",
    )
    parser.add_argument(
        "--list", action="store_true", help="show the mutants and run nothing"
    )
    return parser.parse_args(arguments)


def _hunt(tree: SourceTree, mutants: Sequence[Mutant]) -> int:
    for mutant in mutants:
        mutant.files(tree.root)  # all of them apply, or nothing is run
    for name, place in tree.imported_rooms().items():
        print(f"{name:<21} from {place}")
    tests = list(dict.fromkeys(mutant.caught_by for mutant in mutants))
    print(f"\nwithout a mutant, {len(tests)} runs ...", flush=True)
    sound = run_tests(tree, tests)
    print(f"{sound.ending.value} in {sound.seconds:.1f} s\n")
    if sound.ending is not Ending.PASSED:
        raise MutantError(f"the copy itself is not sound: {sound.why}")
    print(_ROW.format("MUTANT", "CAUGHT", "SECONDS", "BY"))
    caught = [_is_caught(tree, mutant) for mutant in mutants]
    print(f"\n{sum(caught)} of {len(caught)} mutants caught")
    return 0 if all(caught) else 1


def _is_caught(tree: SourceTree, mutant: Mutant) -> bool:
    with tree.mutated(mutant):
        run = run_tests(tree, [mutant.caught_by])
    print(_row(mutant, run), flush=True)
    return run.failed_with(mutant.why)


def _row(mutant: Mutant, run: Run) -> str:
    row = _ROW.format(
        mutant.name, _told(mutant, run), f"{run.seconds:.1f}", mutant.caught_by
    )
    return f"{row}\n{_INDENT}{run.why[:_WHY_LETTERS]}"


def _told(mutant: Mutant, run: Run) -> str:
    if run.failed_with(mutant.why):
        return "yes"
    # A test that fails for another reason has not noticed what it is there for.
    return "NO" if run.ending is Ending.PASSED else "BROKEN"


if __name__ == "__main__":
    sys.exit(main())
