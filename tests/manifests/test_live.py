"""The overlays as they stand, whatever digest a promotion has put there: they render, are Kubernetes' own, and keep the policy."""

import shutil

import kubernetes_validate
import pytest

from copies import ROOT, unreleased
from mlops.delivery import overlay, policy
from mlops.delivery.overlay import Image
from mlops.delivery.render import rendered
from mlops.rollout import step
from rendering import needs_kustomize

PROD = "manifests/overlays/prod/kustomization.yaml"
ROLES = ("champion", "challenger")
ENVIRONMENTS = overlay.environments(ROOT)
VERSION = "1.33"  # of Kubernetes: the oldest that is still maintained
OTHERS = {"PodMonitor", "PrometheusRule"}  # kinds that are not Kubernetes' own
FOLDERS = {f"overlay {name}": ROOT / f"manifests/overlays/{name}" for name in ENVIRONMENTS} | {
    f"fixture {path.name}": path for path in (ROOT / "tests/manifests/fixtures").iterdir()
}


@needs_kustomize
@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS)
def test_every_object_is_one_of_kubernetes(folder):
    """Unknown fields are refused."""
    for each in rendered(folder):
        if each["kind"] not in OTHERS:
            kubernetes_validate.validate(each, VERSION, strict=True)


@needs_kustomize
def test_the_check_of_objects_refuses_an_unknown_field():
    """A word that is none."""
    deployment = next(each for each in rendered(FOLDERS["fixture base"]) if each["kind"] == "Deployment")
    deployment["spec"]["replica"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, VERSION, strict=True)


@needs_kustomize
@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS)
def test_every_object_keeps_the_policy(folder):
    """Digests, rights, limits, probes, network."""
    assert [] == policy.faults(rendered(folder))


@needs_kustomize
@pytest.mark.parametrize("name", ["stable", *step.STEPS])
def test_each_part_is_told_the_image_that_the_overlay_names(name, tmp_path):
    """The services for GET /version, the router the challenger's: the salt of its split. At step stable no challenger runs."""
    shutil.copytree(ROOT / "manifests", tmp_path / "manifests")
    file = tmp_path / PROD
    images = {
        role: Image("registry.example/model", f"sha256:{digit * 64}") for role, digit in zip(ROLES, "12", strict=True)
    }
    text = unreleased(ROOT)[PROD].replace("rollout/stable", f"rollout/{name}")
    for role, image in images.items():
        text = overlay.with_image(text, PROD, role, image)
    file.write_text(text, encoding="utf-8")
    told = {}
    for each in rendered(file.parent):
        if each["kind"] == "Deployment":
            (container,) = each["spec"]["template"]["spec"]["containers"]
            told[each["metadata"]["name"]] = container["image"], container["env"][0]["value"]
    assert str(images["challenger"]) == told.pop("router")[1]
    running = ROLES[: 1 + (name != "stable")]
    assert {f"model-{role}": (str(images[role]), str(images[role])) for role in running} == told


def test_a_file_holds_one_object():
    """Named in its kustomization."""
    for path in (ROOT / "manifests").rglob("*.yaml"):
        assert "\n---" not in path.read_text(encoding="utf-8"), path
