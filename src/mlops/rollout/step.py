"""The step of an environment: how much of its traffic a challenger gets, as one line of its overlay says. Text in, text out."""

import yaml

from mlops import yamledit
from mlops.delivery import overlay
from mlops.delivery.overlay import Image
from mlops.errors import CannotRun

STABLE, SHADOW, FULL = "stable", "shadow", "full"
STEPS = (SHADOW, "canary-01", "canary-05", "canary-25", "canary-50")
ORDER = (
    STABLE,
    *STEPS,
    FULL,
)  # stable and STEPS are components of manifests/rollout; full ends as stable, by another champion
PLACE = "../../rollout/"
EVIDENCE, REJECTED = "evidence", "rejected"  # annotations of an overlay


def current(text: str, name: str) -> str:
    """Return the step that the overlay `name` with this text is at; raises CannotRun where it names none, or several."""
    return _component(text, name)[1]


def challenger(text: str, name: str) -> Image | None:
    """Return the image that is tried, None where no step is open."""
    return None if current(text, name) == STABLE else overlay.images(text, name)["challenger"]


def following(text: str, name: str) -> str:
    """Return the next step; the first champion has nobody to be compared with, so it is `full` at once."""
    step = current(text, name)
    return ORDER[ORDER.index(step) + 1] if overlay.images(text, name)["champion"].released else FULL


def share(step: str) -> float:
    """Return the share of users, 0 to 1, whom the challenger answers."""
    return int(step.rpartition("-")[2]) / 100 if step.startswith("canary-") else float(step == FULL)


def rejected(text: str, name: str) -> list[str]:
    """Return the digests that were rolled back, the oldest first: none of them is promoted again."""
    return overlay.DIGEST.findall(_annotation(text, name, REJECTED))


def evidence(text: str, name: str) -> str:
    """Return on what the last change of the step was made, "" where nobody has changed it yet."""
    return _annotation(text, name, EVIDENCE)


def rest(text: str, name: str) -> dict:
    """Return what an overlay says beside its step, its images and its annotations: what no promotion changes."""
    place, _ = _component(text, name)
    said = yaml.safe_load(text)
    said["components"][place] = PLACE
    said["images"] = sorted(overlay.images(text, name))
    (said.get("metadata") or {}).pop("annotations", None)
    return said


def promoted(text: str, name: str, step: str, image: Image, why: str) -> str:
    """Return the overlay at `step` with this challenger; of `full` it is the champion, and no step is open any more.

    A text that says so already comes back as it is.
    """
    if (step, image) == (current(text, name), challenger(text, name)):
        return text
    text = overlay.with_image(text, name, "challenger", image)
    if step == FULL:
        text = overlay.with_image(text, name, "champion", image)
    return said(_at(text, name, STABLE if step == FULL else step), name, why)


def rolled_back(text: str, name: str, why: str) -> str:
    """Return the overlay without its challenger, whose digest is rejected for ever: the rollback of an open step."""
    if current(text, name) == STABLE:
        raise CannotRun(f"{name} has no step open: there is no challenger to take back")
    images = overlay.images(text, name)
    text = overlay.with_image(text, name, "challenger", images["champion"])
    return _without(_at(text, name, STABLE), name, images["challenger"].digest, why)


def restored(text: str, name: str, before: Image, why: str) -> str:
    """Return the overlay with the champion of before, and the one that is there rejected: the rollback after `full`."""
    lost = overlay.images(text, name)["champion"].digest
    for role in ("champion", "challenger"):
        text = overlay.with_image(text, name, role, before)
    return _without(_at(text, name, STABLE), name, lost, why)


def _at(text: str, name: str, step: str) -> str:
    return yamledit.edited(text, ["components", _component(text, name)[0]], PLACE + step, name)


def _without(text: str, name: str, digest: str, why: str) -> str:
    digests = " ".join(dict.fromkeys([*rejected(text, name), digest]))
    return said(yamledit.edited(text, ["metadata", "annotations", REJECTED], digests, name), name, why)


def said(text: str, name: str, why: str) -> str:
    """Return the overlay with another reason for the last change of its step."""
    return yamledit.edited(text, ["metadata", "annotations", EVIDENCE], " ".join(why.split()), name)


def _component(text: str, name: str) -> tuple[int, str]:
    overlay.images(text, name)  # says what is wrong with a text that is no overlay
    components = yaml.safe_load(text).get("components") or []
    found = [(place, each.removeprefix(PLACE)) for place, each in enumerate(components) if str(each).startswith(PLACE)]
    if len(found) != 1 or found[0][1] not in (STABLE, *STEPS):
        said = ", ".join(step for _, step in found) or "none"
        raise CannotRun(
            f"{name} should name one step under components, {PLACE} and one of {', '.join((STABLE, *STEPS))}: it names {said}"
        )
    return found[0]


def _annotation(text: str, name: str, key: str) -> str:
    overlay.images(text, name)  # says what is wrong with a text that is no overlay
    annotations = (yaml.safe_load(text).get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(key) or "")
