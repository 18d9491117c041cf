"""The verb looks at every overlay, and fails for one."""

import re
import shutil

import pytest

from copies import ROOT, unreleased
from mlops.delivery import manifests
from mlops.errors import CannotRun
from rendering import needs_kustomize

pytestmark = needs_kustomize


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """This repository's manifests, in the working directory."""
    shutil.copytree(ROOT / "manifests", tmp_path / "manifests")
    for name, text in unreleased().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_handed_out_has_no_fault(tree, capsys):
    """A line an environment."""
    assert 0 == manifests.run(None)
    assert ["dev", "prod", "staging"] == [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]


def test_a_fault_of_one_overlay_is_said_and_fails(tree, capsys):
    """The others are looked at all the same."""
    path = tree / "manifests/overlays/prod/kustomization.yaml"
    path.write_text(path.read_text().replace("namespace: model-prod", "namespace: default"))
    assert 1 == manifests.run(None)
    said = capsys.readouterr().out
    assert "- Service model is in namespace default" in said
    assert re.search(r"^staging: \d+ objects, no fault$", said, re.M)


def test_a_patch_that_puts_another_image_in_is_said_and_fails(tree, capsys):
    """What is rendered is what `images:` lists."""
    path = tree / "manifests/overlays/prod/kustomization.yaml"
    other = f"evil.example/x@sha256:{'2' * 64}"
    patch = (
        "patches:\n  - target: {kind: Deployment}\n    patch: |-\n"
        f"      - {{op: replace, path: /spec/template/spec/containers/0/image, value: '{other}'}}\n"
    )
    path.write_text(path.read_text() + patch)
    assert 1 == manifests.run(None)
    assert f"container model: {other} is no image of the overlay's list" in capsys.readouterr().out


def test_no_environment_is_no_pass(tree):
    """There is nothing to judge."""
    shutil.rmtree(tree / "manifests/overlays")
    with pytest.raises(CannotRun, match="manifests/overlays has no environment"):
        manifests.run(None)


def test_a_tag_in_an_overlay_cannot_run(tree):
    """It is no digest."""
    path = tree / "manifests/overlays/dev/kustomization.yaml"
    path.write_text(path.read_text().replace("digest: sha256", "newTag: sha256"))
    with pytest.raises(CannotRun, match="overlays/dev/kustomization.yaml: image 'champion' needs newName and a digest"):
        manifests.run(None)


def test_an_overlay_without_a_step_is_refused(tree):
    """Its router would have no routes."""
    path = tree / "manifests/overlays/prod/kustomization.yaml"
    line = next(each for each in path.read_text().splitlines() if "rollout/" in each)
    path.write_text(path.read_text().replace(f"components:\n{line}\n", ""))
    with pytest.raises(CannotRun, match="prod/kustomization.yaml should name one step"):
        manifests.run(None)
