"""Verb `pr`: what a pull request runs, on a laptop as in CI. Run: mlops pr [--base origin/main] [--skip deepchecks]."""

import sys

from mlops import compare, lint
from mlops.errors import CannotRun
from mlops.repro import STAGES, lock_of_reference, repro


def add_arguments(parser) -> None:
    """Add --base and --skip."""
    compare.add_arguments(parser)


def run(args) -> int:
    """Lint, run the pipeline, judge; return the verdict's exit code."""
    compare.forget()
    args.lint = ", ".join(lint.failing()) or "pass"
    with lock_of_reference():
        try:
            compare.foreseen(args.base)
            repro([stage for stage in STAGES if stage not in args.skip])
        except CannotRun as error:
            print(error, file=sys.stderr)  # compare says the same in the verdict
        return compare.run(args)
