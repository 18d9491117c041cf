"""The bots' open pull requests, as GitHub says where a token may ask."""

import os
from dataclasses import dataclass
from datetime import datetime

from mlops.delivery.pull_request import CHECKS
from mlops.github import GitHub, GitHubError, from_environment

BOTS = ("deploy/", "promote/", "rollback/", "revert/", "retrain/")  # how the branches that they propose begin
NO_TOKEN = "GITHUB_TOKEN is not set"  # noqa: S105 -- a sentence
NO_GITHUB = "origin is no repository of GitHub"


@dataclass(frozen=True)
class Pull:
    """An open pull request of a bot. checks: how they ended, "" where that was not asked or may not be known."""

    number: int
    title: str
    opened: datetime
    checks: str


def asked(env=os.environ) -> tuple[GitHub | None, str]:
    """Return whom to ask, as the environment, origin and `gh` say; None and why not, where there is nobody.

    Raises CannotRun where GITHUB_REPOSITORY is no owner/name.
    """
    given = _surroundings(env)
    if not given["GITHUB_TOKEN"]:
        return None, NO_TOKEN
    return (from_environment(given), "") if given["GITHUB_REPOSITORY"] else (None, NO_GITHUB)


def pulls(hub: GitHub, *, checks: bool) -> list[Pull]:
    """Return the bots' open pull requests, the newest first; a fork's are none of theirs, whatever its branch is called."""
    found = [
        each
        for each in hub.pages("pulls", state="open", sort="created", direction="desc")
        if each["head"]["ref"].startswith(BOTS) and _own(each)
    ]
    ended = _checks(hub, [each["head"]["sha"] for each in found]) if checks else {}
    return [
        Pull(
            each["number"],
            each["title"],
            datetime.fromisoformat(each["created_at"]),
            ended.get(each["head"]["sha"], ""),
        )
        for each in found
    ]


def _surroundings(env) -> dict[str, str]:
    if env.get("GITHUB_TOKEN") and env.get("GITHUB_REPOSITORY"):
        return dict(env)
    from mlops.lock import surroundings  # pandas comes with it

    return surroundings(env)


def _own(pull: dict) -> bool:
    """Whether its branch is of this repository; a fork that was deleted is null."""
    return (pull["head"]["repo"] or {}).get("full_name") == pull["base"]["repo"]["full_name"]


def _checks(hub: GitHub, heads: list[str]) -> dict[str, str]:
    """Return {commit: how its checks ended}; nothing where the token may not read Actions."""
    try:
        return {head: _ended(hub, head) for head in heads}
    except GitHubError as error:
        if error.status not in (403, 404):
            raise
        return {}


def _ended(hub: GitHub, head: str) -> str:
    runs = hub.get(f"actions/workflows/{CHECKS}/runs", head_sha=head, per_page=1)["workflow_runs"]
    return (runs[0]["conclusion"] or "running") if runs else "not started"
