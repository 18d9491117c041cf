"""GitHub's half of a pull request that a bot keeps: which one it is, what it says, its checks, and its merge."""

import time
from collections.abc import Iterator

from mlops.github import GitHub, GitHubError

CHECKS = "pull-request.yml"  # a pull request made with the job's own token starts no run: its checks are dispatched
AUTO_MERGE = (
    "mutation($id: ID!) { enablePullRequestAutoMerge(input: {pullRequestId: $id, mergeMethod: SQUASH}) "
    "{ clientMutationId } }"
)
NO_AUTO_MERGE = "mutation($id: ID!) { disablePullRequestAutoMerge(input: {pullRequestId: $id}) { clientMutationId } }"
OUTDATED = "Outdated: "  # the title of what a bot has closed itself: that is no person's no


def find(hub: GitHub, branch: str) -> dict | None:
    """Return the newest open pull request of a branch of this repository, None where there is none."""
    return next(_listed(hub, branch, "open"), None)


def settled(hub: GitHub, branch: str, title: str) -> dict | None:
    """Return the pull request that a person has merged or closed, where the newest of the branch had this title."""
    closed = (each for each in _listed(hub, branch, "closed") if not each["title"].startswith(OUTDATED))
    newest = next(closed, None)
    return newest if newest and newest["title"] == title else None


def _listed(hub: GitHub, branch: str, state: str) -> Iterator[dict]:
    head = f"{hub.repository.split('/')[0]}:{branch}"
    return hub.pages("pulls", state=state, head=head, sort="created", direction="desc")


def keep(hub: GitHub, pull: dict | None, branch: str, title: str, body: str) -> dict | None:
    """Open the pull request, or bring `pull` up to date, and return it; None where Actions may open none here."""
    if pull is None:
        try:
            return hub.post("pulls", {"title": title, "body": body, "head": branch, "base": "main"})
        except GitHubError as error:
            if error.status == 403 and "not permitted to create" in error.reason:
                return None
            # another run was faster
            pull = find(hub, branch) if error.status == 422 and "already exists" in error.reason else None
            if pull is None:
                raise
    if (pull["title"], pull["body"]) != (title, body):
        hub.patch(f"pulls/{pull['number']}", {"title": title, "body": body})
    return pull


def comment(hub: GitHub, pull: dict, text: str) -> None:
    """Say something in a pull request, once."""
    path = f"issues/{pull['number']}/comments"
    if text not in [each["body"] for each in hub.pages(path)]:
        hub.post(path, {"body": text})


def retire(hub: GitHub, pull: dict, why: str) -> None:
    """Close a bot's own pull request, by a title that tells it from what a person has closed."""
    comment(hub, pull, why)
    title = OUTDATED + pull["title"].removeprefix(OUTDATED)
    hub.patch(f"pulls/{pull['number']}", {"state": "closed", "title": title})


def check(hub: GitHub, branch: str, head: str) -> None:
    """Start the checks of a commit that has none: the run before may have died between its push and this."""
    if not _checks(hub, head):
        hub.post(f"actions/workflows/{CHECKS}/dispatches", {"ref": branch})


def merge(hub: GitHub, pull: dict, head: str) -> str:
    """Let GitHub merge a pull request once its checks are green, and return what comes of it; a refusal fails nothing."""
    try:
        return _merge(hub, pull, head)
    except GitHubError as error:
        if not 200 <= error.status < 500:
            raise
        return f"it waits for a person: {error.reason}"


def finish(hub: GitHub, branch: str, head: str, seconds: float, pause: float = 10) -> str:
    """Merge the open pull request of a branch at the commit `head` as soon as its checks are green, and return what came of it.

    It waits for them at most so many seconds, and looks every `pause`. What GitHub refuses (a review is missing, and this token may
    not go without) is left to a person.
    """
    until = time.monotonic() + seconds
    pull = find(hub, branch)
    if pull is None or pull["base"]["ref"] != "main":
        return f"{branch} has no open pull request to main: nothing is merged"
    name = f"#{pull['number']}"
    while not (done := (_checks(hub, head) or {}).get("conclusion")):
        if time.monotonic() > until:
            return f"{name} waits for a person: its checks were not done in {seconds:.0f} s"
        time.sleep(pause)
    if done != "success":
        return f"{name} waits for a person: its checks ended with {done}"
    try:
        hub.put(f"pulls/{pull['number']}/merge", {"sha": head, "merge_method": "squash"})
    except GitHubError as error:
        if not 400 <= error.status < 500:
            raise
        return f"{name} is green and waits for a person: {error.reason}"
    return f"{name} is merged"


def stop(hub: GitHub, branch: str, *, everybody: bool) -> str:
    """Let GitHub no longer merge the open pull request of a branch by itself; return what comes of it, "" where it would not.

    everybody: also where a person has asked for it. A refusal fails nothing.
    """
    pull = find(hub, branch)
    asked = (pull or {}).get("auto_merge")
    if not asked or (not everybody and (asked.get("enabled_by") or {}).get("type") == "User"):
        return ""
    name = f"#{pull['number']}"
    try:
        hub.graphql(NO_AUTO_MERGE, id=pull["node_id"])
    except GitHubError as error:
        if not 200 <= error.status < 500:
            raise
        return f"{name}: GitHub refuses to stop its auto-merge: {error.reason}: close {name}"
    return f"{name} does not merge itself any more"


def _merge(hub: GitHub, pull: dict, head: str) -> str:
    said = "GitHub merges it once every rule of main holds"
    if pull.get("auto_merge"):
        return said
    try:
        hub.graphql(AUTO_MERGE, id=pull["node_id"])
        return said
    except GitHubError as error:
        if "clean status" not in error.reason:
            raise
    # clean is also what no check has looked at yet, where the repository requires none
    if (_checks(hub, head) or {}).get("conclusion") != "success":
        return "its checks are not green yet, and nothing requires them: the next run looks again"
    hub.put(f"pulls/{pull['number']}/merge", {"sha": head, "merge_method": "squash"})
    return "merged: its checks are green"


def _checks(hub: GitHub, head: str) -> dict | None:
    """Return the newest run of the checks of a commit."""
    return next(iter(hub.pages(f"actions/workflows/{CHECKS}/runs", key="workflow_runs", head_sha=head)), None)
