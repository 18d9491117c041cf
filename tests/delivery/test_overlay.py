"""An overlay is read as it stands, and edited so that a reviewer sees the changed words alone."""

import difflib

import pytest

from mlops.delivery import overlay
from mlops.delivery.overlay import UNRELEASED, Image
from mlops.errors import CannotRun
from mlops.files import write_text

OLD, NEW = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
IMAGE = Image("ghcr.io/acme/model", NEW)
BLOCK = f"""# What prod serves.
images:
  - name: champion
    newName: registry.example/old  # moved in May
    digest: {OLD}  # by hand
  - name: challenger
    newName: "registry.example/old"
    digest: "{OLD}"
namespace: model-prod
"""
FLOW = f"images: [{{name: challenger, newName: x, digest: '{OLD}'}}, {{digest: {OLD}, newName: x, name: champion}}]\n"
UNINDENTED = f"images:\n- digest: {OLD}\n  # why\n  newName: x\n\n  name: champion\n\nresources: [../../base]\n"
WINDOWS = BLOCK.replace("\n", "\r\n")


@pytest.mark.parametrize("text", [BLOCK, FLOW, UNINDENTED, WINDOWS], ids=["block", "flow", "unindented", "windows"])
def test_an_edit_changes_the_repository_and_the_digest_and_nothing_else(text):
    """However a person has laid the file out; the other image, comments, order, quotes and line ends stay."""
    edited = overlay.with_image(text, "o.yaml", "champion", IMAGE)
    before, after = (overlay.images(each, "o.yaml") for each in (text, edited))
    assert before | {"champion": IMAGE} == after
    changed = [line for line in difflib.ndiff(text.splitlines(True), edited.splitlines(True)) if line[0] in "+-"]
    assert len(changed) <= 4
    assert text == overlay.with_image(edited, "o.yaml", "champion", before["champion"])


def test_the_models_hash_goes_with_the_image():
    """Where the image says it; a third line."""
    text = f"metadata:\n  annotations:\n    champion-model: none # why\n{BLOCK}"
    image = Image("ghcr.io/acme/model", NEW, "c" * 64)
    edited = overlay.with_image(text, "o.yaml", "champion", image)
    assert image == overlay.images(edited, "o.yaml")["champion"]
    assert f"champion-model: {'c' * 64} # why" in edited
    assert "" == overlay.images(text, "o.yaml")["champion"].model


def test_the_same_edit_twice_is_one():
    """The second changes nothing."""
    once = overlay.with_image(BLOCK, "o.yaml", "champion", IMAGE)
    assert once == overlay.with_image(once, "o.yaml", "champion", IMAGE)


@pytest.mark.parametrize("digest", ["v1", "sha256:abc", NEW.upper(), f"{NEW}\n", ""])
def test_only_a_digest_is_written(digest):
    """A tag, a part of one, another line."""
    with pytest.raises(CannotRun, match="is no digest"):
        overlay.with_image(BLOCK, "o.yaml", "champion", Image("x", digest))


def test_a_placeholder_that_is_not_there_is_named():
    """With those that are."""
    with pytest.raises(CannotRun, match=r"o\.yaml has no image 'router': it has champion, challenger"):
        overlay.with_image(BLOCK, "o.yaml", "router", IMAGE)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"images: [{{name: champion, newName: x, digest: {OLD}, newTag: v1}}]", "and nothing else"),
        ("images: [{name: champion, newName: x, newTag: v1}]", "needs newName and a digest"),
        (f"images: [{{name: champion, digest: {OLD}}}]", "needs newName and a digest"),
        ("images: [{name: champion, newName: x, digest: latest}]", "needs newName and a digest"),
        (FLOW.replace("challenger", "champion"), "named twice"),
        ("images: champion", "no list of images"),
        ("[", "no list of images"),
    ],
)
def test_an_overlay_that_does_not_name_digests_alone_is_refused(text, said):
    """Before anything is written by it."""
    with pytest.raises(CannotRun, match=said):
        overlay.images(text, "o.yaml")


def test_environments_are_the_folders(tmp_path):
    """And an unknown one is said with those that there are."""
    for name in ("prod", "dev"):
        write_text(tmp_path / f"manifests/overlays/{name}/kustomization.yaml", BLOCK)
    assert ["dev", "prod"] == overlay.environments(tmp_path)
    assert IMAGE.repository != overlay.read("prod", tmp_path)["champion"].repository
    with pytest.raises(CannotRun, match="there is no environment 'production': manifests/overlays has dev, prod"):
        overlay.read("production", tmp_path)


def test_a_fresh_copy_has_released_nothing():
    """Nought is no digest of anything."""
    assert not Image("unreleased", UNRELEASED).released
    assert IMAGE.released
