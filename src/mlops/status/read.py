"""What runs where, as plain data: main as it was last fetched, the branch reports/drift, and GitHub where a token may ask.

`status` has the words for it. Nothing is fetched, and no registry is asked.
"""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mlops.config import parse
from mlops.delivery import champion, overlay, proposal
from mlops.delivery.overlay import Image
from mlops.drift import kept
from mlops.dvc import git
from mlops.errors import CannotRun
from mlops.params import Params
from mlops.paths import OVERLAY, OVERLAYS, PARAMS
from mlops.rollout import evidence, step
from mlops.status.pulls import Pull, asked, pulls


@dataclass(frozen=True)
class Change:
    """A commit of main, and when main got it: UTC."""

    commit: str
    at: datetime


@dataclass(frozen=True)
class Served:
    """An image that answers in an environment, as champion or challenger.

    brought: the newest commit that brought its model; since: the one that put it there. None where main's history does not tell.
    """

    role: str
    image: Image
    brought: Change | None
    since: Change | None


@dataclass(frozen=True)
class Environment:
    """An environment as main has it. served: nothing where it is unreleased; changed: its last other champion, challenger or step; why: on what; rejected: digests that were rolled back."""

    step: str
    served: tuple[Served, ...]
    changed: Change | None
    why: str
    rejected: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drift:
    """What was kept of the last look: the day, the champion's hash, the answer, and a sentence an alarm."""

    as_of: str
    model: str
    answer: str
    sentences: tuple[str, ...]


@dataclass
class Status:
    """All of it. fetched: whether main is origin's; None stands where something could not be read, and `faults` has a sentence for it."""

    main: Change
    fetched: bool
    environments: dict[str, Environment | None] = field(default_factory=dict)
    paused: bool | None = None
    drift: Drift | None = None
    pulls: list[Pull] | None = None
    unasked: str = ""  # why GitHub was not asked
    faults: list[str] = field(default_factory=list)


def gather(env=os.environ, *, checks: bool = True) -> Status:
    """Return what can be known here; raises CannotRun where there is no commit to look at.

    checks: whether GitHub is asked for those of each pull request, too.
    """
    commit = evidence.main_commit()
    fetched = git("rev-parse", "--verify", "--quiet", proposal.MAIN, check=False) == commit
    found = Status(_change(commit), fetched)
    _tried(found, champion.whole)
    for name in names(commit):
        found.environments[name] = _tried(found, lambda name=name: environment(name, commit))
    found.paused = _tried(found, lambda: parse(proposal.read(commit, PARAMS), Params, PARAMS).delivery.paused)
    found.drift = drift()
    hub, found.unasked = _tried(found, lambda: asked(env)) or (None, "")
    if hub is not None:
        found.pulls = _tried(found, lambda: pulls(hub, checks=checks))
    return found


def names(commit: str) -> list[str]:
    """Return the environments that a commit has."""
    files = git("ls-tree", "-r", "-z", "--name-only", commit, "--", f"{OVERLAYS}/").split("\0")
    folders = {each.removeprefix(f"{OVERLAYS}/").partition("/")[0] for each in files}
    return sorted(name for name in folders if OVERLAY.format(name) in files)


def environment(name: str, commit: str) -> Environment:
    """Return what an environment serves; raises CannotRun where its overlay cannot be read."""
    file = OVERLAY.format(name)
    text = proposal.read(commit, file)
    try:
        at, why = step.current(text, file), step.evidence(text, file)
        images = {"champion": overlay.images(text, file).get("champion"), "challenger": step.challenger(text, file)}
    except (AttributeError, KeyError, TypeError) as error:
        fix = f"look at `git show {commit[:12]}:{file}`"
        raise CannotRun(f"{file} is no overlay that can be read ({type(error).__name__}: {error}): {fix}") from None
    began = _began(file, commit)
    served = tuple(
        Served(role, image, _brought(image.model, commit), began.get(role))
        for role, image in images.items()
        if image is not None and image.released
    )
    return Environment(at, served, began.get("state"), why, tuple(step.rejected(text, file)))


def drift() -> Drift | None:
    """Return what was kept of the newest day, None where nothing was."""
    return max(filter(None, map(_looked, kept.texts().values())), key=lambda each: each.as_of, default=None)


def _tried(found: Status, look: Callable):
    """Return what a look gives, None where it raises CannotRun, whose sentence is kept."""
    try:
        return look()
    except CannotRun as error:
        found.faults.append(str(error))
        return None


def _change(commit: str) -> Change:
    hash_, seconds = git("show", "--no-patch", "--format=%H %ct", commit).split()
    return Change(hash_, datetime.fromtimestamp(int(seconds), UTC))


def _brought(model: str, commit: str) -> Change | None:
    try:
        return _change(champion.made_by(model, commit)) if model else None
    except CannotRun:  # it is served all the same; `trace` says more
        return None


def _began(file: str, commit: str) -> dict[str, Change]:
    """Return {champion, challenger or state: since when it is what `commit` has}; empty where history is not here."""
    began, now = {}, {}
    same = ()  # what has not been another thing between then and `commit`
    for change, said in _versions(file, commit):
        if not now:
            now, same = said, (*said,)
        same = [key for key in same if said.get(key) == now[key]]
        if not same:
            break
        began |= dict.fromkeys(same, change)
    return began


def _versions(file: str, commit: str) -> Iterator[tuple[Change, dict]]:
    """Yield each version of an overlay and what it says, the newest first."""
    if git("rev-parse", "--is-shallow-repository") == "true":
        return
    for line in git("log", "--first-parent", "--format=%H %ct", commit, "--", file).splitlines():
        version, seconds = line.split()
        yield Change(version, datetime.fromtimestamp(int(seconds), UTC)), _said(version, file)


def _said(version: str, file: str) -> dict:
    try:
        text = proposal.read(version, file)
        trying = step.challenger(text, file)
        first, second = overlay.images(text, file)["champion"].digest, trying and trying.digest
        return {"champion": first, "challenger": second, "state": (first, second, step.current(text, file))}
    except (CannotRun, AttributeError, KeyError, TypeError):  # it was not there, or laid out otherwise then
        return {}


def _looked(text: str) -> Drift | None:
    try:
        said = json.loads(text)
        sentences = tuple(str(each["sentence"]) for each in said["alarms"])
        return Drift(str(said["as_of"]), str(said["reference"]["model_hash"]), str(said["answer"]), sentences)
    except (ValueError, KeyError, TypeError):
        return None
