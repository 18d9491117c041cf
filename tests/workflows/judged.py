"""A pull request as GitHub would treat it: judged by pull-request.yml, then told by comment.yml."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from github_stub import GitHubStub, finished_run, pull
from workflows.act import NAME, TOKEN, Done, Repository, git
from workflows.endpoints import known

RUN = 12
# The job `test` runs in full in .ci/run; here it shows that the verb works in its job.
FEW_TESTS = {"PYTEST_ADDOPTS": "tests/test_needs.py"}
READS = {"actions": "read", "contents": "read", "pull-requests": "write"}  # what comment.yml's token may do


@dataclass(frozen=True)
class PullRequest:
    """One state of a pull request: its head commit, the run that judged it, the run that told it, the API it was told to."""

    sha: str
    judged: Done
    told: Done
    hub: GitHubStub
    number: int = 7

    def verdict(self) -> dict:
        """verdict.json, out of the artifact."""
        with zipfile.ZipFile(self.judged.artifact("pages")) as pages:
            return json.loads(pages.read("verdict.json"))

    def failed(self) -> set[str]:
        """The ids of the gates that failed."""
        return {gate["id"] for gate in self.verdict()["gates"] if gate["status"] == "fail"}


def through(
    repository: Repository,
    hub: GitHubStub,
    tree: Path,
    sha: str,
    source: str = NAME,
    number: int = 7,
    title: str = "A change",
) -> PullRequest:
    """Judge a commit by pull-request.yml and tell its pull request by comment.yml."""
    judged = judge(repository, tree, sha, source, number, title)
    return PullRequest(sha, judged, tell(repository, hub, tree, sha, judged, source, number), hub, number)


def judge(
    repository: Repository, tree: Path, sha: str, source: str = NAME, number: int = 7, title: str = "A change"
) -> Done:
    """Run pull-request.yml for the commit that a tree is at."""
    event = proposed(tree, sha, source, number, title)
    return repository.run("pull-request.yml", "pull_request", event, tree, **FEW_TESTS)


def proposed(tree: Path, sha: str, source: str = NAME, number: int = 7, title: str = "A change") -> dict:
    """The event of a pull request whose head is the commit that a tree is at."""
    head = {"ref": git(tree, "branch", "--show-current"), "sha": sha, "repo": {"full_name": source}}
    about = {"number": number, "title": title, "body": title, "head": head, "base": {"ref": "main"}}
    return {"action": "synchronize", "pull_request": about}


def tell(
    repository: Repository, hub: GitHubStub, tree: Path, sha: str, judged: Done, source: str = NAME, number: int = 7
) -> Done:
    """Run comment.yml of main for a run that has ended."""
    branch, before = git(tree, "branch", "--show-current"), hub.tokens.get(TOKEN)
    hub.tokens[TOKEN] = READS
    if not any(each["number"] == number and each["head"]["sha"] == sha for each in hub.pulls):
        hub.pulls[:] = [each for each in hub.pulls if each["number"] != number] + [pull(number, sha, branch, source)]
    hub.files[number] = [{"filename": name} for name in git(tree, "diff", "--name-only", "origin/main").splitlines()]
    hub.artifacts.pop(RUN, None)
    if judged.artifact("report").exists():
        hub.artifact(RUN, judged.artifact("report").read_bytes())
    ended = finished_run(sha, branch, source, RUN, judged.jobs["verdict"])
    asked = len(hub.log)
    done = repository.run("comment.yml", "workflow_run", ended, GITHUB_API_URL=hub.url)
    known("comment.yml", hub, asked)
    if before is not None:
        hub.tokens[TOKEN] = before
    return done
