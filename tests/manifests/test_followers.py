"""What makes a cluster follow main: it names overlays that exist, and is what Argo CD and Flux themselves say of their objects."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path

import jsonschema
import pytest
import yaml

from copies import ROOT
from mlops.delivery import overlay
from mlops.delivery.render import rendered
from rendering import needs_kustomize

OVERLAYS = {f"manifests/overlays/{name}" for name in overlay.environments(ROOT)}
MODULES = {  # {kind: (Go module, file in it)}: a project's definitions of its own objects
    "Application": ("github.com/argoproj/argo-cd/v3@v3.4.5", "manifests/crds/application-crd.yaml"),
    "ApplicationSet": ("github.com/argoproj/argo-cd/v3@v3.4.5", "manifests/crds/applicationset-crd.yaml"),
    "Kustomization": (
        "github.com/fluxcd/kustomize-controller@v1.7.3",
        "config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml",
    ),
    "GitRepository": (
        "github.com/fluxcd/source-controller@v1.8.0",
        "config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml",
    ),
    "PodMonitor": (
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
    ),
    "PrometheusRule": (
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ),
}
needs_go = pytest.mark.skipif(not shutil.which("go"), reason="needs Go, which brings the definitions of the objects")
FOLLOWERS = sorted(path.name for path in (ROOT / "manifests/followers").iterdir())


def applications(found: dict) -> list[dict]:
    """Return the Applications that an ApplicationSet makes of its list."""
    (generator,) = found["spec"]["generators"]
    text = json.dumps(found["spec"]["template"])
    made = [json.loads(text.replace("{{.environment}}", each["environment"])) for each in generator["list"]["elements"]]
    return [{"apiVersion": found["apiVersion"], "kind": "Application", **each} for each in made]


def objects(name: str) -> list[dict]:
    """Return what a cluster holds once a follower's folder is applied."""
    found = rendered(ROOT / "manifests/followers" / name)
    return found + [made for each in found if each["kind"] == "ApplicationSet" for made in applications(each)]


@cache
def definition(kind: str) -> dict:
    """Return the schema of a kind as its project publishes it, with every unknown field refused."""
    module, path = MODULES[kind]
    done = subprocess.run(["go", "mod", "download", "-json", module], cwd="/", capture_output=True, text=True)
    said = json.loads(done.stdout or "{}")
    if "Dir" not in said:
        pytest.skip(f"{module} cannot be downloaded here: {said.get('Error') or done.stderr}")
    crd = yaml.safe_load((Path(said["Dir"]) / path).read_text(encoding="utf-8"))
    (version,) = (each for each in crd["spec"]["versions"] if each["storage"])
    schema = closed(version["schema"]["openAPIV3Schema"])
    said = {"enum": [f"{crd['spec']['group']}/{version['name']}"]}
    schema["properties"] |= {"metadata": {"type": "object"}, "apiVersion": said}
    return schema


def closed(schema):
    """Return a schema that allows no other fields than those it names."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema.replace("^(?i)", "(?i)^") if isinstance(schema, str) else schema  # Go's way to write a pattern
    inner = {name: closed(each) for name, each in schema.items()}
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    names_fields = schema.get("type") == "object" and isinstance(schema.get("properties"), dict)
    return inner | ({"additionalProperties": False} if names_fields and not open_ended else {})


@needs_kustomize
@pytest.mark.parametrize("name", FOLLOWERS)
def test_a_follower_follows_overlays_that_exist(name):
    """Each environment once, at main of a repository that a person names."""
    found = objects(name)
    paths = [
        (each["spec"].get("source") or each["spec"])["path"].removeprefix("./")
        for each in found
        if each["kind"] in ("Application", "Kustomization")
    ]
    assert sorted(OVERLAYS) == sorted(paths)
    sources = [each["spec"] for each in found if each["kind"] == "GitRepository"]
    sources += [each["spec"]["source"] for each in found if each["kind"] == "Application"]
    assert {"https://github.com/OWNER/REPO"} == {each.get("url") or each["repoURL"] for each in sources}
    assert {"main"} == {each.get("targetRevision") or each["ref"]["branch"] for each in sources}


@needs_kustomize
@pytest.mark.parametrize("name", FOLLOWERS)
def test_what_git_no_longer_says_goes(name):
    """A challenger that is taken out of an overlay does not stay behind in the cluster."""
    for each in objects(name):
        if each["kind"] == "Application":
            assert {"prune": True, "selfHeal": True} == each["spec"]["syncPolicy"]["automated"]
        if each["kind"] == "Kustomization":
            assert (True, True) == (each["spec"]["prune"], each["spec"]["wait"])


@needs_kustomize
def test_a_namespace_is_the_overlay_s():
    """Nobody else makes it: it would lack the labels of pod security."""
    for each in objects("argo-cd"):
        if each["kind"] == "Application":
            (namespace,) = (
                one for one in rendered(ROOT / each["spec"]["source"]["path"]) if one["kind"] == "Namespace"
            )
            assert namespace["metadata"]["name"] == each["spec"]["destination"]["namespace"]
            assert ["ServerSideApply=true"] == each["spec"]["syncPolicy"]["syncOptions"]


def test_no_overlay_brings_its_follower():
    """They are applied once, by hand."""
    for path in (ROOT / "manifests").rglob("kustomization.yaml"):
        assert "followers" not in yaml.safe_dump(yaml.safe_load(path.read_text(encoding="utf-8"))), path


@needs_kustomize
@needs_go
@pytest.mark.slow
@pytest.mark.parametrize("name", FOLLOWERS)
def test_a_follower_is_what_its_project_says(name):
    """By its project's own schema; unknown fields are refused."""
    for each in objects(name):
        jsonschema.validate(each, definition(each["kind"]))


@needs_kustomize
@needs_go
@pytest.mark.slow
def test_monitors_and_rules_are_what_the_operator_says():
    """The same for Prometheus' operator."""
    found = [each for each in rendered(ROOT / "tests/manifests/fixtures/monitoring") if each["kind"] in MODULES]
    assert ["PodMonitor", "PodMonitor", "PrometheusRule"] == sorted(each["kind"] for each in found)
    for each in found:
        jsonschema.validate(each, definition(each["kind"]))


@needs_kustomize
@needs_go
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "path", "value"),
    [
        ("argo-cd", "Application", ("spec", "syncPolicy", "automated", "selfheal"), True),
        ("argo-cd", "ApplicationSet", ("spec", "goTemplate"), "yes"),
        ("argo-cd", "ApplicationSet", ("spec", "template", "spec", "source", "paths"), "a"),
        ("flux", "Kustomization", ("spec", "prunes"), True),
        ("flux", "Kustomization", ("spec", "interval"), "often"),
        ("flux", "GitRepository", ("spec", "branch"), "main"),
    ],
)
def test_the_check_of_followers_refuses(name, kind, path, value):
    """A word that is none, and a value of another type."""
    found = next(each for each in objects(name) if each["kind"] == kind)
    place = found
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found, definition(kind))
