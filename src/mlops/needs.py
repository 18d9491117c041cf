"""Verb `needs`: what the required check says of the jobs before it. Run: NEEDS='${{ toJSON(needs) }}' mlops needs.

Every job must have succeeded. A skipped one is a failure as well, unless it is named with its reason, --may-skip JOB=REASON, or one
job is all that a change needs, --only JOB.
"""

import json
import os

from mlops.errors import CannotRun
from mlops.github import report


def add_arguments(parser) -> None:
    """Add --may-skip."""
    parser.add_argument(
        "--may-skip", action="append", default=[], metavar="JOB=REASON", help="a job that may be skipped, and why"
    )
    parser.add_argument(
        "--only", default="", metavar="JOB", help="the one job that the change needs: others may be skipped"
    )


def run(args) -> int:
    """Say each job's result in the step summary; 1 where one is not as it must be."""
    results, reasons = read(os.environ.get("NEEDS", "")), dict(map(_reason, args.may_skip))
    if unknown := sorted({*reasons, *filter(None, [args.only])} - results.keys()):
        raise CannotRun(f"'{unknown[0]}' is not among the needed jobs: {', '.join(results)}")
    if args.only:
        others = dict.fromkeys(results.keys() - {args.only}, f"only {args.only} is touched")
        reasons = others | reasons
    lines, bad = [], []
    for job, result in results.items():
        excused = result == "skipped" and job in reasons
        lines.append(f"{job}: {result}{f', because {reasons[job]}' if excused else ''}")
        bad += [] if result == "success" or excused else [job]
    report("\n".join(f"- {line}" for line in lines))
    report(f"Not as they must be: {', '.join(bad)}." if bad else "All are as they must be.")
    return int(bool(bad))


def read(text: str) -> dict[str, str]:
    """Return {job: result} of GitHub's `needs` context as JSON; raises CannotRun where it is none, or names no job."""
    try:
        results = {job: needed["result"] for job, needed in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError, KeyError):
        results = {}
    if not results:
        raise CannotRun('NEEDS names no job and its result: give the step `env: {NEEDS: "${{ toJSON(needs) }}"}`')
    return results


def _reason(text: str) -> tuple[str, str]:
    job, _, reason = text.partition("=")
    if not reason.strip():
        raise CannotRun(f"--may-skip '{text}' gives no reason: write {job or 'JOB'}=REASON")
    return job, reason
