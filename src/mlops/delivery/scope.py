"""Verb `scope`: does a change touch nothing but steps, digests and what is said of them? Then no model is judged, and the verdict is a matter of seconds.

Run: mlops scope --base origin/main.
"""

import difflib
from pathlib import Path

from mlops import github
from mlops.delivery import overlay
from mlops.dvc import git
from mlops.errors import CannotRun
from mlops.files import write_text
from mlops.paths import OVERLAY, REPORT
from mlops.rollout import step

FENCE = "`" * 3
HEAD = "# Only steps and digests change\n\nNo model is judged: each overlay was rendered and held against the policy.\n"


def add_arguments(parser) -> None:
    """Add what is compared with."""
    parser.add_argument("--base", required=True, help="a branch or commit: the change is what is here since it")


def run(args) -> int:
    """Say it as output `only`, true or false; of such a change the report is its diff."""
    start = branched(args.base)
    changed = touched(start)
    only = bool(changed) and all(moves(path, start) for path in changed)
    if only:
        write_text(Path(REPORT), report(start, changed))
    said = (
        "only steps and digests change: no model is judged"
        if only
        else f"{len(changed)} files are touched: all is judged"
    )
    github.report(f"scope: {said}", only=str(only).lower())
    return 0


def branched(base: str, root=".") -> str:
    """Return the commit where this one branched off `base`; raises CannotRun where they have none in common."""
    start = git("merge-base", base, "HEAD", root=root, check=False)
    if start is None:
        raise CannotRun(f"{base} has no commit in common with this one: `git fetch --unshallow origin` first")
    return start


def touched(start: str, root=".") -> list[str]:
    """Return the files that differ between a commit and this one; of a renamed one both names."""
    return [
        each for each in git("diff", "--name-only", "--no-renames", "-z", start, "HEAD", root=root).split("\0") if each
    ]


def moves(path: str, start: str, root=".") -> bool:
    """Whether a file is an overlay in which nothing but step, images and annotations is another one.

    Of anything else that an overlay says (a patch, a namespace) the rendering is judged by tests that the short way leaves out.
    """
    if path not in map(OVERLAY.format, overlay.environments(root)):
        return False
    before, after = (git("show", f"{commit}:{path}", root=root, check=False) or "" for commit in (start, "HEAD"))
    try:
        return step.rest(before, path) == step.rest(after, path)
    except CannotRun:
        return False


def report(start: str, changed: list[str], root=".") -> str:
    """Return what people read in the place of a verdict's report: which environments change, and how."""
    names = {OVERLAY.format(each): each for each in overlay.environments(root)}
    who = [names[path] for path in changed if path in names]
    said = f"\n{' and '.join(who)} would serve what its overlay says below.\n" if who else ""
    return HEAD + said + "".join(_diff(path, start, root) for path in changed)


def _diff(path: str, start: str, root) -> str:
    before, after = (git("show", f"{commit}:{path}", root=root, check=False) or "" for commit in (start, "HEAD"))
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), path, path, lineterm="", n=1)
    said = "\n".join(lines).replace(FENCE, "'" * 3)
    return f"\n{FENCE}diff\n{said}\n{FENCE}\n"
