"""What main's history says of an environment: since when it is at its step, and which champions it had."""

from collections.abc import Iterator
from datetime import UTC, datetime

from mlops.delivery import champion, overlay
from mlops.delivery.overlay import Image
from mlops.dvc import git
from mlops.errors import CannotRun
from mlops.paths import OVERLAY
from mlops.rollout import step


def since(environment: str, commit: str, root=".") -> datetime:
    """Return when main, up to `commit`, came to the step and the challenger that the environment has there: UTC."""
    states = _states(environment, commit, root)
    newest, began = next(states)
    for state, at in states:
        if state != newest:
            break
        began = at
    return began


def champions(environment: str, commit: str, root=".") -> list[Image]:
    """Return the champions that the environment had before the one of `commit`, the last first, each once."""
    found: dict[str, Image] = {}
    for text in _texts(environment, commit, root):
        try:
            image = overlay.images(text[1], OVERLAY.format(environment)).get("champion")
        except CannotRun:  # it was laid out otherwise then
            continue
        if image is not None and image.released:
            found.setdefault(image.digest, image)
    return [*found.values()][1:]


def _states(environment: str, commit: str, root) -> Iterator[tuple[object, datetime]]:
    name = OVERLAY.format(environment)
    for at, text in _texts(environment, commit, root):
        try:
            image = step.challenger(text, name)
            yield (step.current(text, name), image and image.digest), at
        except CannotRun:
            yield None, at


def _texts(environment: str, commit: str, root) -> Iterator[tuple[datetime, str]]:
    """Yield (when main got it, text) of each version of the overlay, the newest first."""
    champion.whole(root)
    name = OVERLAY.format(environment)
    for line in git("log", "--first-parent", "--format=%H %ct", commit, "--", name, root=root).splitlines():
        version, seconds = line.split()
        text = git("show", f"{version}:{name}", root=root, check=False)
        yield datetime.fromtimestamp(int(seconds), UTC), text or ""
