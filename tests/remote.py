"""A real remote: a bare repository, a clone of it as a workflow's checkout, and the API's pull requests kept in step."""

import os
import subprocess
from pathlib import Path

from github_stub import GitHubStub, pull

WHO = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Ann"), ("EMAIL", "ann@example.com"))
}
BUTTON = {"GIT_COMMITTER_NAME": "GitHub", "GIT_COMMITTER_EMAIL": "noreply@github.com"}
MUTATIONS = {
    f"mutation($id: ID!) {{ {name}(input: {{{given}}}) {{ clientMutationId }} }}": name
    for name, given in (
        ("enablePullRequestAutoMerge", "pullRequestId: $id, mergeMethod: SQUASH"),
        ("disablePullRequestAutoMerge", "pullRequestId: $id"),
    )
}
APP = {"login": "loans-app[bot]", "type": "Bot"}
ASKED = {"merge_method": "squash", "enabled_by": APP}  # GitHub is to merge it


def git(folder, *words: str, **variables: str) -> str:
    """Run git as a person, and return what it prints."""
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, env=os.environ | WHO | variables)
    assert 0 == done.returncode, done.stderr
    return done.stdout.strip()


class Remote:
    """`bare` is the remote, `path` a clone of its main."""

    def __init__(self, folder: Path, files: dict[str, str]):
        self.bare, self.path = folder / "remote.git", folder / "clone"
        git(folder, "init", "-q", "--bare", "-b", "main", str(self.bare))
        git(folder, "clone", "-q", str(self.bare), str(self.path))
        git(self.path, "checkout", "-q", "-b", "main")
        self.merge(files)

    def merge(self, files: dict[str, str], message: str = "a merge") -> str:
        """Put files on main, and return its commit."""
        return self.commit("main", files, message)

    def commit(self, branch: str, files: dict[str, str], message: str = "by hand") -> str:
        """Commit files to a branch of the remote as a person, and return the commit."""
        git(self.path, "fetch", "-q", "origin")
        if branch != "main":
            git(self.path, "checkout", "-q", "-B", branch, f"origin/{branch}")
        self._write(files)
        git(self.path, "commit", "-q", "--allow-empty", "-m", message)
        return self._pushed(branch)

    def update(self, branch: str, other: str = "main", files: dict[str, str] | None = None) -> str:
        """Merge `other` into a branch as GitHub's button "Update branch" does, with `files` changed by the way."""
        git(self.path, "fetch", "-q", "origin")
        git(self.path, "checkout", "-q", "-B", branch, f"origin/{branch}")
        words = ["git", "merge", "-q", "--no-ff", "--no-commit", f"origin/{other}"]
        done = subprocess.run(words, cwd=self.path, capture_output=True, env=os.environ | WHO)
        assert files or 0 == done.returncode, done.stdout
        self._write(files or {})
        git(self.path, "commit", "-q", "-m", f"Merge branch '{other}' into {branch}", **BUTTON)
        return self._pushed(branch)

    def _write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_bytes(text.encode())
        git(self.path, "add", "-A")

    def _pushed(self, branch: str) -> str:
        git(self.path, "push", "-q", "origin", branch)
        found = git(self.path, "rev-parse", "HEAD")
        git(self.path, "checkout", "-q", "main")
        return found

    def head(self, branch: str) -> str:
        """The commit of a branch, "" where there is none."""
        return (git(self.bare, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}") + "\n").split("\n")[0]

    def text(self, branch: str, name: str) -> str:
        """A file of a branch."""
        return git(self.bare, "show", f"{branch}:{name}")


class PullRequests:
    """What the API says of pull requests that a job opens, changes and merges; `heads`: a branch -> its commit."""

    def __init__(self, hub: GitHubStub, heads):
        self.hub, self.heads = hub, heads
        hub.dispatched = []  # (workflow, branch)
        hub.concluded = {}  # commit -> how its checks ended
        hub.no_auto_merge = ""  # why GitHub does not merge by itself
        hub.no_stop = ""  # why it does not stop doing so
        hub.green = False  # whether checks start by themselves, and have ended well when they are asked for
        hub.bypass = False  # whether who asks may merge without a review
        hub.merging = lambda branch, title: None  # what a merge does to main

    def opened(self, call):
        """POST pulls."""
        owner, branch = self.hub.repository.split("/")[0], call.body["head"]
        if fault := self._fault(owner, branch, call.body["base"]):
            return 422, {"message": "Validation Failed", "errors": [fault]}
        made = pull(100 + len(self.hub.pulls), self.heads(branch), branch, self.hub.repository, self.hub.repository)
        self.hub.pulls.append(made | {"title": call.body["title"], "body": call.body["body"]})
        return 201, self.hub.pulls[-1]

    def _fault(self, owner: str, branch: str, base: str) -> dict | None:
        custom = {"resource": "PullRequest", "code": "custom"}
        if any((branch, "open") == (each["head"]["ref"], each["state"]) for each in self.hub.pulls):
            return custom | {"message": f"A pull request already exists for {owner}:{branch}."}
        if self.heads(base) and not self.heads(branch):
            return {"resource": "PullRequest", "field": "head", "code": "invalid"}
        if self.heads(base) and self.heads(base) == self.heads(branch):
            return custom | {"message": f"No commits between {base} and {branch}"}
        return None

    def changed(self, call, number):
        """PATCH pulls/N."""
        found = self._numbered(number)
        found |= call.body
        if found["state"] == "closed":
            found["auto_merge"] = None
        return 200, found

    def merged(self, call, number):
        """PUT pulls/N/merge."""
        found = self._numbered(number)
        if {"sha", "merge_method"} != set(call.body) or "squash" != call.body["merge_method"]:
            return 422, {"message": "Invalid request."}
        if self.heads(found["head"]["ref"]) != call.body["sha"]:
            return 409, {"message": "Head branch was modified. Review and try the merge again."}
        if found["state"] != "open" or not (self.hub.bypass or "clean status" in self.hub.no_auto_merge):
            return 405, {"message": "At least 1 approving review is required by reviewers with write access."}
        self.hub.merging(found["head"]["ref"], found["title"])
        found |= {"state": "closed", "merged_at": "2026-01-01T00:00:00Z"}
        return 200, {"sha": "f" * 40, "merged": True, "message": "Pull Request successfully merged"}

    def mutated(self, call):
        """POST /graphql, of which this server knows two mutations."""
        known = MUTATIONS.get(call.body["query"])
        if not known or {"id"} != set(call.body["variables"]):
            return 200, {"errors": [{"message": "Parse error on this server"}]}
        wanted = call.body["variables"]["id"]
        found = next((each for each in self.hub.pulls if each["node_id"] == wanted), None)
        if found is None:
            return self._refused(known, f"Could not resolve to a node with the global id of '{wanted}'.", "NOT_FOUND")
        enables = known.startswith("enable")
        if fault := self._unmergeable(found) if enables else self._unstoppable(found):
            return self._refused(known, fault)
        found["auto_merge"] = ASKED if enables else None
        return 200, {"data": {known: {"clientMutationId": None}}}

    def _unmergeable(self, found: dict) -> str:
        if found["auto_merge"] or found["state"] != "open":
            return "Pull request Auto merge is already enabled, or it is not open"
        return self.hub.no_auto_merge

    def _unstoppable(self, found: dict) -> str:
        if not found["auto_merge"] or found["state"] != "open":
            return "Can't disable auto-merge for this pull request"
        return self.hub.no_stop

    @staticmethod
    def _refused(mutation: str, message: str, kind: str = "UNPROCESSABLE"):
        return 200, {"data": {mutation: None}, "errors": [{"type": kind, "path": [mutation], "message": message}]}

    def _numbered(self, number: str) -> dict:
        (found,) = (each for each in self.hub.pulls if each["number"] == int(number))
        return found

    def dispatched(self, call, name):
        """POST actions/workflows/NAME/dispatches."""
        self.hub.dispatched.append((name, call.body["ref"]))
        return 204, None

    def runs(self, call, name):
        """GET actions/workflows/NAME/runs; a dispatch runs the head of its branch, and the remote knows it."""
        started = [self.heads(ref) for each, ref in self.hub.dispatched if each == name]
        asked = call.query["head_sha"]
        found = [sha for sha in (*self.hub.concluded, *started, *[asked] * self.hub.green) if sha == asked]
        ended = self.hub.concluded | ({asked: "success"} if self.hub.green else {})
        return 200, {"workflow_runs": [{"head_sha": sha, "conclusion": ended.get(sha)} for sha in found]}


def pull_requests(hub: GitHubStub, heads=lambda branch: "") -> GitHubStub:
    """Let the stub keep pull requests and start runs, as the token of a job (ghs_bot) and of an App (ghs_app) may."""
    repo, served, hub.heads = f"/repos/{hub.repository}", PullRequests(hub, heads), heads
    hub.tokens["ghs_bot"] = {"pull-requests": "write", "actions": "write", "contents": "write"}
    hub.tokens["ghs_app"] = {"pull-requests": "write", "actions": "read", "contents": "write"}
    flow, page = rf"{repo}/actions/workflows/([\w.-]+)", ("head_sha", "per_page", "page")
    hub.add("POST", f"{repo}/pulls", "pull-requests:write", served.opened)
    hub.add("PATCH", rf"{repo}/pulls/(\d+)", "pull-requests:write", served.changed)
    hub.add("PUT", rf"{repo}/pulls/(\d+)/merge", "contents:write", served.merged)
    hub.add("POST", "/graphql", "contents:write", served.mutated)
    hub.add("GET", rf"{flow}/runs", "actions:read", served.runs, page)
    hub.add("POST", rf"{flow}/dispatches", "actions:write", served.dispatched)
    return hub
