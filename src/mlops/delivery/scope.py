"""Verb `scope`: does a change touch overlays alone, so what environments serve and no more? Then no model is judged, and the verdict is a matter of seconds.

Run: mlops scope --base origin/main.
"""

import difflib
from pathlib import Path

from mlops import github
from mlops.delivery import overlay
from mlops.dvc import git
from mlops.errors import CannotRun
from mlops.files import write_text
from mlops.paths import OVERLAY, OVERLAYS, REPORT

ROOM = f"{OVERLAYS}/"  # what is below manifests/ beside them has tests of its own
FENCE = "`" * 3
HEAD = "# Only overlays change\n\nNo model is judged: each overlay was rendered and held against the policy.\n"


def add_arguments(parser) -> None:
    """Add what is compared with."""
    parser.add_argument("--base", required=True, help="a branch or commit: the change is what is here since it")


def run(args) -> int:
    """Say it as output `only`, true or false; of such a change the report is its diff."""
    start = branched(args.base)
    changed = touched(start)
    only = bool(changed) and all(path.startswith(ROOM) for path in changed)
    if only:
        write_text(Path(REPORT), report(start, changed))
    said = f"only {ROOM} is touched: no model is judged" if only else f"{len(changed)} files are touched: all is judged"
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
