"""What each workflow asks GitHub's API for, and nothing else: a request that is not listed beside its file fails the run.

`N` is any number, `...` a branch. A called workflow's requests stand beside the file that was started.
"""

import re

from github_stub import GitHubStub

PULLS = {"GET pulls", "POST pulls", "PATCH pulls/N", "GET issues/N/comments", "POST issues/N/comments"}
MERGE = {"PUT pulls/N/merge", "POST /graphql"}
CHECKS = {"POST actions/workflows/pull-request.yml/dispatches", "GET actions/workflows/pull-request.yml/runs"}
TICKET = {"GET git/ref/heads/...", "GET issues", "POST issues", "PATCH issues/N", "POST issues/N/comments"}
FILE = {"GET actions/artifacts/N/zip", "GET /storage/N"}  # GitHub redirects to its storage
ENDPOINTS = {
    "pull-request.yml": set(),
    "comment.yml": FILE
    | {"GET pulls", "GET pulls/N", "GET pulls/N/files", "GET actions/runs/N/artifacts"}
    | {"GET issues/N/comments", "POST issues/N/comments", "PATCH issues/comments/N"},
    "release.yml": PULLS | MERGE | CHECKS | TICKET | FILE | {"GET actions/artifacts"},
    "promote.yml": PULLS | MERGE | CHECKS,
    "guard.yml": PULLS | CHECKS | MERGE | TICKET,
    "drift.yml": PULLS | CHECKS | TICKET,
    "reports.yml": TICKET | {"GET pulls"},
}


def known(workflow: str, hub: GitHubStub, before: int = 0) -> None:
    """Raise AssertionError where a request since the first `before` is not listed for a workflow."""
    found = sorted({general(call) for call in hub.calls()[before:]} - ENDPOINTS[workflow])
    if found:
        raise AssertionError(f"{workflow} asks the API for what is not listed: {', '.join(found)}")


def general(call: str) -> str:
    """Return a request as it is listed."""
    call = re.sub(r"git/ref/heads/.+", "git/ref/heads/...", call)
    return re.sub(r"/\d+\b", "/N", call)
