"""What an environment serves, as a commit of main: the overlay names the model's hash, and main's history who made it."""

import json

from mlops.delivery import overlay
from mlops.dvc import git
from mlops.errors import CannotRun
from mlops.paths import METRICS, OVERLAY


def served(environment: str, commit: str, root=".") -> overlay.Image | None:
    """Return the champion that an environment serves as `commit` has it; None where it serves nothing yet.

    Raises CannotRun where an image is served of which the overlay does not say the model.
    """
    name = OVERLAY.format(environment)
    text = git("show", f"{commit}:{name}", root=root, check=False)
    image = overlay.images(text, name).get("champion") if text else None
    if image is None or not image.released:
        whole(root)
        if git("log", "-1", "--format=%h", "-G", "sha256:0*[1-9a-f]", commit, "--", name, root=root):
            raise CannotRun(
                f"{name} has served an image and names none now: a champion that is gone excuses nothing; restore it"
            )
        return None
    if not image.model:
        raise CannotRun(
            f"{name} serves {image.digest} and does not say its model: set metadata.annotations.champion-model to the "
            "model hash that the image's label mlops.model-hash has"
        )
    return image


def whole(root=".") -> None:
    """Raise CannotRun where this clone lacks history: what is not there cannot be told from what never was."""
    if git("rev-parse", "--is-shallow-repository", root=root) == "true":
        raise CannotRun("this clone is shallow, so its history says little: run `git fetch --unshallow`")


def made_by(model_hash: str, commit: str, root=".") -> str:
    """Return the newest commit, up to `commit`, that brought a model: its metrics.json names it.

    By its hash and not by the commit that built an image, which a squash may have erased. Raises CannotRun where there is none.
    """
    whole(root)
    changed = git("log", "--first-parent", "--format=%H", f"-S{model_hash}", commit, "--", METRICS, root=root).split()
    for candidate in changed:  # of those that took it away again the next one back is meant
        if _model(candidate, root) == model_hash:
            return candidate
    raise CannotRun(
        f"no commit of main has model {model_hash[:12]} in {METRICS}: it is another kind of hash (a digest begins with "
        "sha256:), or of a model that main never had; an environment should serve one that main has"
    )


def _model(commit: str, root) -> str | None:
    try:
        return json.loads(git("show", f"{commit}:{METRICS}", root=root, check=False) or "{}").get("model_hash")
    except ValueError:
        return None
