"""A real remote: a bare repository, a clone of it as a workflow's checkout, and the API's pull requests kept in step."""

import os
import subprocess
from pathlib import Path

from github_stub import GitHubStub

WHO = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Ann"), ("EMAIL", "ann@example.com"))
}


def git(folder, *words: str) -> str:
    """Run git as a person, and return what it prints."""
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, env=os.environ | WHO)
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
        for name, text in files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text(text, encoding="utf-8")
        git(self.path, "add", "-A")
        git(self.path, "commit", "-q", "--allow-empty", "-m", message)
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


def pull_requests(hub: GitHubStub, heads=lambda branch: "") -> GitHubStub:
    """Let the stub open and change pull requests, and start runs, as a job's token may; heads: a branch -> its commit."""
    repo = f"/repos/{hub.repository}"
    hub.tokens["ghs_bot"] = {"pull-requests": "write", "actions": "write", "contents": "write"}
    hub.dispatched = []

    def opened(call):
        owner = hub.repository.split("/")[0]
        head = {"ref": call.body["head"], "user": {"login": owner}, "repo": {"full_name": hub.repository}, "sha": ""}
        base = {"ref": call.body["base"], "repo": {"full_name": hub.repository}}
        made = {"number": 100 + len(hub.pulls), "state": "open", "head": head, "base": base}
        hub.pulls.append(made | {"title": call.body["title"], "body": call.body["body"]})
        return 201, hub.pulls[-1]

    def changed(call, number):
        (found,) = (each for each in hub.pulls if each["number"] == int(number))
        found |= call.body
        return 200, found

    def dispatched(call, name):
        hub.dispatched.append((name, call.body["ref"]))
        return 204, None

    def runs(call, name):  # a dispatch runs the head of its branch; the remote below knows it
        started = [heads(ref) for each, ref in hub.dispatched if each == name]
        return 200, {"workflow_runs": [{"head_sha": sha} for sha in started if sha == call.query["head_sha"]]}

    hub.add("POST", f"{repo}/pulls", "pull-requests:write", opened)
    hub.add("PATCH", rf"{repo}/pulls/(\d+)", "pull-requests:write", changed)
    hub.add("GET", rf"{repo}/actions/workflows/([\w.-]+)/runs", "actions:read", runs, ("head_sha", "per_page", "page"))
    hub.add("POST", rf"{repo}/actions/workflows/([\w.-]+)/dispatches", "actions:write", dispatched)
    return hub
