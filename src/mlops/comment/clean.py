"""`mlops comment-clean`: from a finished run to comment.md. Reads, and holds no right to write.

Run by the job `clean` of comment.yml; needs actions: read (the artifact) and pull-requests: read (the pull request).
"""

import json
import os
import re
from pathlib import Path

from mlops import artifact
from mlops.comment.find import pull_requests, touched
from mlops.comment.header import header
from mlops.comment.sanitise import sanitise
from mlops.errors import CannotRun
from mlops.github import GitHub, from_environment, report

JUDGE = ".github/workflows/pull-request.yml"  # workflow_run goes by name, and a pull request may bring that name along


def add_arguments(parser):
    """The one file it writes."""
    parser.add_argument("--out", type=Path, default=Path("comment.md"), help="where the comment is written")


def run(args) -> int:
    """Writes the comment, and the outputs `number` and `head_sha` where there is exactly one pull request to tell."""
    server = os.environ.get("GITHUB_SERVER_URL") or "https://github.com"
    run = _event(os.environ.get("GITHUB_EVENT_PATH", ""))
    if str(run.get("path")).partition("@")[0] != JUDGE:
        report(f"Nothing is posted: the run has the name of {JUDGE} but is of another file.")
        return 0
    hub = from_environment()
    found = pull_requests(hub, run)
    if len(found) != 1:
        report(f"Nothing is posted: {len(found)} open pull requests have {run['head_sha']} as their head commit.")
        return 0
    number = int(found[0]["number"])
    args.out.write_text(comment(hub, run, number, server), encoding="utf-8")
    report(f"The comment for pull request {number} is written.", number=number, head_sha=run["head_sha"])
    return 0


def comment(hub: GitHub, run: dict, number: int, server: str) -> str:
    """The whole text: what GitHub knows above, the cleaned report (or why there is none) below."""
    own = f"{server}/{hub.repository}"
    top = header(touched(hub, number), run["head_sha"], str(run["conclusion"]), f"{own}/actions/runs/{run['id']}")
    try:
        return top + sanitise(artifact.read(hub, run["id"], "report", "report.md")[0], own)
    except artifact.Unusable as reason:
        return f"{top}No report: {reason}."


def _event(path: str) -> dict:
    try:
        run = json.loads(Path(path).read_text(encoding="utf-8"))["workflow_run"]
        run["id"] = int(run["id"])
    except (OSError, ValueError, KeyError, TypeError):
        raise CannotRun(f"GITHUB_EVENT_PATH ({path!r}) is no workflow_run event: run this in comment.yml.") from None
    if not re.fullmatch(r"[0-9a-f]{40}", run.get("head_sha") or ""):
        raise CannotRun(f"workflow_run.head_sha is {run.get('head_sha')!r}, not a commit.")
    return run
