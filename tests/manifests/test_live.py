"""The overlays as they stand, whatever digest a promotion has put there: they render, are Kubernetes' own, and keep the policy."""

import kubernetes_validate
import pytest

from copies import ROOT
from mlops.delivery import overlay, policy
from mlops.delivery.render import rendered
from rendering import needs_kustomize

ENVIRONMENTS = overlay.environments(ROOT)
VERSION = "1.33"  # of Kubernetes: the oldest that is still maintained
OTHERS = {"PodMonitor"}  # kinds that are not Kubernetes' own
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
    (deployment,) = (each for each in rendered(FOLDERS["fixture base"]) if each["kind"] == "Deployment")
    deployment["spec"]["replica"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, VERSION, strict=True)


@needs_kustomize
@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS)
def test_every_object_keeps_the_policy(folder):
    """Digests, rights, limits, probes, network."""
    assert [] == policy.faults(rendered(folder))


@needs_kustomize
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_service_is_told_the_image_that_the_overlay_names(environment):
    """GET /version says it."""
    (deployment,) = (each for each in rendered(FOLDERS[f"overlay {environment}"]) if each["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    told = {each["name"]: each["value"] for each in container["env"]}
    assert str(overlay.read(environment, ROOT)["champion"]) == container["image"] == told["IMAGE_DIGEST"]


def test_a_file_holds_one_object():
    """Named in its kustomization."""
    for path in (ROOT / "manifests").rglob("*.yaml"):
        assert "\n---" not in path.read_text(encoding="utf-8"), path
