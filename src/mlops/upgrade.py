"""Verb `upgrade`: merge a newer template. Run: mlops upgrade (make upgrade), on a branch, with nothing left to commit.

The owner's room stays as it is, whatever upstream did to the sample in its place. A copy made by *Use this template* shares
no history with upstream: its first commit is the tree of one of upstream's commits, which is found and grafted under it for
the merge; after that the histories are joined.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from mlops import dvc
from mlops.errors import CannotRun
from mlops.paths import OWNERS, PARAMS

KEPT = ("README.md", "LICENSE", ".github/CODEOWNERS")  # yours where you changed them, upstream's where you did not
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
        print(
            f"upgrade: both sides changed {names}: mend them, `git add` them and `git commit`; or `git merge --abort`"
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
    base = dvc.git("merge-base", head, theirs)
    done = subprocess.run(["git", "merge", "--no-ff", "--no-commit", "--quiet", theirs], capture_output=True, text=True)
    if done.returncode and not (Path(dvc.git("rev-parse", "--git-dir")) / "MERGE_HEAD").exists():
        raise CannotRun(f"git cannot merge: {' '.join(done.stderr.split())[-200:]}")
    said = _keep_ours(head, base) + _new_params(head, theirs)
    conflicts = dvc.git("diff", "--name-only", "--diff-filter=U").splitlines()
    if not conflicts:
        dvc.git("commit", "--quiet", "--no-verify", "-m", f"Upgrade the template to {theirs[:12]}")
    return Merge(conflicts, said)


def _keep_ours(head: str, base: str) -> list[str]:
    """Put the owner's room back as it was, and the files of KEPT that the owner changed."""
    changed = dvc.git("diff", "--name-only", base, head, "--", *KEPT).splitlines()
    rooms = [*OWNERS, *changed]
    dvc.git("rm", "-r", "--quiet", "--force", "--ignore-unmatch", "--", *rooms)
    ours = dvc.git("ls-tree", "-r", "--name-only", head, "--", *rooms).splitlines()
    if ours:
        dvc.git("checkout", "--quiet", head, "--", *ours)
    return [f"kept your {name}; upstream's is `git show FETCH_HEAD:{name}`" for name in changed]


def _new_params(head: str, theirs: str) -> list[str]:
    """Say which keys upstream's params.yaml has and this copy's lacks: their defaults hold until they are named."""
    ours, new = (list(_keys(yaml.safe_load(dvc.git("show", f"{each}:{PARAMS}")))) for each in (head, theirs))
    keys = [key for key in new if key not in ours and not key.startswith(OWN)]
    return [f"new in params.yaml, with defaults until you name them: {', '.join(keys)}"] if keys else []


def _keys(values: dict, prefix: str = "") -> Iterator[str]:
    for key, value in values.items():
        yield from _keys(value, f"{prefix}{key}.") if isinstance(value, dict) else (f"{prefix}{key}",)
