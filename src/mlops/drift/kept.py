"""Verb `keep`: what `drift` has found stays on the branch reports/drift, a file a champion. Run: mlops keep, after `mlops drift` or `mlops retrain`.

By it settled windows are not looked at again, and charts go further back than the champion. The branch is one commit without a history of its
own, made anew each time, so that a clone stays small.
"""

import json
from contextlib import suppress
from datetime import date
from pathlib import Path

from mlops import github
from mlops.delivery import proposal
from mlops.dvc import git
from mlops.errors import CannotRun
from mlops.paths import DRIFT

BRANCH = "reports/drift"
THERE = f"refs/remotes/origin/{BRANCH}"
PAST = "past"  # the answer of a day before the newest that was looked at: nothing is done about it


def run(args) -> int:
    """Push it; 0 also where nothing was looked at, or nothing is new, which is said."""
    if not Path(DRIFT).exists():
        github.report(f"keep: there is no {DRIFT}, so nothing is kept")
        return 0
    hub, said = github.from_environment(), Path(DRIFT).read_bytes()
    about = _about(said)
    if about is None:
        raise CannotRun(f"{DRIFT} is not what `mlops drift` writes: run it again")
    proposal.known(hub, BRANCH)
    if why := later(date.fromisoformat(about["as_of"])):
        github.report(f"keep: {why}: {BRANCH} stays as it is")
        return 0
    files = {f"{about['reference']['model_hash'][:12]}.json": said.decode()}
    github.report(f"keep: {proposal.kept(hub, BRANCH, files)}")
    return 0


def later(as_of: date, root=".") -> str:
    """Return which later day was looked at already, as a sentence, "" where none was: a backfill must not undo it."""
    days = [about["as_of"] for about in map(_about, texts(root).values()) if about]
    newest = max(days, default="")
    return f"{newest} was looked at already, and {as_of} is before it" if newest > str(as_of) else ""


def _about(text: str | bytes) -> dict | None:
    try:
        said = json.loads(text)
        date.fromisoformat(said["as_of"])
        return said if said["reference"]["model_hash"][:12] else None
    except (ValueError, KeyError, TypeError):
        return None


def texts(root=".") -> dict[str, str]:
    """Return what was kept, {champion's hash, 12 digits: JSON}, as the last fetch has brought it; nothing where nothing was."""
    found = {}
    for name in (git("ls-tree", "--name-only", THERE, root=root, check=False) or "").splitlines():
        with suppress(CannotRun):  # what is no text is not ours
            found[name.removesuffix(".json")] = proposal.read(THERE, name, root)
    return found
