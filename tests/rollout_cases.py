"""An environment with a history on a real remote: what tests of promotions and rollbacks begin with."""

from copies import ROOT, SAMPLE, unreleased
from mlops.delivery import overlay
from mlops.delivery.overlay import Image
from mlops.rollout import step
from remote import Remote, git

NAME = "manifests/overlays/prod/kustomization.yaml"
STAGING = "manifests/overlays/staging/kustomization.yaml"
REPOSITORY = "ghcr.io/acme/model"
FIRST, SECOND, THIRD = (Image(REPOSITORY, f"sha256:{each * 64}", each * 64) for each in "abc")
PARAMS = (SAMPLE / "params.yaml").read_text(encoding="utf-8")
EMPTY = unreleased(ROOT)[NAME]
STABLE = overlay.with_image(overlay.with_image(EMPTY, NAME, "champion", FIRST), NAME, "challenger", FIRST)


def at(name: str, image: Image = SECOND, why: str = "a test") -> str:
    """The overlay of prod at a step, with a challenger."""
    return step.promoted(STABLE, NAME, name, image, why)


def main(folder, prod: str = STABLE, staging: Image = SECOND, **files: str) -> Remote:
    """A remote whose main has these overlays, params and owners."""
    text = overlay.with_image(unreleased(ROOT)[STAGING], STAGING, "champion", staging)
    owners = {".github/CODEOWNERS": "* @OWNER\n/manifests/ @ann @bob\n"}
    return Remote(folder, {NAME: prod, STAGING: text, "params.yaml": PARAMS, **owners, **files})


def when(remote: Remote, text: str, date: str, message: str = "a step") -> str:
    """Merge an overlay of prod at a date, as GitHub's merges have one, and return the commit."""
    (remote.path / NAME).write_text(text, encoding="utf-8")
    git(remote.path, "commit", "-q", "-a", "--allow-empty", "-m", message, GIT_COMMITTER_DATE=date)
    git(remote.path, "push", "-q", "origin", "main")
    return git(remote.path, "rev-parse", "HEAD")
