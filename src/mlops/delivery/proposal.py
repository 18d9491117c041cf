"""A pull request that a bot keeps: one branch with one commit on today's main, made anew each time, and nobody's working tree touched.

Run twice it is the same pull request. A branch on which a person has committed is theirs: it gets a comment and no push.
"""

import os
import subprocess
import tempfile
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from mlops.errors import CannotRun
from mlops.github import GitHub, GitHubError

NAME, EMAIL = "github-actions[bot]", "41898282+github-actions[bot]@users.noreply.github.com"
CHECKS = "pull-request.yml"  # a pull request made with the job's own token starts no run: its checks are dispatched
MAIN = "refs/remotes/origin/main"


@dataclass(frozen=True)
class Proposal:
    """What is proposed: files {path: text} as they should be on main, on a branch, with a title and a body."""

    branch: str
    title: str
    body: str
    files: dict[str, str]


def fetched(hub: GitHub, root=".") -> str:
    """Fetch main, and return its commit."""
    _git(root, "fetch", "--quiet", "origin", f"+refs/heads/main:{MAIN}", **_secret(hub))
    return _git(root, "rev-parse", MAIN)


def propose(hub: GitHub, proposal: Proposal, main: str, root=".") -> str:
    """Push the branch and open its pull request, or bring both up to date; return a sentence that says what was done.

    main: the commit that the files were made of, and no newer one, whose changes they would undo.
    Raises CannotRun where the push is refused: somebody else pushed at the same moment, and this can simply be run again.
    """
    tree = _tree(main, proposal.files, root)
    if tree == _git(root, "rev-parse", f"{main}^{{tree}}"):
        return f"nothing to propose: main has what {proposal.branch} would bring"
    old = _remote(hub, proposal.branch, root)
    pull = next(iter(hub.pages("pulls", state="open", head=f"{hub.repository.split('/')[0]}:{proposal.branch}")), None)
    if old and _git(root, "show", "--no-patch", "--format=%ce", old) != EMAIL:
        return _theirs(hub, proposal, pull)
    pushed = not old or [tree, main] != _git(root, "show", "--no-patch", "--format=%T %P", old).split()
    head = _commit(proposal.title, tree, main, root) if pushed else old
    if pushed:
        _push(hub, proposal, head, old, root)
    said = _opened(hub, proposal, pull, pushed)
    _checked(hub, proposal.branch, head)
    return said


def _checked(hub: GitHub, branch: str, head: str) -> None:
    """Start the checks of a commit that has none: the run before may have died between its push and this."""
    if not next(iter(hub.pages(f"actions/workflows/{CHECKS}/runs", key="workflow_runs", head_sha=head)), None):
        hub.post(f"actions/workflows/{CHECKS}/dispatches", {"ref": branch})


def _opened(hub: GitHub, proposal: Proposal, pull: dict | None, pushed: bool) -> str:
    said = {"title": proposal.title, "body": proposal.body}
    if pull is None:
        try:
            pull = hub.post("pulls", said | {"head": proposal.branch, "base": "main"})
        except GitHubError as error:
            if error.status != 403 or "not permitted to create" not in error.reason:
                raise
            link = f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{hub.repository}/compare/{proposal.branch}"
            return f"pushed {proposal.branch}; this repository does not let Actions open pull requests, so open it: {link}?expand=1"
    elif (pull["title"], pull["body"]) != (proposal.title, proposal.body):
        hub.patch(f"pulls/{pull['number']}", said)
    return f"#{pull['number']} {'proposes' if pushed else 'still proposes'}: {proposal.title}"


def _theirs(hub: GitHub, proposal: Proposal, pull: dict | None) -> str:
    said = f"{proposal.branch} has a commit of a person's, so it is not pushed to"
    if pull is not None:
        text = (
            f"{said}. What the bot would propose now: {proposal.title}. Merge or close this, and it proposes it anew."
        )
        if text not in [each["body"] for each in hub.pages(f"issues/{pull['number']}/comments")]:
            hub.post(f"issues/{pull['number']}/comments", {"body": text})
    return said


def _tree(main: str, files: dict[str, str], root) -> str:
    """Return the tree of `main` with these files, made beside the index that a person uses."""
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(root, "read-tree", main, **index)
        for path, text in files.items():
            blob = _git(root, "hash-object", "-w", "--stdin", given=text)
            _git(root, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", **index)
        return _git(root, "write-tree", **index)


def _commit(title: str, tree: str, main: str, root) -> str:
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", NAME), ("EMAIL", EMAIL))
    }
    return _git(root, "commit-tree", tree, "-p", main, "-m", title, **who)


def _remote(hub: GitHub, branch: str, root) -> str:
    """Return the commit of a branch as the remote has it, fetched; "" where there is none."""
    listed = _git(root, "ls-remote", "origin", f"refs/heads/{branch}", **_secret(hub)).split()
    if listed:
        _git(root, "fetch", "--quiet", "origin", listed[0], **_secret(hub))
    return listed[0] if listed else ""


def _push(hub: GitHub, proposal: Proposal, commit: str, old: str, root) -> None:
    name = f"refs/heads/{proposal.branch}"
    try:
        _git(root, "push", "--quiet", f"--force-with-lease={name}:{old}", "origin", f"{commit}:{name}", **_secret(hub))
    except CannotRun as error:
        raise CannotRun(
            f"{proposal.branch} could not be pushed ({error}): nothing was changed; run this job again"
        ) from None


def _secret(hub: GitHub) -> dict[str, str]:
    """Return the token as git's configuration of one command, in its environment: a command line can be read by others."""
    key = f"http.{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/.extraheader"
    token = b64encode(f"x-access-token:{hub.token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": key, "GIT_CONFIG_VALUE_0": "",  # a checkout may have left its own
        "GIT_CONFIG_KEY_1": key, "GIT_CONFIG_VALUE_1": f"AUTHORIZATION: basic {token}", "GIT_TERMINAL_PROMPT": "0",
    }  # fmt: skip


def _git(root, *words: str, given: str | None = None, **variables: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *words], capture_output=True, text=True, input=given, env=os.environ | variables
    )
    if done.returncode:
        raise CannotRun(f"`git {words[0]}` failed: {' '.join(done.stderr.split())[-300:]}")
    return done.stdout.strip()
