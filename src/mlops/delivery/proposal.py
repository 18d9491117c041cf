"""A pull request that a bot keeps: one branch with one commit on today's main, made anew each time, and nobody's working tree touched.

Run twice it is the same pull request. A branch on which a person has committed is theirs: it gets a comment and no push.
What a person has closed unmerged, or merged and taken back on main, is not proposed again. What main does not need any more
is closed.
"""

import os
import subprocess
import tempfile
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path

from mlops.delivery import pull_request
from mlops.errors import CannotRun
from mlops.github import GitHub

NAME, EMAIL = "github-actions[bot]", "41898282+github-actions[bot]@users.noreply.github.com"
MAIN = "refs/remotes/origin/main"


@dataclass(frozen=True)
class Proposal:
    """What is proposed: files {path: text} as they should be on main, on a branch, with a title and a body.

    tree: git's name of a whole tree, in the place of files. Another content has another title: by its title it is known whether a person has settled it already.
    """

    branch: str
    title: str
    body: str
    files: dict[str, str] = field(default_factory=dict)
    tree: str = ""


class Outcome(str):
    """A sentence that says what was done; `head`: the bot's commit that is proposed, "" where none is."""

    def __new__(cls, sentence: str, head: str = ""):
        """Make it."""
        made = super().__new__(cls, sentence)
        made.head = head
        return made


def fetched(hub: GitHub, root=".") -> str:
    """Fetch main, and return its commit."""
    _git(root, "fetch", "--quiet", "origin", f"+refs/heads/main:{MAIN}", **_secret(hub))
    return _git(root, "rev-parse", MAIN)


def read(commit: str, path: str, root=".") -> str:
    """Return the text of a file of a commit, its line ends as they are; raises CannotRun where there is none, or no UTF-8."""
    try:
        return _run(root, "cat-file", "blob", f"{commit}:{path}").decode()
    except UnicodeDecodeError:
        raise CannotRun(f"{path} of {commit[:12]} is not UTF-8: save it as UTF-8") from None
    except CannotRun:
        raise CannotRun(f"there is no file {path} in {commit[:12]}") from None


def pushed(hub: GitHub, branch: str, path: str, root=".") -> str:
    """Return the text of a file of a branch that is the bot's alone, "" where there is no such branch or file."""
    commit = _remote(hub, branch, root)
    try:
        return read(commit, path, root) if commit and _own(commit, MAIN, root) else ""
    except CannotRun:
        return ""


def propose(
    hub: GitHub, proposal: Proposal, main: str, root=".", *, app: bool = False, merge: bool = False, asked: bool = False
) -> Outcome:
    """Push the branch and open its pull request, or bring both up to date; return a sentence that says what was done.

    main: the commit that the files were made of, and no newer one, whose changes they would undo.
    app: the token is an App's, so checks start by themselves. merge: GitHub is to merge it once they are green.
    asked: a person, or an alarm, asks for it now, whatever was closed before.
    Raises CannotRun where the push is refused: somebody else pushed at the same moment, and this can simply be run again.
    """
    branch, title = proposal.branch, proposal.title
    tree = tree_of(main, proposal, root)
    pull = pull_request.find(hub, branch)
    why = _there(proposal, tree, main, root) or ("" if asked else _settled(hub, proposal, pull))
    if why:
        return Outcome(f"nothing to propose: {why}{_retired(hub, proposal, pull, why, main, root)}")
    old = _remote(hub, branch, root)
    if old and not _own(old, main, root):
        return Outcome(_theirs(hub, proposal, pull))
    stands = bool(old) and _stands(old, tree, main, root)
    head = old if stands else commit_tree(title, tree, main, root)
    if not stands:
        _push(hub, branch, head, old, root)
    pull = pull_request.keep(hub, pull, branch, title, proposal.body)
    if not app:
        pull_request.check(hub, branch, head)
    if pull is None:
        return Outcome(_link(hub, branch))
    said = f"#{pull['number']} {'still proposes' if stands else 'proposes'}: {title}"
    return Outcome(f"{said}; {pull_request.merge(hub, pull, head)}" if merge else said, head)


def placed(hub: GitHub, branch: str, title: str, tree: str, main: str, root=".") -> str:
    """Push a branch that nobody merges, a tree on main; return its commit, the one that is there where it is that already."""
    old = _remote(hub, branch, root)
    if old and _stands(old, tree, main, root):
        return old
    commit = commit_tree(title, tree, main, root)
    _push(hub, branch, commit, old, root)
    return commit


def known(hub: GitHub, branch: str, root=".") -> None:
    """Fetch a branch, or forget it where the remote has it no more."""
    old = _remote(hub, branch, root)
    words = (
        ["update-ref", f"refs/remotes/origin/{branch}", old]
        if old
        else ["update-ref", "-d", f"refs/remotes/origin/{branch}"]
    )
    _git(root, *words)


def kept(hub: GitHub, branch: str, files: dict[str, str], root=".") -> str:
    """Put files on a branch that holds nothing but such files, beside those that are there; return a sentence that says what was done.

    It is one commit without a parent, so that no clone fetches the ones before.
    """
    old = _remote(hub, branch, root)
    tree = _with(old, files, root)
    if old and tree == _git(root, "rev-parse", f"{old}^{{tree}}"):
        return f"{branch} has it already"
    _push(hub, branch, _commit(root, tree, "-m", f"Keep {', '.join(files)}"), old, root)
    return f"{branch} has {', '.join(files)} now"


def _there(proposal: Proposal, tree: str, main: str, root) -> str:
    return f"main has what {proposal.branch} would bring" if tree == _git(root, "rev-parse", f"{main}^{{tree}}") else ""


def _settled(hub: GitHub, proposal: Proposal, pull: dict | None) -> str:
    """Return how a person has settled this proposal already, "" where nobody has; `pull` is the one that is open."""
    if pull is not None and pull["title"] == proposal.title:
        return ""
    settled = pull_request.settled(hub, proposal.branch, proposal.title)
    if settled is None:
        return ""
    if settled["merged_at"]:
        own = "to have this one all the same, change main by a pull request of your own"
        return f"#{settled['number']} was merged and is taken back on main: a newer image is proposed; {own}"
    if pull is not None:  # its branch has moved on, so it cannot be reopened
        return ""
    return f"#{settled['number']} proposed this and was closed unmerged: reopen it, and the next run keeps it"


def withdrawn(hub: GitHub, pull: dict, why: str, root=".") -> str:
    """Close a pull request whose branch is the bot's alone; return what was done, "" where it is not."""
    branch = pull["head"]["ref"]
    return _closed(hub, branch, pull, f"Closed by the bot as outdated: {why}.", fetched(hub, root), root)


def _retired(hub: GitHub, proposal: Proposal, pull: dict | None, why: str, main: str, root) -> str:
    """Close the bot's own pull request, which may merge itself; return what is said of it, "" where there is none."""
    text = f"Closed by the bot as outdated. It would propose `{proposal.title}` now, but {why}."
    said = _closed(hub, proposal.branch, pull, text, main, root)
    return said and f"; {said}"


def _closed(hub: GitHub, branch: str, pull: dict | None, text: str, main: str, root) -> str:
    old = _remote(hub, branch, root) if pull is not None else ""
    if not old or not _own(old, main, root):
        return ""
    pull_request.retire(hub, pull, text)
    return f"#{pull['number']} is outdated, and closed"


def _link(hub: GitHub, branch: str) -> str:
    link = f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{hub.repository}/compare/{branch}"
    return f"pushed {branch}; this repository does not let Actions open pull requests, so open it: {link}?expand=1"


def _theirs(hub: GitHub, proposal: Proposal, pull: dict | None) -> str:
    said = f"{proposal.branch} has a commit of a person's, so it is not pushed to"
    if pull is not None:
        wanted = f"What the bot would propose now: {proposal.title}. Merge or close this, and it proposes it anew."
        pull_request.comment(hub, pull, f"{said}. {wanted}")
    return said


def _own(head: str, main: str, root) -> bool:
    """Whether nothing of a person is in a branch: what main does not have is the bot's, or git's own merge of its parents."""
    lines = _git(root, "rev-list", "--no-commit-header", "--format=%T%x09%P%x09<%ce>", head, f"^{main}", f"^{MAIN}")
    commits = [line.split("\t", 2) for line in lines.split("\n") if line]
    return all(email == f"<{EMAIL}>" or tree == _merged(parents.split(), root) for tree, parents, email in commits)


def _merged(parents: list[str], root) -> str | None:
    """Return the tree that git makes of two parents by itself: GitHub's button "Update branch" commits that one."""
    if len(parents) != 2:
        return None
    try:
        return _git(root, "merge-tree", "--write-tree", "--no-messages", *parents)
    except CannotRun:  # a conflict: whoever committed this has solved it
        return None


def _stands(old: str, tree: str, main: str, root) -> bool:
    """Whether a branch is these files on this main already, by one commit or with main merged into it."""
    found = _git(root, "rev-parse", f"{old}^{{tree}}")
    return found == tree and not _git(root, "rev-list", "--max-count=1", main, f"^{old}")


def tree_of(main: str, proposal: Proposal, root=".") -> str:
    """Return the tree that is proposed: of `main` with these files, made beside the index that a person uses."""
    if proposal.tree:
        return proposal.tree
    return _with(main, proposal.files, root)


def _with(base: str, files: dict[str, str], root) -> str:
    """Return the tree of a commit ("": of none) with these files."""
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git(root, "read-tree", *([base] if base else ["--empty"]), **index)
        for path, text in files.items():
            blob = _git(root, "hash-object", "-w", "--stdin", given=text.encode())
            _git(root, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", **index)
        return _git(root, "write-tree", **index)


def commit_tree(title: str, tree: str, main: str, root=".") -> str:
    """Make the bot's commit of a tree on top of `main`, and return its name."""
    return _commit(root, tree, "-p", main, "-m", title)


def _commit(root, tree: str, *words: str) -> str:
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", NAME), ("EMAIL", EMAIL))
    }
    return _git(root, "commit-tree", tree, *words, **who)


def _remote(hub: GitHub, branch: str, root) -> str:
    """Return the commit of a branch as the remote has it, fetched with all that main has by now; "" where there is none."""
    listed = _git(root, "ls-remote", "origin", f"refs/heads/{branch}", **_secret(hub)).split()
    if not listed:
        return ""
    # a shallow checkout does not know what is main's
    deep = ["--unshallow"] * (_git(root, "rev-parse", "--is-shallow-repository") == "true")
    _git(root, "fetch", "--quiet", *deep, "origin", listed[0], f"+refs/heads/main:{MAIN}", **_secret(hub))
    return listed[0]


def _push(hub: GitHub, branch: str, commit: str, old: str, root) -> None:
    name = f"refs/heads/{branch}"
    try:
        _git(root, "push", "--quiet", f"--force-with-lease={name}:{old}", "origin", f"{commit}:{name}", **_secret(hub))
    except CannotRun as error:
        raise CannotRun(f"{branch} could not be pushed ({error}): nothing was changed; run this job again") from None


def _secret(hub: GitHub) -> dict[str, str]:
    """Return the token as git's configuration of one command, in its environment: a command line can be read by others."""
    key = f"http.{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/.extraheader"
    token = b64encode(f"x-access-token:{hub.token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": key, "GIT_CONFIG_VALUE_0": "",  # a checkout may have left its own
        "GIT_CONFIG_KEY_1": key, "GIT_CONFIG_VALUE_1": f"AUTHORIZATION: basic {token}", "GIT_TERMINAL_PROMPT": "0",
    }  # fmt: skip


def _git(root, *words: str, given: bytes | None = None, **variables: str) -> str:
    return _run(root, *words, given=given, **variables).decode("utf-8", "replace").strip()


def _run(root, *words: str, given: bytes | None = None, **variables: str) -> bytes:
    done = subprocess.run(
        ["git", "-C", str(root), *words], capture_output=True, input=given, env=os.environ | variables
    )
    if done.returncode:
        raise CannotRun(f"`git {words[0]}` failed: {' '.join(done.stderr.decode('utf-8', 'replace').split())[-300:]}")
    return done.stdout
