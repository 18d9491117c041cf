"""GitHub's half of a pull request that a bot keeps: which one it is, what it says, its checks, and its merge."""

from mlops.github import GitHub, GitHubError

CHECKS = "pull-request.yml"  # a pull request made with the job's own token starts no run: its checks are dispatched
AUTO_MERGE = (
    "mutation($id: ID!) { enablePullRequestAutoMerge(input: {pullRequestId: $id, mergeMethod: SQUASH}) "
    "{ clientMutationId } }"
)


def find(hub: GitHub, branch: str, state: str = "open") -> dict | None:
    """Return the newest pull request of a branch of this repository, None where there is none."""
    head = f"{hub.repository.split('/')[0]}:{branch}"
    return next(iter(hub.pages("pulls", state=state, head=head, sort="created", direction="desc")), None)


def declined(hub: GitHub, branch: str, title: str) -> dict | None:
    """Return the pull request by which a person said no to this title: the newest that is closed, and it is unmerged."""
    closed = find(hub, branch, "closed")
    return closed if closed and not closed["merged_at"] and closed["title"] == title else None


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


def _merge(hub: GitHub, pull: dict, head: str) -> str:
    said = "GitHub merges it once its checks are green"
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
