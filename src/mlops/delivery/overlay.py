"""The overlays of manifests/: what an environment serves is what its overlay says in git. Read, and edited as text."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from mlops import yamledit
from mlops.delivery import proposal
from mlops.errors import CannotRun
from mlops.paths import OVERLAY, OVERLAYS

UNRELEASED = f"sha256:{'0' * 64}"  # what a fresh copy's overlays say
PROD = "prod"  # the environment whose champion no candidate may be much worse than
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
HASH = re.compile(r"[0-9a-f]{64}")
MODEL = "{}-model"  # the annotation of an overlay that holds the hash of an image's model


@dataclass(frozen=True)
class Image:
    """What an overlay puts in the place of a name of manifests/base: a repository of a registry, a digest, and the model in it.

    model: its hash, "" where the overlay does not say.
    """

    repository: str
    digest: str
    model: str = ""

    @property
    def released(self) -> bool:
        """Whether there is such an image, as far as git knows."""
        return self.digest != UNRELEASED

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}"


def environments(root=".") -> list[str]:
    """Return the names of the folders under manifests/overlays."""
    return sorted(path.parent.name for path in Path(root, OVERLAYS).glob("*/kustomization.yaml"))


def file(environment: str, root=".") -> str:
    """Return the path of an environment's overlay below `root`; raises CannotRun where there is none."""
    known = environments(root)
    if environment not in known:
        raise CannotRun(f"there is no environment '{environment}': {OVERLAYS} has {', '.join(known) or 'none'}")
    return OVERLAY.format(environment)


def images(text: str, name: str) -> dict[str, Image]:
    """Return {name in manifests/base: image} of the overlay `name` with this text.

    Raises CannotRun where an image is not named by a digest alone, or twice.
    """
    try:
        values = yaml.safe_load(text)
        entries, said = values.get("images") or [], (values.get("metadata") or {}).get("annotations") or {}
        found = {entry["name"]: entry for entry in entries}
    except (yaml.YAMLError, AttributeError, KeyError, TypeError):
        raise CannotRun(
            f"{name} has no list of images with a name each: restore it with `git checkout origin/main -- {name}`"
        ) from None
    if len(found) < len(entries):
        raise CannotRun(f"{name}: an image is named twice: delete one of the two")
    for each, entry in found.items():
        if set(entry) != {"name", "newName", "digest"} or not DIGEST.fullmatch(str(entry["digest"])):
            raise CannotRun(
                f"{name}: image '{each}' needs newName and a digest sha256:..., and nothing else: it has {entry}"
            )
    models = {each: str(said.get(MODEL.format(each), "")) for each in found}
    return {
        each: Image(entry["newName"], entry["digest"], models[each] if HASH.fullmatch(models[each]) else "")
        for each, entry in found.items()
    }


def read(environment: str, root=".") -> dict[str, Image]:
    """Return the images of an environment as the files below `root` say."""
    name = file(environment, root)
    return images(Path(root, name).read_text(encoding="utf-8"), name)


def at(commit: str, name: str, root=".") -> str:
    """Return the text of the overlay `name` as a commit has it, its line ends too; raises CannotRun where it has none."""
    return proposal.read(commit, name, root)


def namespace(text: str, name: str) -> str:
    """Return the namespace that the overlay `name` with this text sets; raises CannotRun where it sets none."""
    found = (yaml.safe_load(text) or {}).get("namespace")
    if not found:
        raise CannotRun(f"{name} sets no namespace: add a line `namespace:` of its own")
    return found


def with_image(text: str, name: str, role: str, image: Image) -> str:
    """Return the overlay's text with another image for a role, champion or challenger: comments, order and layout stay.

    The hash of its model is written, `none` in the place of another one's where the image does not say it. Raises CannotRun where the overlay has no image for the role, or
    `image` no digest.
    """
    if not DIGEST.fullmatch(image.digest):
        raise CannotRun(f"'{image.digest}' is no digest: it should be sha256: and 64 of 0-9a-f")
    known = list(images(text, name))
    if role not in known:
        raise CannotRun(f"{name} has no image '{role}': it has {', '.join(known) or 'none'}")
    for key, value in (("newName", image.repository), ("digest", image.digest)):
        text = yamledit.edited(text, ["images", known.index(role), key], value, name)
    if not image.model and MODEL.format(role) not in text:
        return text
    return yamledit.edited(text, ["metadata", "annotations", MODEL.format(role)], image.model or "none", name)
