"""Verb `upgrade`: merge a newer template. Run: mlops upgrade (make upgrade), on a branch, with nothing left to commit.

The owner's room stays as it is, whatever upstream did to the sample in its place. A copy made by *Use this template* shares
no history with upstream: its first commit is the tree of one of upstream's commits, which is found and grafted under it for
the merge; after that the histories are joined. What upstream changed in the owner's room is said, for the owner to take.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import yaml

from mlops import dvc
from mlops.errors import CannotRun
from mlops.paths import LOCK, METRICS, OVERLAYS, OWNERS, PARAMS
from mlops.protected import CODEOWNERS

# Yours where you changed them, upstream's where you did not; an overlay holds what an environment serves.
KEPT = ("README.md", "LICENSE", CODEOWNERS, OVERLAYS)
UV_LOCK = "uv.lock"
WRITTEN = (LOCK, METRICS)  # by the pipeline
CHANGES = {"A": "added", "D": "deleted"}
OWN = (
    "data.",
    "train.estimators.",
    "gates.margins.",
    "gates.floors.",
    "search.space.",
)  # whose keys are the owner's words


def add_arguments(parser) -> None:
    """Add --url, --ref and --from."""
    parser.add_argument("--url", help="the template's repository (default: the remote `upstream`)")
    parser.add_argument("--ref", default="main", help="its branch or tag (default: main)")
    parser.add_argument(
        "--from", dest="start", help="the template's commit that this copy was made from, where it cannot be told"
    )


def run(args) -> int:
    """Merge upstream's branch; 1 where files of the template's room conflict, because both sides changed them."""
    if dvc.git("status", "--porcelain"):
        raise CannotRun(
            "there are changes that are in no commit: commit or drop them first, so that the merge can be undone"
        )
    dvc.git("fetch", "--quiet", "--no-tags", _url(args.url), args.ref)
    theirs, head = dvc.git("rev-parse", "FETCH_HEAD"), dvc.git("rev-parse", "HEAD")
    if dvc.git("merge-base", "--is-ancestor", theirs, head, check=False) is not None:
        print(f"upgrade: this copy has all of {theirs[:12]} already")
        return 0
    with joined(head, theirs, args.start):
        merge = _merge(head, theirs)
    for line in merge.said:
        print(f"upgrade: {line}")
    if merge.conflicts:
        names = ", ".join(merge.conflicts)
        lock = f" ({UV_LOCK} last: `git checkout --theirs {UV_LOCK} && uv lock`)" if UV_LOCK in merge.conflicts else ""
        print(
            f"upgrade: both sides changed {names}: mend them{lock}, `git add` them and `git commit`; or `git merge --abort`"
        )
        return 1
    print(f"upgrade: merged {theirs[:12]}; now `make pr`, and commit dvc.lock and metrics.json if they changed")
    return 0


@dataclass(frozen=True)
class Merge:
    """What a merge left: the files that conflict, and what a person should know."""

    conflicts: list[str]
    said: list[str]


def _url(asked: str | None) -> str:
    url = asked or dvc.git("remote", "get-url", "upstream", check=False)
    if not url:
        raise CannotRun("there is no remote `upstream`: name the template with `git remote add upstream URL`, or URL=")
    return url


@contextmanager
def joined(head: str, theirs: str, start: str | None):
    """Join the two histories by a graft under this copy's first commit, where they share none, for the time of a merge."""
    if dvc.git("merge-base", head, theirs, check=False):
        yield
        return
    root = dvc.git("rev-list", "--max-parents=0", head).splitlines()[-1]
    dvc.git("replace", "--graft", root, start or made_from(root, theirs))
    try:
        yield
    finally:
        dvc.git("replace", "--delete", root)


def made_from(root: str, theirs: str) -> str:
    """Return the commit of upstream with the same tree as `root`, this copy's first; raises CannotRun where there is none."""
    tree = dvc.git("rev-parse", f"{root}^{{tree}}")
    for line in dvc.git("log", "--format=%H %T", theirs).splitlines():
        commit, its_tree = line.split()
        if its_tree == tree:
            return commit
    raise CannotRun(
        f"no commit of the template has the tree of this copy's first commit ({root[:12]}): name the one it was made from with FROM=<commit>"
    )


def _merge(head: str, theirs: str) -> Merge:
    """Merge `theirs` and keep the owner's room; whatever stops this on the way, the tree is as it was before."""
    base = dvc.git("merge-base", head, theirs)
    try:
        done = _git("merge", "--no-ff", "--no-commit", "--quiet", theirs)
        if done.returncode and not (Path(dvc.git("rev-parse", "--git-dir")) / "MERGE_HEAD").exists():
            raise CannotRun(f"git cannot merge: {' '.join(done.stderr.split())[-200:]}")
        said = _keep_ours(head, base) + _room_of_theirs(head, base, theirs) + _new_params(head, theirs)
        if _names("diff", "--name-only", "--diff-filter=U") == [UV_LOCK]:
            said += _locked_again()
        conflicts = _names("diff", "--name-only", "--diff-filter=U")
        if not conflicts:
            dvc.git("commit", "--quiet", "--no-verify", "-m", f"Upgrade the template to {theirs[:12]}")
    except BaseException:
        dvc.git("reset", "--hard", "--quiet", head, check=False)  # nothing was uncommitted; ends the merge too
        raise
    return Merge(conflicts, said)


def _git(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(["git", *words], capture_output=True, text=True)


def _names(*words: str) -> list[str]:
    """Return the names that a command of git prints, whatever letters they have."""
    command, *rest = words
    return [name for name in dvc.git(command, "-z", *rest).split("\0") if name]


def _keep_ours(head: str, base: str) -> list[str]:
    """Put the owner's room back as it was, and the files of KEPT that the owner changed."""
    changed = _names("diff", "--name-only", base, head, "--", *KEPT)
    rooms = [*OWNERS, *changed]
    dvc.git("rm", "-r", "--quiet", "--force", "--ignore-unmatch", "--", *rooms)
    ours = _names("ls-tree", "--name-only", head, "--", *rooms)
    if ours:
        dvc.git("checkout", "--quiet", head, "--", *ours)
    return [f"kept your {name}; upstream's is `git show FETCH_HEAD:{name}`" for name in changed]


def _room_of_theirs(head: str, base: str, theirs: str) -> list[str]:
    """Say what upstream added, changed or deleted in the owner's room, for the owner to take; a line a file, with its command.

    Left out: what the pipeline writes, what the owner deleted (the sample), and what is here already as upstream has it.
    """
    changed = _names("diff", "--name-status", "--no-renames", base, theirs, "--", *OWNERS)
    here = set(_names("ls-tree", "-r", "--name-only", head, "--", *OWNERS))
    apart = set(_names("diff", "--name-only", "--no-renames", head, theirs, "--", *OWNERS))
    return [
        f"upstream {CHANGES.get(kind, 'changed')} {name}, and your room is as it was: `git diff {base[:12]} {theirs[:12]} -- {quote(name)}`"
        for kind, name in zip(changed[::2], changed[1::2], strict=True)
        if name in apart and name not in WRITTEN and (kind == "A" or name in here)
    ]


def _locked_again() -> list[str]:
    """Mend a conflict in uv.lock: upstream's versions, and what the merged pyproject.toml asks for besides."""
    dvc.git("checkout", "--theirs", "--", UV_LOCK)
    program = os.environ.get("UV") or shutil.which("uv") or ".tools/bin/uv"
    try:
        done = subprocess.run([program, "lock", "--quiet"], capture_output=True, text=True)
        why = dvc.shown(dvc.last_line(done.stderr.split("\nhint:")[0])) if done.returncode else ""
    except OSError:
        why = "there is no program `uv`"
    if why:
        raise CannotRun(
            f"both sides changed {UV_LOCK}, and `uv lock` cannot make one of the merged pyproject.toml ({why}): "
            "nothing was merged; correct your dependencies, or the network, and upgrade again"
        )
    dvc.git("add", "--", UV_LOCK)
    return [f"both sides changed {UV_LOCK}: made again by `uv lock`"]


def _new_params(head: str, theirs: str) -> list[str]:
    """Say which keys upstream's params.yaml has and this copy's lacks: their defaults hold until they are named."""
    ours, new = (list(_keys(yaml.safe_load(dvc.git("show", f"{each}:{PARAMS}")))) for each in (head, theirs))
    keys = [key for key in new if key not in ours and not key.startswith(OWN)]
    return [f"new in params.yaml, with defaults until you name them: {', '.join(keys)}"] if keys else []


def _keys(values: dict, prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        yield from _keys(value, f"{prefix}{key}.") if isinstance(value, dict) else (f"{prefix}{key}",)
