"""Verb `labels`: are the images that a change brings to an environment what the change says of them? Run: mlops labels --base origin/main.

An overlay says which model a digest has; the image says it itself, by the labels of its build. Where the change brings a model to main too, as a
retrain does, the challenger is the image of that model and of these files.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass

from mlops import github
from mlops.delivery import overlay, registry, scope
from mlops.delivery.build_key import build_key
from mlops.delivery.overlay import Image
from mlops.delivery.registry import GITHUBS, Denied
from mlops.dvc import git
from mlops.errors import CannotRun
from mlops.paths import METRICS


@dataclass(frozen=True)
class Brought:
    """An image that an environment would have in a role, champion or challenger, and has not at the base."""

    environment: str
    role: str
    image: Image

    def __str__(self):
        """Return how it is called."""
        return f"{self.environment}'s {self.role} {self.image}"


def add_arguments(parser) -> None:
    """Add what is compared with."""
    parser.add_argument("--base", required=True, help="a branch or commit: the change is what is here since it")


def run(args) -> int:
    """Return 1 where an image is not what the change says; raises CannotRun where that cannot be found out and must be."""
    start = scope.branched(args.base)
    model = METRICS in scope.touched(start)
    broken = 0
    for each in brought(start, model):
        why = fault(each, model)
        print(f"labels: {each}: {why or 'is what the change says'}")
        broken += bool(why)
    return int(bool(broken))


def brought(start: str, model: bool, root=".") -> Iterator[Brought]:
    """Yield the images that overlays name here and never did up to `start`: what goes back to one of before asks no registry.

    model: the change brings main another model, too. Then a challenger has to be of that one, had the overlay it before or not.
    """
    for environment in overlay.environments(root):
        name = overlay.file(environment, root)
        before = _images(start, name, root)
        for role, image in _images("HEAD", name, root).items():
            if not image.released or image == before.get(role):
                continue
            if (model and role == "challenger") or not _known(image, start, name, root):
                yield Brought(environment, role, image)


def _images(commit: str, name: str, root) -> dict[str, Image]:
    text = git("show", f"{commit}:{name}", root=root, check=False)
    return overlay.images(text, name) if text else {}


def _known(image: Image, start: str, name: str, root) -> bool:
    """Whether an overlay has had this image, said to be of this model."""
    touched = git("log", "--format=%H", f"-S{image.digest}", start, "--", name, root=root).split()
    return any(image in _images(commit, name, root).values() for commit in touched)


def fault(each: Brought, model: bool, root=".") -> str:
    """Return why an image is not what the change says, "" where it is. model: the change brings main another model, too.

    Raises CannotRun where the registry gives no answer; that it shows this token nothing is said, and passes for a change of overlays
    alone, whose labels `promote` and `deploy` have held against it with the registry's own token.
    """
    image = each.image
    try:
        with registry.login(image.repository):
            found = registry.find(image.repository, image.digest)
    except Denied as error:
        if model or image.repository == ours():
            raise CannotRun(f"{each} cannot be looked at, and this must be known: {error}") from None
        github.report(
            f"labels: {each} is not looked at: its registry asks for a token that no check of a pull request has"
        )
        return ""
    if found is None:
        return "its registry has no such image: push it first"
    wanted = {"model-hash": image.model}
    if model and each.role == "challenger":
        judged = json.loads(git("show", f"HEAD:{METRICS}", root=root))["model_hash"]
        if image.model != judged:
            return f"the overlay says model {image.model[:12]}, and {METRICS} is of {judged[:12]}: the next retrain mends it"
        wanted["build-key"] = build_key("HEAD", root)
    differing = [
        f"{name} {found.label(name)[:12]} instead of {value[:12]}"
        for name, value in wanted.items()
        if found.label(name) != value
    ]
    return f"its labels say {', '.join(differing)}: take the image that was built of this" if differing else ""


def readable(image: Image) -> bool:
    """Whether the checks of a pull request can read an image: this repository's own at GitHub takes their token, another one must ask for none."""
    if image.repository == ours():
        return True
    try:
        return registry.find(image.repository, image.digest) is not None  # without `login`: as anybody
    except CannotRun:
        return False


def ours() -> str:
    """Return the one repository that the token of a check may read: this one's at GitHub's registry."""
    return f"{GITHUBS}/{os.environ.get('GITHUB_REPOSITORY', '').lower()}"
