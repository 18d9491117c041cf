"""What the API knows about a finished pull-request run: which pull request it judged, and what that touches."""

from mlops.github import GitHub

MOST_FILES = 3_000  # GitHub lists no more of a pull request's files


def pull_requests(hub: GitHub, run: dict) -> list[dict]:
    """The open pull requests whose head is exactly the commit this run judged.

    `run` is the event's `workflow_run`. A branch name says little (a fork may use any): repository and commit must agree.
    """
    source, sha = run.get("head_repository") or {}, run["head_sha"]
    if not source or not run.get("head_branch"):
        return []  # the fork is gone
    head = f"{source['owner']['login']}:{run['head_branch']}"
    found = hub.pages("pulls", state="open", head=head)
    return [pull for pull in found if _key(pull) == (hub.repository, source["full_name"], sha)]


def touched(hub: GitHub, number: int) -> list[str]:
    """The paths a pull request changes, the old name of a renamed file among them."""
    files = hub.pages(f"pulls/{number}/files", most=MOST_FILES // 100)
    return [name for file in files for name in (file["filename"], file.get("previous_filename")) if name]


def _key(pull: dict) -> tuple:
    head = pull["head"].get("repo") or {}
    return pull["base"]["repo"]["full_name"], head.get("full_name"), pull["head"]["sha"]
