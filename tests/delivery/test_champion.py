"""What an environment serves is in git: the overlay names the model, main's history the commit."""

import json
import subprocess

import pytest

from mlops.delivery import champion
from mlops.delivery.overlay import UNRELEASED, Image, with_image
from mlops.errors import CannotRun
from mlops.files import write_text

FRESH = f"""metadata:
  annotations:
    champion-model: none
images:
  - name: champion
    newName: unreleased
    digest: {UNRELEASED}
"""
NAME = "manifests/overlays/prod/kustomization.yaml"
DIGEST = f"sha256:{'d' * 64}"
A, B = "a" * 64, "b" * 64


def git(tree, *words):
    """Run git, and return what it prints; nothing where it fails."""
    words = ["-c", "user.name=A", "-c", "user.email=a@example.com", *words]
    return subprocess.run(["git", *words], cwd=tree, capture_output=True, text=True).stdout.strip()


class Main:
    """A history: each commit has a model and an overlay."""

    def __init__(self, path):
        self.path = path
        git(path, "init", "-q", "-b", "main")

    def commit(self, model: str, text: str = FRESH) -> str:
        """Commit, and return its hash."""
        write_text(
            self.path / "metrics.json",
            json.dumps({"model_hash": model, "n": len(git(self.path, "log", "--format=%H"))}),
        )
        write_text(self.path / NAME, text)
        git(self.path, "add", "-A")
        git(self.path, "commit", "-q", "--allow-empty", "-m", "a")
        return git(self.path, "rev-parse", "HEAD")


@pytest.fixture
def main(tmp_path):
    """Nothing yet."""
    return Main(tmp_path)


def test_a_fresh_copy_serves_nothing(main):
    """Nor one without the environment."""
    commit = main.commit(A)
    assert champion.served("prod", commit, main.path) is None
    assert champion.served("elsewhere", commit, main.path) is None


def test_what_is_served_is_what_the_overlay_says_at_that_commit(main):
    """Image and model."""
    first = main.commit(A)
    image = Image("ghcr.io/a/b", DIGEST, A)
    second = main.commit(A, with_image(FRESH, NAME, "champion", image))
    assert image == champion.served("prod", second, main.path)
    assert champion.served("prod", first, main.path) is None


@pytest.mark.parametrize("change", ["reset", "renamed", "deleted"])
def test_a_champion_that_is_gone_is_an_error(main, change):
    """What prod has served once is compared with: no edit of the overlay is a way round it."""
    text = with_image(FRESH, NAME, "champion", Image("ghcr.io/a/b", DIGEST, A))
    main.commit(A, text)
    if change == "deleted":
        git(main.path, "rm", "-q", NAME)
        git(main.path, "commit", "-q", "-m", "gone")
        commit = git(main.path, "rev-parse", "HEAD")
    else:
        commit = main.commit(A, FRESH if change == "reset" else text.replace("name: champion", "name: other"))
    with pytest.raises(CannotRun, match="has served an image and names none now"):
        champion.served("prod", commit, main.path)


def test_a_shallow_clone_cannot_tell(main, tmp_path):
    """What is not there is not known never to have been."""
    main.commit(A)
    commit = main.commit(B)
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{main.path}", "shallow")
    for look in (
        lambda: champion.served("prod", commit, tmp_path / "shallow"),
        lambda: champion.made_by(B, commit, tmp_path / "shallow"),
    ):
        with pytest.raises(CannotRun, match="git fetch --unshallow"):
            look()


def test_an_image_without_its_model_is_an_error(main):
    """It says what to write where."""
    commit = main.commit(A, with_image(FRESH, NAME, "champion", Image("ghcr.io/a/b", DIGEST)))
    with pytest.raises(CannotRun, match="set metadata.annotations.champion-model"):
        champion.served("prod", commit, main.path)


def test_a_model_is_found_by_its_hash(main):
    """The newest commit that brought it; one that went and came back is found too."""
    first, second, third, fourth = (main.commit(model) for model in (A, B, B, A))
    assert fourth == champion.made_by(A, fourth, main.path)
    assert first == champion.made_by(A, third, main.path)
    assert second == champion.made_by(B, fourth, main.path)
    assert second == champion.made_by(B, third, main.path)


def test_a_model_that_main_never_had_is_an_error(main):
    """A commit after the base does not count."""
    first = main.commit(A)
    main.commit(B)
    with pytest.raises(CannotRun, match=f"no commit of main has model {B[:12]}"):
        champion.made_by(B, first, main.path)
